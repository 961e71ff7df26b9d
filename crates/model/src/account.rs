//! Accounts and what people can read about them.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, Uuid};
use crate::time::Timestamp;

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

/// An account as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The integer id.
    pub id: AccountId,
    /// The public id.
    pub uuid: Uuid,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it may be used.
    pub standing: Standing,
    /// Sessions carry the epoch they were started in and are valid only in it: raising it ends
    /// them all, those that are being started or refreshed at this moment too.
    pub epoch: i64,
    /// Rises with every change of the profile, so that two changes at once cannot lose one.
    pub version: i64,
    /// What people can read.
    pub profile: Profile,
}
