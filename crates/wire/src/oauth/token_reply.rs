//! What the token endpoint answers (RFC 6749 §5.1).

use countersign_model::oauth::{AuthorizationDetails, Scope};
use countersign_ops::oauth::exchange_code::{TokenType, Tokens};
use http::StatusCode;
use http::header::{self, HeaderValue};
use serde::Serialize;

use crate::http::Reply;

#[derive(Serialize)]
struct Body<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Scope::is_empty")]
    scope: &'a Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "AuthorizationDetails::is_empty")]
    authorization_details: &'a AuthorizationDetails,
}

/// The tokens; nobody may keep the answer.
pub(super) fn reply(tokens: &Tokens) -> Reply {
    let body = Body {
        access_token: &tokens.access,
        token_type: match tokens.token_type {
            TokenType::Bearer => "Bearer",
            TokenType::Dpop => "DPoP",
        },
        expires_in: tokens.expires_in,
        refresh_token: tokens.refresh.as_deref(),
        id_token: tokens.id_token.as_deref(),
        scope: &tokens.scope,
        issued_token_type: tokens.issued_type,
        authorization_details: &tokens.details,
    };
    Reply::json(StatusCode::OK, &body).no_store().header(header::PRAGMA, HeaderValue::from_static("no-cache"))
}
