//! Makes the account whose registration the code belongs to (002 `validatephone`).

use countersign_model::identifier::Identifier;
use countersign_model::limit::RetryAfter;

use crate::{Core, Unavailable};

/// The proof.
#[derive(Debug)]
pub struct ValidatePhone<'a> {
    /// The number.
    pub phone: Identifier,
    /// As typed.
    pub code: &'a str,
    /// Who asks.
    pub source: crate::Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidatePhoneError {
    /// No registration awaits a code for this number.
    #[error("no registration awaits this number")]
    UnknownNumber,
    /// Another code, or expired, or void after too many tries.
    #[error("the code is wrong")]
    CodeWrong,
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// Makes the account whose registration the code belongs to (002 `validatephone`).
    ///
    /// # Errors
    /// [`ValidatePhoneError`].
    pub async fn validate_phone(&self, request: ValidatePhone<'_>) -> Result<(), ValidatePhoneError> {
        Err(Unavailable::Store.into())
    }
}
