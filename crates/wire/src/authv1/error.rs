//! Why a call was refused, and how that is said: `{"message": …}` with a status, since the document
//! names neither. No arm is a wildcard: a new variant stops the build until it has an answer.

use countersign_model::limit::RetryAfter;
use countersign_model::password::Fault as PasswordFault;
use countersign_ops::Unavailable;
use countersign_ops::refresh_session::RefreshSessionError;
use countersign_ops::register_account::RegisterAccountError;
use countersign_ops::request_reset::RequestResetError;
use countersign_ops::sign_in::SignInError;
use http::StatusCode;

use super::reply::error;
use crate::http::{BodyError, Fault, JsonError, Refusal, Reply};

/// Why a call was refused.
pub enum CallError {
    /// The body as a whole cannot be read.
    Body(BodyError),
    /// A field is missing or no text.
    Field {
        /// Which.
        name: &'static str,
        /// Why.
        fault: Fault,
    },
    /// A field is a text of the wrong form.
    Malformed(&'static str),
    /// The new password does not meet the rule.
    Password(Vec<PasswordFault>),
    /// Unknown username or wrong password (003-04).
    Credentials,
    /// Right credentials of a registration that is not verified yet.
    Unverified,
    /// The token is not valid (003-09).
    Token,
    /// Another member has it (acceptance decision 7).
    Taken(&'static str),
    /// Tried too often.
    TooMany(RetryAfter),
    /// Not possible just now.
    Unavailable(Unavailable),
}

impl From<CallError> for Reply {
    fn from(refused: CallError) -> Reply {
        match refused {
            CallError::Body(why) => body(&why),
            CallError::Field { name, fault } => error(StatusCode::BAD_REQUEST, &field(name, fault)),
            CallError::Malformed(name) => {
                error(StatusCode::BAD_REQUEST, &format!("The {name} is not valid."))
            }
            CallError::Password(faults) => error(StatusCode::BAD_REQUEST, &password(&faults)),
            CallError::Credentials => unauthorized("The username or the password is wrong."),
            CallError::Unverified => unauthorized("The registration is not verified yet."),
            CallError::Token => unauthorized("The token is not valid."),
            CallError::Taken(name) => error(StatusCode::CONFLICT, &format!("The {name} is already in use.")),
            CallError::TooMany(after) => {
                let text = format!("Too many tries. Try again in {} seconds.", after.seconds());
                error(StatusCode::TOO_MANY_REQUESTS, &text).retry_after(after)
            }
            CallError::Unavailable(why) => {
                let text = "The service is not available just now. Try again later.";
                error(StatusCode::SERVICE_UNAVAILABLE, text).retry_after(why.retry_after())
            }
        }
    }
}

/// What the plumbing refuses, in the form of this surface.
pub fn refuse(refusal: Refusal<'_>) -> Reply {
    error(refusal.status(), refusal.message())
}

/// A 401 names a scheme: the one that clients of this document send their token with.
fn unauthorized(text: &str) -> Reply {
    error(StatusCode::UNAUTHORIZED, text).challenge("OAuth")
}

fn body(why: &BodyError) -> Reply {
    let (status, text) = match why {
        BodyError::UnsupportedType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body must be JSON."),
        BodyError::Json(JsonError::NotAnObject(_)) => {
            (StatusCode::BAD_REQUEST, "The body must be a JSON object.")
        }
        BodyError::Json(JsonError::Malformed(_)) | BodyError::Form(_) => {
            (StatusCode::BAD_REQUEST, "The body is not well-formed JSON.")
        }
    };
    error(status, text)
}

fn field(name: &str, fault: Fault) -> String {
    match fault {
        Fault::Missing => format!("The {name} is required."),
        Fault::Null | Fault::WrongType(_) => format!("The {name} must be a string."),
        Fault::Blank => format!("The {name} must not be empty."),
        Fault::Nul => format!("The {name} must not contain NUL characters."),
    }
}

fn password(faults: &[PasswordFault]) -> String {
    let sentences: Vec<String> =
        faults.iter().map(|fault| format!("The password is {}.", describe(*fault))).collect();
    sentences.join(" ")
}

fn describe(fault: PasswordFault) -> String {
    match fault {
        PasswordFault::TooShort { min } => format!("shorter than {min} characters"),
        PasswordFault::TooLong { max } => format!("longer than {max} characters"),
        PasswordFault::Common => "too common".to_owned(),
        PasswordFault::EntirelyNumeric => "only digits".to_owned(),
        PasswordFault::Context => "too close to the name of the account".to_owned(),
    }
}

impl From<BodyError> for CallError {
    fn from(error: BodyError) -> CallError {
        CallError::Body(error)
    }
}

impl From<Unavailable> for CallError {
    fn from(error: Unavailable) -> CallError {
        CallError::Unavailable(error)
    }
}

impl From<SignInError> for CallError {
    fn from(error: SignInError) -> CallError {
        match error {
            SignInError::Credentials => CallError::Credentials,
            SignInError::UnverifiedNumber | SignInError::UnverifiedEmail => CallError::Unverified,
            SignInError::TooMany(after) => CallError::TooMany(after),
            SignInError::Unavailable(why) => CallError::Unavailable(why),
        }
    }
}

impl From<RefreshSessionError> for CallError {
    fn from(error: RefreshSessionError) -> CallError {
        match error {
            RefreshSessionError::Invalid => CallError::Token,
            RefreshSessionError::Unavailable(why) => CallError::Unavailable(why),
        }
    }
}

impl From<RegisterAccountError> for CallError {
    fn from(error: RegisterAccountError) -> CallError {
        match error {
            RegisterAccountError::Password(faults) => CallError::Password(faults),
            RegisterAccountError::UsernameTaken => CallError::Taken("username"),
            RegisterAccountError::EmailTaken => CallError::Taken("email"),
            RegisterAccountError::TooMany(after) => CallError::TooMany(after),
            RegisterAccountError::Unavailable(why) => CallError::Unavailable(why),
        }
    }
}

impl From<RequestResetError> for CallError {
    fn from(error: RequestResetError) -> CallError {
        match error {
            RequestResetError::TooMany(after) => CallError::TooMany(after),
            RequestResetError::Unavailable(why) => CallError::Unavailable(why),
        }
    }
}
