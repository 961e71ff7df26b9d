//! Which scripts may read an answer (Fetch standard, CORS). Only those of a client's own origins, which were
//! registered with it, and never with cookies.

use countersign_model::oauth::Client;
use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};

use super::error::OAuthError;
use crate::http::{Call, Reply};

/// What a browser asks before a script's request: nobody has said yet which client it is, so any client's
/// origin may go on.
pub(super) async fn preflight(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let reply = Reply::empty(StatusCode::NO_CONTENT).header(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = call.header(header::ORIGIN) else { return Ok(reply) };
    let Ok(value) = HeaderValue::from_str(origin) else { return Ok(reply) };
    if !call.core().is_client_origin(origin).await? {
        return Ok(reply);
    }
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, value),
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST")),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type, dpop")),
        (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
    ];
    Ok(headers.into_iter().fold(reply, |reply, (name, value)| reply.header(name, value)))
}

/// Lets a script of this client read the answer.
pub(super) fn allow(call: &Call<'_>, client: &Client, reply: Reply) -> Reply {
    let reply = reply.header(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = call.header(header::ORIGIN) else { return reply };
    let metadata = &client.metadata;
    let is_own = metadata.allowed_origins.iter().any(|own| own == origin)
        || metadata.redirect_uris.iter().any(|uri| uri.origin().is_some_and(|own| own == origin));
    match HeaderValue::from_str(origin) {
        Ok(value) if is_own => reply.header(header::ACCESS_CONTROL_ALLOW_ORIGIN, value).header(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("WWW-Authenticate, DPoP-Nonce"),
        ),
        _ => reply,
    }
}
