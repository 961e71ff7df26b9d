//! Exchanges a token for a new one of the same session, once.

use countersign_model::session::TokenPurpose;

use crate::SessionTokens;
use crate::{Core, Unavailable};

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshSessionError {
    /// Unknown, expired, used or ended.
    #[error("the token is not valid")]
    Invalid,
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// Exchanges a token for a new one of the same session, once.
    ///
    /// # Errors
    /// [`RefreshSessionError`].
    pub async fn refresh_session(
        &self,
        token: &str,
        purpose: TokenPurpose,
    ) -> Result<SessionTokens, RefreshSessionError> {
        Err(Unavailable::Store.into())
    }
}
