//! Dynamic registration (RFC 7591, RFC 7592).

use countersign_ops::Unavailable;

use super::error::OAuthError;
use crate::http::{Call, Reply};

pub(super) async fn register(_: &Call<'_>) -> Result<Reply, OAuthError> {
    Err(Unavailable::Fault.into())
}

pub(super) async fn read(_: &Call<'_>) -> Result<Reply, OAuthError> {
    Err(Unavailable::Fault.into())
}

pub(super) async fn replace(_: &Call<'_>) -> Result<Reply, OAuthError> {
    Err(Unavailable::Fault.into())
}

pub(super) async fn remove(_: &Call<'_>) -> Result<Reply, OAuthError> {
    Err(Unavailable::Fault.into())
}
