//! Opens a registration that an SMS code validates (002 `register`).

use countersign_model::identifier::Identifier;
use countersign_model::limit::RetryAfter;
use countersign_model::password::{Fault, Password, Rule};

use crate::{Core, Unavailable};

/// The account to be.
#[derive(Debug)]
pub struct RegisterByPhone<'a> {
    /// The username.
    pub username: Identifier,
    /// The password.
    pub password: &'a Password,
    /// The number, used for the code and never linked to the account (002-12).
    pub phone: Identifier,
    /// An e-mail address, kept as a hash.
    pub email: Option<Identifier>,
    /// Who asks.
    pub source: crate::Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterByPhoneError {
    /// The new password does not meet the rule; nothing was used up.
    #[error("the password does not meet the rule")]
    Password(Vec<Fault>),
    /// A validated account has the username.
    #[error("the username is taken")]
    UsernameTaken,
    /// The number has validated an account before (002-13).
    #[error("the phone number is used")]
    PhoneTaken,
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// Opens a registration that an SMS code validates (002 `register`).
    ///
    /// # Errors
    /// [`RegisterByPhoneError`].
    pub async fn register_by_phone(&self, request: RegisterByPhone<'_>) -> Result<(), RegisterByPhoneError> {
        Err(Unavailable::Store.into())
    }
}
