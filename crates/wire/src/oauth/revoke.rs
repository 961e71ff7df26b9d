//! The revocation endpoint (RFC 7009).

use countersign_model::oauth::ErrorCode;
use countersign_ops::oauth::revoke::RevokeError;
use http::StatusCode;

use super::error::OAuthError;
use super::{cors, introspect, request};
use crate::http::{Call, Reply};

impl From<RevokeError> for OAuthError {
    fn from(error: RevokeError) -> OAuthError {
        match error {
            RevokeError::Foreign => OAuthError::new(
                StatusCode::BAD_REQUEST,
                ErrorCode::InvalidGrant,
                "The token was not issued to this client.",
            ),
            RevokeError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let (client, parameters) = request::authenticated(call).await?;
    let token = parameters.get("token").ok_or_else(introspect::missing);
    let done = match token {
        Ok(token) => call.core().revoke(&client, token).await.map_err(OAuthError::from),
        Err(missing) => Err(missing),
    };
    // RFC 7009 §2.2: also for a token that is none.
    let reply = done.map_or_else(Reply::from, |()| Reply::empty(StatusCode::OK).no_store());
    Ok(cors::allow(call, &client, reply))
}

pub(super) async fn preflight(call: &Call<'_>) -> Result<Reply, OAuthError> {
    cors::preflight(call).await
}
