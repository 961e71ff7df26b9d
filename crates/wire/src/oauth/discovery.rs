//! What this server can do, for programs.

use countersign_ops::Unavailable;

use super::error::OAuthError;
use crate::http::{Call, Reply};

pub(super) async fn configuration(_: &Call<'_>) -> Result<Reply, OAuthError> {
    Err(Unavailable::Fault.into())
}

pub(super) async fn protected_resource(_: &Call<'_>) -> Result<Reply, OAuthError> {
    Err(Unavailable::Fault.into())
}

pub(super) async fn jwks(_: &Call<'_>) -> Result<Reply, OAuthError> {
    Err(Unavailable::Fault.into())
}
