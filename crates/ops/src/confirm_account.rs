//! Makes the account whose registration the link belongs to, and signs in (001).

use crate::SignedIn;
use crate::{Core, Unavailable};

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmAccountError {
    /// Unknown, expired or used; or the address has become another account's.
    #[error("the confirmation is not valid")]
    Invalid,
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// Makes the account whose registration the link belongs to, and signs in (001).
    ///
    /// # Errors
    /// [`ConfirmAccountError`].
    pub async fn confirm_account(&self, id: &str) -> Result<SignedIn, ConfirmAccountError> {
        Err(Unavailable::Store.into())
    }
}
