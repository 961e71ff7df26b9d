//! Signs in with an identifier and a code that was sent to it (000 `/login`).

use countersign_model::identifier::Identifier;
use countersign_model::limit::RetryAfter;
use countersign_model::session::Surface;

use crate::SignedIn;
use crate::{Core, Unavailable};

/// Who wants in.
#[derive(Debug)]
pub struct SignInWithCode<'a> {
    /// The identifier that the code was sent to.
    pub identifier: Identifier,
    /// As typed.
    pub code: &'a str,
    /// The door.
    pub surface: Surface,
    /// Who asks.
    pub source: crate::Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInWithCodeError {
    /// Unknown identifier; or unknown, expired or used code; or a code sent to another identifier.
    #[error("no such identifier and code")]
    Credentials,
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// Signs in with an identifier and a code that was sent to it (000 `/login`).
    ///
    /// # Errors
    /// [`SignInWithCodeError`].
    pub async fn sign_in_with_code(
        &self,
        request: SignInWithCode<'_>,
    ) -> Result<SignedIn, SignInWithCodeError> {
        Err(Unavailable::Store.into())
    }
}
