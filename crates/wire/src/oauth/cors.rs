//! Which scripts may read an answer (Fetch standard, CORS). Where it is about a client, only those of its own origins,
//! which were registered with it; where there is no client yet, all. Never with cookies.

use countersign_model::oauth::Client;
use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};

use super::error::OAuthError;
use crate::http::{Call, Reply};

/// Those that scripts may read besides the usual ones.
const EXPOSED: HeaderValue = HeaderValue::from_static("WWW-Authenticate, DPoP-Nonce");

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

/// The same for what any script may read. What it sends along is its own: a browser adds no credentials to it, and
/// versions of protocols travel in headers of many names.
pub(super) async fn open_preflight(_: &Call<'_>) -> Result<Reply, OAuthError> {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "*, authorization, content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    let reply = allow_all(Reply::empty(StatusCode::NO_CONTENT));
    Ok(headers
        .into_iter()
        .fold(reply, |reply, (name, value)| reply.header(name, HeaderValue::from_static(value))))
}

/// Lets any script read the answer: it is the same for all, or for whoever sent what it needs.
pub(super) fn allow_all(reply: Reply) -> Reply {
    reply
        .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"))
        .header(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED)
}

/// Lets a script of this client read the answer.
pub(super) fn allow(call: &Call<'_>, client: &Client, reply: Reply) -> Reply {
    let reply = reply.header(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = call.header(header::ORIGIN) else { return reply };
    let metadata = &client.metadata;
    let is_own = metadata.allowed_origins.iter().any(|own| own == origin)
        || metadata.redirect_uris.iter().any(|uri| uri.origin().is_some_and(|own| own == origin));
    match HeaderValue::from_str(origin) {
        Ok(value) if is_own => reply
            .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, value)
            .header(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED),
        _ => reply,
    }
}
