//! Makes an account for the identifier that a code was sent to (000 `/register`).

use countersign_model::ids::AccountId;
use countersign_model::limit::RetryAfter;
use countersign_model::password::{Fault, Password, Rule};

use crate::{Core, Unavailable};

/// The code and the password of the new account.
#[derive(Debug)]
pub struct RegisterWithCode<'a> {
    /// As typed.
    pub code: &'a str,
    /// The password.
    pub password: &'a Password,
    /// Whose rule it must meet.
    pub rule: Rule,
    /// Who asks.
    pub source: crate::Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterWithCodeError {
    /// The new password does not meet the rule; nothing was used up.
    #[error("the password does not meet the rule")]
    Password(Vec<Fault>),
    /// Unknown, expired or used code.
    #[error("the code is not valid")]
    CodeInvalid,
    /// The identifier belongs to an account; the code stays usable.
    #[error("the identifier is registered")]
    IdentifierTaken,
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// Makes an account for the identifier that a code was sent to (000 `/register`).
    ///
    /// # Errors
    /// [`RegisterWithCodeError`].
    pub async fn register_with_code(
        &self,
        request: RegisterWithCode<'_>,
    ) -> Result<AccountId, RegisterWithCodeError> {
        Err(Unavailable::Store.into())
    }
}
