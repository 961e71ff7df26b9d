//! Accounts and what people can read about them.

use serde::{Deserialize, Serialize};

/// The readable facts of an account, sealed as one value at rest (design 3.2).
///
/// Identifiers stand here as their owner wrote them; finding an account by one goes through the
/// keyed hash in the identifier table. 002's e-mail and phone never get here (002-12).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// As given at registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// As given; `None` for an account whose e-mail is kept as a hash only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// As given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// 004's `first_name`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub first_name: String,
    /// 004's `last_name`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_name: String,
}

impl Profile {
    /// What pages call them.
    pub fn shown_name(&self) -> &str {
        let known = self.email.as_deref().or(self.username.as_deref()).or(self.phone.as_deref());
        known.unwrap_or(&self.first_name)
    }
}

/// Whether an account may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// In use.
    Active,
    /// Stopped by an operator; can be restored.
    Suspended,
    /// Ended for good. Its ids are never given out again, its identifiers are free.
    Closed,
}
