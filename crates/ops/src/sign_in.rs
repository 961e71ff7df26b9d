//! Signs in with an identifier and a password: the one rule for every surface.

use countersign_model::identifier::Identifier;
use countersign_model::limit::RetryAfter;
use countersign_model::password::Password;
use countersign_model::session::Surface;

use crate::SignedIn;
use crate::{Core, Unavailable};

/// Who wants in.
#[derive(Debug)]
pub struct SignIn<'a> {
    /// `None` if what was typed can be no account's: it costs the same and fails alike.
    pub identifier: Option<Identifier>,
    /// The password.
    pub password: &'a Password,
    /// The door.
    pub surface: Surface,
    /// Who asks.
    pub source: crate::Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// Unknown identifier, wrong password, suspended account: one fact (R023).
    #[error("no such identifier and password")]
    Credentials,
    /// The password is right and the phone number of the registration is not validated yet (002-22).
    #[error("the phone number is not validated")]
    UnverifiedNumber,
    /// The password is right and the e-mail of the registration is not verified yet (002-23).
    #[error("the e-mail is not verified")]
    UnverifiedEmail,
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// Signs in with an identifier and a password: the one rule for every surface.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn sign_in(&self, request: SignIn<'_>) -> Result<SignedIn, SignInError> {
        Err(Unavailable::Store.into())
    }
}
