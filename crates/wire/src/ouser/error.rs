//! 000's refusals: the status is the document's, the body a sentence.

use countersign_model::limit::RetryAfter;
use countersign_model::password::Fault;
use countersign_ops::Unavailable;
use countersign_ops::change_password::ChangePasswordError;
use countersign_ops::refresh_session::RefreshSessionError;
use countersign_ops::register_with_code::RegisterWithCodeError;
use countersign_ops::reset_password::ResetPasswordError;
use countersign_ops::send_code::SendCodeError;
use countersign_ops::sign_in::SignInError;
use countersign_ops::sign_in_with_code::SignInWithCodeError;
use countersign_ops::sign_out::SignOutError;
use http::StatusCode;

use crate::http::{BodyError, Refusal, Reply};
use crate::wording;

/// Why a call of 000 is refused.
pub(super) enum Error {
    /// The body or the query string cannot be read.
    Body(BodyError),
    /// A parameter is missing, empty or of the wrong kind.
    Parameter(&'static str),
    /// Two places, or two parameters that exclude each other, say different things.
    Contradiction,
    /// `message` is none that is known.
    UnknownMessage,
    /// The new password does not meet the rule.
    Password(Vec<Fault>),
    /// Wrong identifier, password or code at `/login`.
    Credentials,
    /// Wrong `current_password`.
    CurrentWrong,
    /// The identifier is registered.
    Taken,
    /// The code is invalid, expired or used.
    CodeGone,
    /// The session is invalid or expired.
    SessionGone,
    /// Tried too often.
    TooMany(RetryAfter),
    /// Not possible just now.
    Unavailable(Unavailable),
}

impl From<Error> for Reply {
    fn from(refused: Error) -> Reply {
        let say = Reply::message;
        match refused {
            Error::Body(why) => body(&why),
            Error::Parameter(name) => {
                say(StatusCode::BAD_REQUEST, &format!("`{name}` is missing or incorrect."))
            }
            Error::Contradiction => say(StatusCode::BAD_REQUEST, "The parameters contradict each other."),
            Error::UnknownMessage => say(StatusCode::NOT_FOUND, "There is no such `message`."),
            Error::Password(faults) => say(StatusCode::BAD_REQUEST, &wording::password_faults(&faults)),
            Error::Credentials => {
                let text = "Incorrect identifier, password or verification code.";
                // The tokens of 000 travel in the body, so the scheme has the document's name.
                say(StatusCode::UNAUTHORIZED, text).challenge("OUser")
            }
            Error::CurrentWrong => say(StatusCode::FORBIDDEN, "`current_password` is incorrect."),
            Error::Taken => say(StatusCode::CONFLICT, "This identifier is already registered."),
            Error::CodeGone => say(StatusCode::GONE, "`verification_code` is invalid or expired."),
            Error::SessionGone => say(StatusCode::GONE, "The session is invalid or expired."),
            Error::TooMany(after) => {
                say(StatusCode::TOO_MANY_REQUESTS, "Too many tries. Try again later.").retry_after(after)
            }
            Error::Unavailable(why) => {
                let status = match why {
                    // The document's one answer to a fault inside (000-52).
                    Unavailable::Fault => StatusCode::INTERNAL_SERVER_ERROR,
                    Unavailable::Store | Unavailable::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
                };
                let text = "This is not possible just now. Try again later.";
                say(status, text).retry_after(why.retry_after())
            }
        }
    }
}

fn body(why: &BodyError) -> Reply {
    let (status, text) = match why {
        BodyError::UnsupportedType(_) => {
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send JSON or a form.".to_owned())
        }
        BodyError::Json(error) => {
            (StatusCode::BAD_REQUEST, format!("The body is not a JSON object: {error}."))
        }
        BodyError::Form(error) => {
            (StatusCode::BAD_REQUEST, format!("The parameters cannot be read: {error}."))
        }
    };
    Reply::message(status, &text)
}

/// A refusal of the plumbing in 000's form.
pub fn refuse(refusal: Refusal<'_>) -> Reply {
    Reply::message(refusal.status(), refusal.message())
}

impl From<BodyError> for Error {
    fn from(error: BodyError) -> Error {
        Error::Body(error)
    }
}

impl From<SendCodeError> for Error {
    fn from(error: SendCodeError) -> Error {
        match error {
            SendCodeError::TooMany(after) => Error::TooMany(after),
            SendCodeError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}

impl From<RegisterWithCodeError> for Error {
    fn from(error: RegisterWithCodeError) -> Error {
        match error {
            RegisterWithCodeError::Password(faults) => Error::Password(faults),
            RegisterWithCodeError::CodeInvalid => Error::CodeGone,
            RegisterWithCodeError::IdentifierTaken => Error::Taken,
            RegisterWithCodeError::TooMany(after) => Error::TooMany(after),
            RegisterWithCodeError::Unavailable(why) => Error::Unavailable(why),
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

impl From<SignInWithCodeError> for Error {
    fn from(error: SignInWithCodeError) -> Error {
        match error {
            SignInWithCodeError::Credentials => Error::Credentials,
            SignInWithCodeError::TooMany(after) => Error::TooMany(after),
            SignInWithCodeError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}

impl From<ResetPasswordError> for Error {
    fn from(error: ResetPasswordError) -> Error {
        match error {
            ResetPasswordError::Password(faults) => Error::Password(faults),
            ResetPasswordError::Invalid => Error::CodeGone,
            ResetPasswordError::TooMany(after) => Error::TooMany(after),
            ResetPasswordError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}

impl From<RefreshSessionError> for Error {
    fn from(error: RefreshSessionError) -> Error {
        match error {
            RefreshSessionError::Invalid => Error::SessionGone,
            RefreshSessionError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}

impl From<ChangePasswordError> for Error {
    fn from(error: ChangePasswordError) -> Error {
        match error {
            ChangePasswordError::Password(faults) => Error::Password(faults),
            ChangePasswordError::SessionInvalid => Error::SessionGone,
            ChangePasswordError::CurrentWrong => Error::CurrentWrong,
            ChangePasswordError::TooMany(after) => Error::TooMany(after),
            ChangePasswordError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}

impl From<SignOutError> for Error {
    fn from(error: SignOutError) -> Error {
        match error {
            SignOutError::Invalid => Error::SessionGone,
            SignOutError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}
