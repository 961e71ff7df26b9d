//! 000's replies: a status, and a body only where a token is handed out.

use countersign_ops::SessionTokens;
use http::StatusCode;
use serde::Serialize;

use crate::http::Reply;

/// The body of `/login` and `/refresh`.
#[derive(Serialize)]
struct SessionBody<'a> {
    session_token: &'a str,
}

/// 200 with the session token.
pub(super) fn session(tokens: &SessionTokens) -> Reply {
    Reply::json(StatusCode::OK, &SessionBody { session_token: tokens.access.token.reveal() }).no_store()
}

/// 201.
pub(super) fn created() -> Reply {
    Reply::empty(StatusCode::CREATED)
}

/// 202: queued for delivery.
pub(super) fn queued() -> Reply {
    Reply::empty(StatusCode::ACCEPTED)
}

/// 204.
pub(super) fn done() -> Reply {
    Reply::empty(StatusCode::NO_CONTENT)
}
