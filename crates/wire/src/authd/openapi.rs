//! What `/openapi.json` says about this surface beside its paths. The types are read by macros only.
#![expect(dead_code, reason = "descriptions of bodies that are read and written elsewhere")]

use utoipa::{IntoResponses, OpenApi, ToSchema};

use super::grant::GrantedBody;
use super::reply::TokenBody;
use super::routes;

/// The paths of the document.
#[derive(OpenApi)]
#[openapi(
    paths(
        routes::request_account,
        routes::confirm_account,
        routes::tokens,
        routes::request_reset,
        routes::reset_password,
    ),
    components(schemas(GrantErrors)),
    tags((name = "authd", description = "Document 001, and the form grants of RFC 6749 at its `/v1/tokens/`."))
)]
pub struct Document;

/// An account to be.
#[derive(ToSchema)]
#[schema(as = authd::AccountRequest)]
pub struct AccountRequest {
    /// The address.
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// At least 6 characters, unless the operator asks for more.
    #[schema(min_length = 6, format = Password)]
    password: String,
}

/// Credentials.
#[derive(ToSchema)]
#[schema(as = authd::Login)]
pub struct Login {
    /// The address; a username or a phone number of the account will do.
    email: String,
    /// The password.
    #[schema(format = Password)]
    password: String,
}

/// The grants.
#[derive(ToSchema)]
#[schema(as = authd::GrantType, rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 §4.3, with `username` and `password`.
    Password,
    /// RFC 6749 §6, with `refresh_token`.
    RefreshToken,
}

/// A grant.
#[derive(ToSchema)]
#[schema(as = authd::Grant)]
pub struct Grant {
    /// Which.
    grant_type: GrantType,
    /// The e-mail address.
    #[schema(nullable = false)]
    username: Option<String>,
    /// The password.
    #[schema(format = Password, nullable = false)]
    password: Option<String>,
    /// The token to exchange.
    #[schema(nullable = false)]
    refresh_token: Option<String>,
}

/// Tokens, in the form of the request.
#[derive(ToSchema)]
#[schema(as = authd::Tokens)]
#[serde(untagged)]
pub enum Tokens<'a> {
    /// To JSON.
    Documented(TokenBody<'a>),
    /// To a form.
    Granted(GrantedBody<'a>),
}

/// Whose password to reset.
#[derive(ToSchema)]
#[schema(as = authd::ResetRequest)]
pub struct ResetRequest {
    /// The address.
    #[schema(format = Email, max_length = 254)]
    email: String,
}

/// The password from now on.
#[derive(ToSchema)]
#[schema(as = authd::NewPassword)]
pub struct NewPassword {
    /// At least 6 characters, unless the operator asks for more.
    #[schema(min_length = 6, format = Password)]
    password: String,
}

/// What went wrong.
#[derive(ToSchema)]
#[schema(as = authd::Errors)]
pub struct Errors {
    /// In a sentence.
    message: String,
    /// The particulars.
    errors: Vec<String>,
}

/// What went wrong: to a form in the words of RFC 6749 §5.2.
#[derive(ToSchema)]
#[schema(as = authd::GrantErrors)]
#[serde(untagged)]
pub enum GrantErrors {
    /// To JSON.
    Documented(Errors),
    /// To a form.
    Granted {
        /// The word.
        error: String,
    },
}

/// What any call may be answered.
#[derive(IntoResponses)]
pub enum AnyCall {
    /// Another method; `Allow` names those that are served.
    #[response(status = 405)]
    MethodNotAllowed(Errors),
    /// Something went wrong on the server.
    #[response(status = 500)]
    Fault(Errors),
    /// Not possible just now; `Retry-After` says when to try again.
    #[response(status = 503)]
    Unavailable(GrantErrors),
}

/// What a call with a body may be answered too.
#[derive(IntoResponses)]
pub enum AnyBody {
    /// A field is missing or does not meet the criteria, or the body is neither JSON nor a form.
    #[response(status = 400)]
    BadRequest(GrantErrors),
    /// The body did not arrive in time.
    #[response(status = 408)]
    BodyTooSlow(Errors),
    /// The body is too large.
    #[response(status = 413)]
    BodyTooLarge(Errors),
    /// Tried too often; `Retry-After` says when to try again.
    #[response(status = 429)]
    TooMany(GrantErrors),
}
