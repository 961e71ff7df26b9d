//! Changes a password, given the current one and a session (000 `/change_password`).

use countersign_model::limit::RetryAfter;
use countersign_model::password::{Fault, Password, Rule};
use countersign_model::session::TokenPurpose;

use crate::{Core, Unavailable};

/// The change.
#[derive(Debug)]
pub struct ChangePassword<'a> {
    /// A token of the session that asks; this session goes on, all others end.
    pub token: &'a str,
    /// What the token must be for.
    pub purpose: TokenPurpose,
    /// The password until now.
    pub current: &'a Password,
    /// The password from now on.
    pub new: &'a Password,
    /// Whose rule it must meet.
    pub rule: Rule,
    /// Who asks.
    pub source: crate::Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangePasswordError {
    /// The new password does not meet the rule; nothing was used up.
    #[error("the password does not meet the rule")]
    Password(Vec<Fault>),
    /// The token is not valid.
    #[error("the session is not valid")]
    SessionInvalid,
    /// The current password is another.
    #[error("the current password is wrong")]
    CurrentWrong,
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// Changes a password, given the current one and a session (000 `/change_password`).
    ///
    /// # Errors
    /// [`ChangePasswordError`].
    pub async fn change_password(&self, request: ChangePassword<'_>) -> Result<(), ChangePasswordError> {
        Err(Unavailable::Store.into())
    }
}
