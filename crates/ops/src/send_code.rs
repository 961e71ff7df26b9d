//! Sends a verification code to an address or a number (000 `/send`).

use countersign_model::identifier::Identifier;
use countersign_model::limit::RetryAfter;
use countersign_model::message::Template;

use crate::{Core, Unavailable};

/// What to send where.
#[derive(Debug)]
pub struct SendCode {
    /// An e-mail address or a phone number, registered or not.
    pub target: Identifier,
    /// The text around the code; it does not restrict what the code may be used for (000-32).
    pub template: Template,
    /// Who asks.
    pub source: crate::Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendCodeError {
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// Sends a verification code to an address or a number (000 `/send`).
    ///
    /// # Errors
    /// [`SendCodeError`].
    pub async fn send_code(&self, request: SendCode) -> Result<(), SendCodeError> {
        Err(Unavailable::Store.into())
    }
}
