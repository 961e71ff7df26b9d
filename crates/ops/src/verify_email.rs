//! Verifies the e-mail address of a 002 account by the link that was sent to it.

use crate::{Core, Unavailable};

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyEmailError {
    /// Unknown, expired or used; or the address has become another account's.
    #[error("the link is not valid")]
    Invalid,
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// Verifies the e-mail address of a 002 account by the link that was sent to it.
    ///
    /// # Errors
    /// [`VerifyEmailError`].
    pub async fn verify_email(&self, link: &str) -> Result<(), VerifyEmailError> {
        Err(Unavailable::Store.into())
    }
}
