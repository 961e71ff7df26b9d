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

use crate::http::{BodyError, Fault, JsonError, Refusal, Reply};
use crate::wording;

/// Why a call was refused.
pub enum Error {
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
    /// The token is not valid (003-09).
    Token,
    /// Another member has it (acceptance decision 7).
    Taken(&'static str),
    /// Tried too often.
    TooMany(RetryAfter),
    /// Not possible just now.
    Unavailable(Unavailable),
}

impl From<Error> for Reply {
    fn from(refused: Error) -> Reply {
        match refused {
            Error::Body(why) => body(&why),
            Error::Field { name, fault } => Reply::message(StatusCode::BAD_REQUEST, &field(name, fault)),
            Error::Malformed(name) => {
                Reply::message(StatusCode::BAD_REQUEST, &format!("The {name} is not valid."))
            }
            Error::Password(faults) => {
                Reply::message(StatusCode::BAD_REQUEST, &wording::password_faults(&faults))
            }
            Error::Credentials => unauthorized("The username or the password is wrong."),
            Error::Token => unauthorized("The token is not valid."),
            Error::Taken(name) => {
                Reply::message(StatusCode::CONFLICT, &format!("The {name} is already in use."))
            }
            Error::TooMany(after) => {
                let text = format!("Too many tries. Try again in {} seconds.", after.seconds());
                Reply::message(StatusCode::TOO_MANY_REQUESTS, &text).retry_after(after)
            }
            Error::Unavailable(why) => {
                let text = "The service is not available just now. Try again later.";
                Reply::message(StatusCode::SERVICE_UNAVAILABLE, text).retry_after(why.retry_after())
            }
        }
    }
}

/// What the plumbing refuses, in the form of this surface.
pub fn refuse(refusal: Refusal<'_>) -> Reply {
    Reply::message(refusal.status(), refusal.message())
}

/// A 401 names a scheme: the one that clients of this document send their token with.
fn unauthorized(text: &str) -> Reply {
    Reply::message(StatusCode::UNAUTHORIZED, text).challenge("OAuth")
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
    Reply::message(status, text)
}

fn field(name: &str, fault: Fault) -> String {
    match fault {
        Fault::Missing => format!("The {name} is required."),
        Fault::Null | Fault::WrongType(_) => format!("The {name} must be a string."),
        Fault::Blank => format!("The {name} must not be empty."),
        Fault::Nul => format!("The {name} must not contain NUL characters."),
    }
}

impl From<BodyError> for Error {
    fn from(error: BodyError) -> Error {
        Error::Body(error)
    }
}

impl From<Unavailable> for Error {
    fn from(error: Unavailable) -> Error {
        Error::Unavailable(error)
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

impl From<RefreshSessionError> for Error {
    fn from(error: RefreshSessionError) -> Error {
        match error {
            RefreshSessionError::Invalid => Error::Token,
            RefreshSessionError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}

impl From<RegisterAccountError> for Error {
    fn from(error: RegisterAccountError) -> Error {
        match error {
            RegisterAccountError::Password(faults) => Error::Password(faults),
            RegisterAccountError::UsernameTaken => Error::Taken("username"),
            RegisterAccountError::EmailTaken => Error::Taken("email"),
            RegisterAccountError::TooMany(after) => Error::TooMany(after),
            RegisterAccountError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}

impl From<RequestResetError> for Error {
    fn from(error: RequestResetError) -> Error {
        match error {
            RequestResetError::TooMany(after) => Error::TooMany(after),
            RequestResetError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}
