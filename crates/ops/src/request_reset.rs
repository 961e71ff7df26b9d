//! Sends a link to reset the password, if the address is an account's (001, 003).

use countersign_model::identifier::Identifier;
use countersign_model::limit::RetryAfter;
use countersign_model::session::Surface;

use crate::{Core, Unavailable};

/// Whose password.
#[derive(Debug)]
pub struct RequestReset {
    /// The e-mail address, known or not: the answer is the same (003-20).
    pub email: Identifier,
    /// 001 or 003: which message is sent, and whether 003's limit of three a day counts.
    pub surface: Surface,
    /// Who asks.
    pub source: crate::Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestResetError {
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// Sends a link to reset the password, if the address is an account's (001, 003).
    ///
    /// # Errors
    /// [`RequestResetError`].
    pub async fn request_reset(&self, request: RequestReset) -> Result<(), RequestResetError> {
        Err(Unavailable::Store.into())
    }
}
