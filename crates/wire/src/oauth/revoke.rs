//! The revocation endpoint (RFC 7009).

use countersign_ops::Unavailable;

use super::error::OAuthError;
use crate::http::{Call, Reply};

pub(super) async fn answer(_: &Call<'_>) -> Result<Reply, OAuthError> {
    Err(Unavailable::Fault.into())
}
