//! What the five calls answer.

use countersign_model::account::Profile;
use countersign_model::ids::AccountId;
use countersign_model::session::IssuedToken;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::Reply;

/// A user as the document shows one.
#[derive(Serialize, ToSchema)]
#[schema(as = rest::ProfileReply)]
pub struct ProfileReply<'a> {
    id: i64,
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
}

/// A user. The e-mail of an account that has none to show (002-12) is an empty text, since the
/// document promises a string.
pub fn profile(status: StatusCode, account: AccountId, profile: &Profile) -> Reply {
    let Profile { email, first_name, last_name, .. } = profile;
    let email = email.as_deref().unwrap_or_default();
    Reply::json(status, &ProfileReply { id: account.0, email, first_name, last_name })
}

/// A token as the document shows it.
#[derive(Serialize, ToSchema)]
#[schema(as = rest::TokenReply)]
pub struct TokenReply<'a> {
    /// 40 hexadecimal digits.
    token: &'a str,
}

/// 200 with a token.
pub fn token(issued: &IssuedToken) -> Reply {
    Reply::json(StatusCode::OK, &TokenReply { token: issued.token.reveal() }).no_store()
}

/// A token for Layer.
#[derive(Serialize, ToSchema)]
#[schema(as = rest::IdentityTokenReply)]
pub struct IdentityTokenReply<'a> {
    /// A compact JWS.
    identity_token: &'a str,
}

/// 201 with a token for Layer.
pub fn identity_token(identity_token: &str) -> Reply {
    Reply::json(StatusCode::CREATED, &IdentityTokenReply { identity_token }).no_store()
}
