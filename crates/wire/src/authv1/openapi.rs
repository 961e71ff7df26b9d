//! What `/openapi.json` says about this surface beside its paths. The types are read by macros only.
#![expect(dead_code, reason = "descriptions of bodies that are read and written elsewhere")]

use utoipa::{IntoResponses, OpenApi, ToSchema};

use super::reply::MessageReply;
use super::routes;

/// The paths of the document's headings; those of its example (`/rest/auth/v1/…`) are the same.
#[derive(OpenApi)]
#[openapi(
    paths(
        routes::token_request,
        routes::token_refresh,
        routes::register_member,
        routes::logoff,
        routes::password_reset,
    ),
    tags((name = "authv1", description = "Document 003. Also under `/rest`; the case of the path does not matter."))
)]
pub struct Document;

/// Credentials.
#[derive(ToSchema)]
#[schema(as = authv1::LoginBody)]
pub struct LoginBody {
    /// The member's username; an e-mail address or a phone number of the account will do.
    #[schema(min_length = 1)]
    username: String,
    /// The member's password.
    #[schema(min_length = 1, format = Password)]
    password: String,
}

/// A token.
#[derive(ToSchema)]
#[schema(as = authv1::TokenBody)]
pub struct TokenBody {
    /// The token.
    #[schema(min_length = 1)]
    oauth_token: String,
    /// Accepted, and not used.
    #[schema(nullable = false)]
    oauth_timestamp: Option<String>,
}

/// A member to be.
#[derive(ToSchema)]
#[schema(as = authv1::MemberBody)]
pub struct MemberBody {
    /// The member's address.
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// At least 6 characters, unless the operator asks for more.
    #[schema(min_length = 6, format = Password)]
    password: String,
    /// At least 3 characters, without white space, `@` and `:`, and no phone number.
    #[schema(min_length = 3, max_length = 255)]
    username: String,
}

/// An address.
#[derive(ToSchema)]
#[schema(as = authv1::EmailBody)]
pub struct EmailBody {
    /// The member's address.
    #[schema(format = Email, max_length = 254)]
    email: String,
}

/// What any call may be answered.
#[derive(IntoResponses)]
pub enum AnyCall {
    /// A field is missing, malformed or refused, or the body is no JSON object.
    #[response(status = 400)]
    BadRequest(MessageReply<'static>),
    /// Another method than POST; `Allow` says so.
    #[response(status = 405)]
    MethodNotAllowed(MessageReply<'static>),
    /// The body did not arrive in time.
    #[response(status = 408)]
    BodyTooSlow(MessageReply<'static>),
    /// The body is too large.
    #[response(status = 413)]
    BodyTooLarge(MessageReply<'static>),
    /// The body is not JSON.
    #[response(status = 415)]
    UnsupportedMediaType(MessageReply<'static>),
    /// Something went wrong on the server.
    #[response(status = 500)]
    Fault(MessageReply<'static>),
    /// Not possible just now; `Retry-After` says when to try again.
    #[response(status = 503)]
    Unavailable(MessageReply<'static>),
}

/// What a call that proves something by a secret may be answered too.
#[derive(IntoResponses)]
pub enum Unauthorized {
    /// The credentials or the token are not valid.
    #[response(status = 401)]
    Unauthorized(MessageReply<'static>),
}

/// What a call that is counted may be answered too.
#[derive(IntoResponses)]
pub enum Limited {
    /// Tried too often; `Retry-After` says when to try again.
    #[response(status = 429)]
    TooMany(MessageReply<'static>),
}
