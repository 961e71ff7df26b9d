//! The introspection endpoint (RFC 7662).

use countersign_model::oauth::ErrorCode;
use countersign_ops::oauth::introspect::IntrospectError;
use http::StatusCode;
use http::header::{ACCEPT, HeaderValue};

use super::error::OAuthError;
use super::request;
use crate::http::{Call, Reply};

/// RFC 9701 §4.
const SIGNED: &str = "application/token-introspection+jwt";

impl From<IntrospectError> for OAuthError {
    fn from(error: IntrospectError) -> OAuthError {
        match error {
            IntrospectError::Public => {
                OAuthError::invalid_client("Only a client that authenticates may ask about tokens.")
            }
            IntrospectError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let (client, parameters) = request::authenticated(call).await?;
    let token = parameters.get("token").ok_or_else(missing)?;
    let introspection = call.core().introspect(&client, token).await?;
    let wants_signed = client.metadata.introspection_signed_response_alg.is_some()
        || call.header(ACCEPT).is_some_and(|accept| accept.contains(SIGNED));
    if wants_signed {
        let signed = Box::pin(call.core().sign_introspection(&client, &introspection)).await?;
        return Ok(Reply::bytes(StatusCode::OK, HeaderValue::from_static(SIGNED), signed).no_store());
    }
    Ok(Reply::json(StatusCode::OK, &introspection).no_store())
}

/// For a request without a token.
pub(super) fn missing() -> OAuthError {
    OAuthError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, "The request has no token.")
}
