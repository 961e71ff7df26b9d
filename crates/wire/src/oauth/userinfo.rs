//! The userinfo endpoint (OpenID Connect Core §5.3).

use countersign_ops::Unavailable;

use super::error::OAuthError;
use crate::http::{Call, Reply};

pub(super) async fn answer(_: &Call<'_>) -> Result<Reply, OAuthError> {
    Err(Unavailable::Fault.into())
}

pub(super) async fn preflight(_: &Call<'_>) -> Result<Reply, OAuthError> {
    Err(Unavailable::Fault.into())
}
