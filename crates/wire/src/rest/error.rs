//! Why a call was refused, and how that is said: the bodies of Django REST framework. No arm is a
//! wildcard: a new variant stops the build until it has an answer.

use std::borrow::Cow;

use countersign_model::limit::RetryAfter;
use countersign_model::password::Fault as PasswordFault;
use countersign_ops::Unavailable;
use countersign_ops::check_session::CheckSessionError;
use countersign_ops::issue_layer_token::IssueLayerTokenError;
use countersign_ops::register_account::RegisterAccountError;
use countersign_ops::sign_in::SignInError;
use countersign_ops::update_profile::UpdateProfileError;
use http::StatusCode;
use serde::{Serialize, Serializer};

use crate::http::{BodyError, FormError, JsonError, JsonType, Refusal, Reply};

/// What a missing field is told.
pub const REQUIRED: &str = "This field is required.";
const EMAIL_TAKEN: &str = "user with this email already exists.";
const BAD_CREDENTIALS: &str = "Unable to log in with provided credentials.";

/// Why a call was refused.
#[derive(Debug)]
pub enum Error {
    /// The body as a whole cannot be read.
    Body(BodyError),
    /// Some fields are wrong.
    Fields(FieldFaults),
    /// Unknown user or wrong password (004-10).
    Credentials,
    /// No credentials where they are needed (acceptance decision 8).
    NotAuthenticated,
    /// Credentials that are not well-formed, and what to say about them.
    TokenHeader(&'static str),
    /// The token is not valid.
    Token,
    /// Credentials where none may be (004-06).
    Authenticated,
    /// Tried too often.
    TooMany(RetryAfter),
    /// Not possible just now.
    Unavailable(Unavailable),
}

/// What is wrong with which fields, in the order of the document.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FieldFaults(Vec<(&'static str, Vec<Cow<'static, str>>)>);

impl FieldFaults {
    /// One field, one fault.
    pub fn one(field: &'static str, text: &'static str) -> FieldFaults {
        FieldFaults(vec![(field, vec![text.into()])])
    }

    /// The value of a field, or its faults kept.
    pub fn keep<T>(&mut self, field: &'static str, read: Result<T, Vec<Cow<'static, str>>>) -> Option<T> {
        read.map_err(|texts| self.0.push((field, texts))).ok()
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for FieldFaults {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(field, texts)| (field, texts)))
    }
}

#[derive(Serialize)]
struct Detail<'a> {
    detail: &'a str,
}

impl From<Error> for Reply {
    fn from(refused: Error) -> Reply {
        match refused {
            Error::Body(error) => body(&error),
            Error::Fields(faults) => Reply::json(StatusCode::BAD_REQUEST, &faults),
            Error::Credentials => non_field(BAD_CREDENTIALS),
            Error::NotAuthenticated => unauthorized("Authentication credentials were not provided."),
            Error::TokenHeader(text) => unauthorized(text),
            Error::Token => unauthorized("Invalid token."),
            Error::Authenticated => {
                detail(StatusCode::FORBIDDEN, "This view requires the user to NOT be authenticated.")
            }
            Error::TooMany(after) => throttled(after),
            Error::Unavailable(why) => {
                let text = "Service temporarily unavailable, try again later.";
                detail(StatusCode::SERVICE_UNAVAILABLE, text).retry_after(why.retry_after())
            }
        }
    }
}

/// What the plumbing refuses, in the form of this surface.
pub fn refuse(refusal: Refusal<'_>) -> Reply {
    match refusal {
        Refusal::MethodNotAllowed(method) => {
            detail(refusal.status(), &format!("Method \"{method}\" not allowed."))
        }
        Refusal::NotFound
        | Refusal::BodyTooSlow
        | Refusal::BodyBroken
        | Refusal::BodyTooLarge
        | Refusal::UriTooLong
        | Refusal::HeadersTooLarge
        | Refusal::BadHost
        | Refusal::Fault => detail(refusal.status(), refusal.message()),
    }
}

fn detail(status: StatusCode, detail: &str) -> Reply {
    Reply::json(status, &Detail { detail })
}

fn unauthorized(text: &str) -> Reply {
    detail(StatusCode::UNAUTHORIZED, text).challenge("Token")
}

