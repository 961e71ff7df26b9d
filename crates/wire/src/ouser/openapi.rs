//! What `/openapi.json` says about this surface beside its paths. The types are read by macros only.
#![expect(dead_code, reason = "descriptions of bodies that are read and written elsewhere")]

use utoipa::{IntoResponses, OpenApi, ToSchema};

use super::routes;

/// The paths of the document.
#[derive(OpenApi)]
#[openapi(
    paths(
        routes::send,
        routes::login,
        routes::register,
        routes::reset_password,
        routes::refresh,
        routes::change_password,
        routes::logout,
    ),
    tags((name = "ouser", description = "Document 000. Parameters are taken from the query string too."))
)]
pub struct Document;

/// What an identifier is.
#[derive(ToSchema)]
#[schema(as = ouser::IdentifierType, rename_all = "lowercase")]
pub enum IdentifierType {
    /// An e-mail address.
    Email,
    /// A phone number.
    Sms,
}

/// Which text comes with a code.
#[derive(ToSchema)]
#[schema(as = ouser::MessageType, rename_all = "snake_case")]
pub enum MessageType {
    /// For someone who registers.
    Register,
    /// For someone who signs in.
    Login,
    /// For someone who forgot the password.
    ResetPassword,
}

/// Where to send a code.
#[derive(ToSchema)]
#[schema(as = ouser::SendBody)]
pub struct SendBody {
    /// An e-mail address or a phone number.
    #[schema(min_length = 3, example = "user@example.com")]
    identifier: String,
    /// Which of the two.
    identifier_type: IdentifierType,
    /// The text around the code; it does not restrict what the code may be used for.
    #[schema(nullable = false)]
    message: Option<MessageType>,
}

/// Who signs in, with a password or a code.
#[derive(ToSchema)]
#[schema(as = ouser::LoginBody)]
pub struct LoginBody {
    /// An e-mail address or a phone number.
    #[schema(min_length = 3, example = "user@example.com")]
    identifier: String,
    /// Which of the two.
    identifier_type: IdentifierType,
    /// The password, unless a code is given.
    #[schema(min_length = 1, format = Password, nullable = false)]
    password: Option<String>,
    /// A code that was sent to the identifier, unless a password is given.
    #[schema(min_length = 1, nullable = false)]
    verification_code: Option<String>,
}

/// A code and the password from now on.
#[derive(ToSchema)]
#[schema(as = ouser::CodeBody)]
pub struct CodeBody {
    /// As delivered by `/send`.
    #[schema(min_length = 1, example = "7Q4KX-M2P9D")]
    verification_code: String,
    /// At least 8 characters, unless the operator asks for more.
    #[schema(min_length = 8, format = Password)]
    password: String,
}

/// A session.
#[derive(ToSchema)]
#[schema(as = ouser::SessionBody)]
pub struct SessionBody {
    /// From `/login` or `/refresh`.
    #[schema(min_length = 1)]
    session_token: String,
}

/// A session and both passwords.
#[derive(ToSchema)]
#[schema(as = ouser::ChangeBody)]
pub struct ChangeBody {
    /// From `/login` or `/refresh`.
    #[schema(min_length = 1)]
    session_token: String,
    /// The password until now.
    #[schema(min_length = 1, format = Password)]
    current_password: String,
    /// At least 8 characters, unless the operator asks for more.
    #[schema(min_length = 8, format = Password)]
    password: String,
}

/// A session to end.
#[derive(ToSchema)]
#[schema(as = ouser::LogoutBody)]
pub struct LogoutBody {
    /// From `/login` or `/refresh`.
    #[schema(min_length = 1)]
    session_token: String,
    /// Whether all sessions of the account end; in forms `true`, `false`, `1` or `0`.
    #[schema(nullable = false)]
    all: Option<bool>,
}

/// A text for a person.
#[derive(ToSchema)]
#[schema(as = ouser::Message)]
pub struct Message {
    /// The text.
    message: String,
}

/// What any call may be answered.
#[derive(IntoResponses)]
pub enum AnyCall {
    /// A parameter is missing or incorrect.
    #[response(status = 400)]
    BadRequest(Message),
    /// Another method than POST; `Allow` says so.
    #[response(status = 405)]
    MethodNotAllowed(Message),
    /// The body did not arrive in time.
    #[response(status = 408)]
    BodyTooSlow(Message),
    /// The body is too large.
    #[response(status = 413)]
    BodyTooLarge(Message),
    /// The body is neither JSON nor a form.
    #[response(status = 415)]
    UnsupportedMediaType(Message),
    /// Something went wrong on the server.
    #[response(status = 500)]
    Fault(Message),
    /// Too much to do just now; `Retry-After` says when to try again.
    #[response(status = 503)]
    Unavailable(Message),
}

/// What a call that shows a code or a session may be answered too.
#[derive(IntoResponses)]
pub enum Gone {
    /// The code or the session is invalid or expired.
    #[response(status = 410)]
    Gone(Message),
}

/// What a call that is counted may be answered too.
#[derive(IntoResponses)]
pub enum Limited {
    /// Tried too often; `Retry-After` says when to try again.
    #[response(status = 429)]
    TooMany(Message),
}
