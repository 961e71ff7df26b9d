//! Signs an identity token for Layer (004 `/auth/layer/`).

use crate::check_session::Principal;
use crate::{Core, Unavailable};

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueLayerTokenError {
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// Signs an identity token for Layer (004 `/auth/layer/`).
    ///
    /// # Errors
    /// [`IssueLayerTokenError`].
    pub async fn issue_layer_token(
        &self,
        principal: &Principal,
        nonce: &str,
    ) -> Result<String, IssueLayerTokenError> {
        Err(Unavailable::Store.into())
    }
}
