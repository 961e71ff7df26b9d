//! Ends the session of a token, or all sessions of its account.

use countersign_model::session::TokenPurpose;

use crate::{Core, Unavailable};

/// Which sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignOut {
    /// The token's own.
    This,
    /// All of the account (000-44).
    All,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignOutError {
    /// Unknown, expired, used or ended.
    #[error("the token is not valid")]
    Invalid,
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// Ends the session of a token, or all sessions of its account.
    ///
    /// # Errors
    /// [`SignOutError`].
    pub async fn sign_out(
        &self,
        token: &str,
        purpose: TokenPurpose,
        which: SignOut,
    ) -> Result<(), SignOutError> {
        Err(Unavailable::Store.into())
    }
}
