//! 001's replies, in `application/json; charset=UTF-8` (001-02).

use countersign_ops::request_account::RequestedAccount;
use countersign_ops::{SessionTokens, SignedIn};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::Reply;

/// An account.
#[derive(Serialize, ToSchema)]
#[schema(as = authd::UserBody)]
pub struct UserBody<'a> {
    id: String,
    email: &'a str,
    active: bool,
}

/// Tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = authd::TokenBody)]
pub struct TokenBody<'a> {
    access: &'a str,
    refresh: &'a str,
    created: String,
    expired: String,
}

/// An account, and the tokens of its first session once it is confirmed.
#[derive(Serialize, ToSchema)]
#[schema(as = authd::AccountBody)]
pub struct AccountBody<'a> {
    user: UserBody<'a>,
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<TokenBody<'a>>,
}

/// 201: the account awaits its confirmation.
pub(super) fn requested(account: &RequestedAccount) -> Reply {
    let user = UserBody { id: account.uuid.to_string(), email: &account.email, active: false };
    Reply::json_utf8(StatusCode::CREATED, &AccountBody { user, token: None })
}

/// 200: the account is confirmed and signed in.
pub(super) fn confirmed(signed_in: &SignedIn) -> Reply {
    let email = signed_in.profile.email.as_deref().unwrap_or_default();
    let user = UserBody { id: signed_in.uuid.to_string(), email, active: true };
    let token = Some(token(&signed_in.tokens));
    Reply::json_utf8(StatusCode::OK, &AccountBody { user, token }).no_store()
}

/// 200 with the four members at the top level (001-12).
pub(super) fn signed_in(tokens: &SessionTokens) -> Reply {
    Reply::json_utf8(StatusCode::OK, &token(tokens)).no_store()
}

/// 204.
pub(super) fn done() -> Reply {
    Reply::empty(StatusCode::NO_CONTENT)
}

fn token(tokens: &SessionTokens) -> TokenBody<'_> {
    TokenBody {
        access: tokens.access.token.reveal(),
        refresh: refresh_token(tokens),
        created: tokens.access.issued_at.date_and_time(),
        expired: tokens.access.expires_at.date_and_time(),
    }
}

/// Sessions of this surface always have one.
pub(super) fn refresh_token(tokens: &SessionTokens) -> &str {
    tokens.refresh.as_ref().map(|issued| issued.token.reveal()).unwrap_or_default()
}