fn non_field(text: impl Into<Cow<'static, str>>) -> Reply {
    let faults = FieldFaults(vec![("non_field_errors", vec![text.into()])]);
    Reply::json(StatusCode::BAD_REQUEST, &faults)
}

fn throttled(after: RetryAfter) -> Reply {
    let seconds = after.seconds();
    let unit = if seconds == 1 { "second" } else { "seconds" };
    let text = format!("Request was throttled. Expected available in {seconds} {unit}.");
    detail(StatusCode::TOO_MANY_REQUESTS, &text).retry_after(after)
}

fn body(error: &BodyError) -> Reply {
    match error {
        BodyError::UnsupportedType(media_type) => {
            let text = format!("Unsupported media type \"{media_type}\" in request.");
            detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, &text)
        }
        BodyError::Json(JsonError::Malformed(why)) => {
            detail(StatusCode::BAD_REQUEST, &format!("JSON parse error - {why}"))
        }
        BodyError::Json(JsonError::NotAnObject(JsonType::Null)) => non_field("No data provided"),
        BodyError::Json(JsonError::NotAnObject(found)) => {
            non_field(format!("Invalid data. Expected a dictionary, but got {}.", type_name(*found)))
        }
        BodyError::Form(why @ FormError::NotMultipart) => {
            detail(StatusCode::BAD_REQUEST, &format!("Multipart form parse error - {why}"))
        }
        BodyError::Form(why @ (FormError::TooManyFields | FormError::NotUtf8 | FormError::Duplicate(_))) => {
            detail(StatusCode::BAD_REQUEST, &format!("Form parse error - {why}"))
        }
    }
}

/// The types as the framework's language calls them.
fn type_name(found: JsonType) -> &'static str {
    match found {
        JsonType::Null => "NoneType",
        JsonType::Boolean => "bool",
        JsonType::Number => "int",
        JsonType::String => "str",
        JsonType::Array => "list",
        JsonType::Object => "dict",
    }
}

/// What a password's fault is told (004-05).
pub fn password_fault(fault: PasswordFault) -> Cow<'static, str> {
    match fault {
        PasswordFault::TooShort { min } => {
            format!("This password is too short. It must contain at least {min} characters.").into()
        }
        PasswordFault::TooLong { max } => {
            format!("This password is too long. It must contain at most {max} characters.").into()
        }
        PasswordFault::Common => "This password is too common.".into(),
        PasswordFault::Breached => "This password is known from a data breach.".into(),
        PasswordFault::EntirelyNumeric => "This password is entirely numeric.".into(),
        PasswordFault::Context => "This password is too close to the name of the account.".into(),
    }
}

impl From<BodyError> for Error {
    fn from(error: BodyError) -> Error {
        Error::Body(error)
    }
}

impl From<CheckSessionError> for Error {
    fn from(error: CheckSessionError) -> Error {
        match error {
            CheckSessionError::Invalid => Error::Token,
            CheckSessionError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}

impl From<SignInError> for Error {
    fn from(error: SignInError) -> Error {
        match error {
            // Only 002 has words for what is not verified yet; here it is one fact (R023).
            SignInError::Credentials | SignInError::UnverifiedNumber | SignInError::UnverifiedEmail => {
                Error::Credentials
            }
            SignInError::TooMany(after) => Error::TooMany(after),
            SignInError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}

impl From<RegisterAccountError> for Error {
    fn from(error: RegisterAccountError) -> Error {
        match error {
            RegisterAccountError::Password(faults) => {
                let texts = faults.into_iter().map(password_fault).collect();
                Error::Fields(FieldFaults(vec![("password", texts)]))
            }
            // The document has no username of its own: the only one there could be is the address.
            RegisterAccountError::UsernameTaken | RegisterAccountError::EmailTaken => {
                Error::Fields(FieldFaults::one("email", EMAIL_TAKEN))
            }
            RegisterAccountError::TooMany(after) => Error::TooMany(after),
            RegisterAccountError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}

impl From<UpdateProfileError> for Error {
    fn from(error: UpdateProfileError) -> Error {
        match error {
            UpdateProfileError::SessionInvalid => Error::Token,
            UpdateProfileError::EmailTaken => Error::Fields(FieldFaults::one("email", EMAIL_TAKEN)),
            UpdateProfileError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}

impl From<IssueLayerTokenError> for Error {
    fn from(error: IssueLayerTokenError) -> Error {
        match error {
            IssueLayerTokenError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}
