//! Sets a new password on the proof of a code or a link that was sent to the owner.

use countersign_model::limit::RetryAfter;
use countersign_model::password::{Fault, Password, Rule};

use crate::{Core, Unavailable};

/// What shows that the owner asks.
#[derive(Clone, Copy, Debug)]
pub enum ResetProof<'a> {
    /// A verification code of 000, as typed.
    VerificationCode(&'a str),
    /// The secret of a reset link of 001 or 003.
    Link(&'a str),
}

/// The reset.
#[derive(Debug)]
pub struct ResetPassword<'a> {
    /// The proof.
    pub proof: ResetProof<'a>,
    /// The password from now on.
    pub new: &'a Password,
    /// Whose rule it must meet.
    pub rule: Rule,
    /// Who asks.
    pub source: crate::Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResetPasswordError {
    /// The new password does not meet the rule; nothing was used up.
    #[error("the password does not meet the rule")]
    Password(Vec<Fault>),
    /// Unknown, expired or used; or sent to an identifier without an account.
    #[error("the proof is not valid")]
    Invalid,
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// Sets a new password on the proof of a code or a link that was sent to the owner.
    ///
    /// # Errors
    /// [`ResetPasswordError`].
    pub async fn reset_password(&self, request: ResetPassword<'_>) -> Result<(), ResetPasswordError> {
        Err(Unavailable::Store.into())
    }
}
