//! What this server can do, for programs.

use bytes::Bytes;
use countersign_model::oauth::ErrorCode;
use http::StatusCode;
use http::header::{ETAG, HeaderValue, IF_NONE_MATCH};

use super::cors;
use super::error::OAuthError;
use crate::http::{Call, Reply};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const STATUS_LIST: HeaderValue = HeaderValue::from_static("application/statuslist+jwt");
const JWK_SET: HeaderValue = HeaderValue::from_static("application/jwk-set+json");

/// How long anybody may keep it, in seconds: shorter than the time for which a key is published before it signs.
const KEPT: u32 = 300;

/// How long what stands between may keep a status list.
const BETWEEN: u32 = 5;

pub(super) async fn configuration(call: &Call<'_>) -> Result<Reply, OAuthError> {
    Ok(public(JSON, call.core().server_metadata()))
}

pub(super) async fn protected_resource(call: &Call<'_>) -> Result<Reply, OAuthError> {
    Ok(public(JSON, call.core().resource_metadata()))
}

pub(super) async fn jwks(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let keys = call.core().published_keys().await;
    let reply = match call.header(IF_NONE_MATCH) {
        Some(known) if known == keys.etag => Reply::empty(StatusCode::NOT_MODIFIED).cached(KEPT),
        _ => public(JWK_SET, keys.jwks.clone()),
    };
    // Nobody is to keep a set that lacks a key.
    let reply = if keys.is_complete() { reply } else { reply.no_store() };
    Ok(match HeaderValue::from_str(&keys.etag) {
        Ok(etag) => reply.header(ETAG, etag),
        Err(_) => reply,
    })
}

/// A status list. What stands in between keeps it for less than it says itself.
pub(super) async fn status_list(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let none =
        || OAuthError::new(StatusCode::NOT_FOUND, ErrorCode::InvalidRequest, "There is no such status list.");
    let list = call.core().status_list(call.parameter()).await?.ok_or_else(none)?;
    // Whoever asks for what was must not take what is for it (Token Status List §8.4).
    if call.query_parameters().is_ok_and(|query| query.get("time").is_some()) {
        let why = "What the status was at another time is not known here.";
        return Err(OAuthError::new(StatusCode::NOT_IMPLEMENTED, ErrorCode::InvalidRequest, why));
    }
    Ok(public(STATUS_LIST, list).cached(BETWEEN))
}

/// Scripts of every origin may read it: it is the same for all, and says nothing of anybody.
fn public(content_type: HeaderValue, body: Bytes) -> Reply {
    cors::allow_all(Reply::bytes(StatusCode::OK, content_type, body).cached(KEPT))
}
