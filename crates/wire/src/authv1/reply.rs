//! What the five calls answer.

use countersign_model::session::IssuedToken;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::Reply;

/// A token as the document shows it.
#[derive(Serialize, ToSchema)]
#[schema(as = authv1::TokenReply)]
pub struct TokenReply<'a> {
    /// When it was issued: `2012-07-16T17:23:34Z` (003-02).
    pub oauth_timestamp: String,
    /// The token.
    pub oauth_token: &'a str,
}

/// A text for the member, and the form of every error.
#[derive(Serialize, ToSchema)]
#[schema(as = authv1::MessageReply)]
pub struct MessageReply<'a> {
    /// The text.
    pub message: &'a str,
}

/// 200 with a token.
pub fn token(issued: &IssuedToken) -> Reply {
    let body = TokenReply { oauth_timestamp: issued.issued_at.rfc3339(), oauth_token: issued.token.reveal() };
    Reply::json(StatusCode::OK, &body).no_store()
}

/// 200 with a text.
pub fn message(text: &str) -> Reply {
    Reply::message(StatusCode::OK, text)
}

/// 200 without a body.
pub fn done() -> Reply {
    Reply::empty(StatusCode::OK)
}
