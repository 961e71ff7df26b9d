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
use serde_json::json;

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

impl Error {
    fn status(&self) -> StatusCode {
        match self {
            Error::Body(BodyError::UnsupportedType(_)) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Error::Body(BodyError::Json(_) | BodyError::Form(_))
            | Error::Parameter(_)
            | Error::Contradiction
            | Error::Password(_) => StatusCode::BAD_REQUEST,
            Error::UnknownMessage => StatusCode::NOT_FOUND,
            Error::Credentials => StatusCode::UNAUTHORIZED,
            Error::CurrentWrong => StatusCode::FORBIDDEN,
            Error::Taken => StatusCode::CONFLICT,
            Error::CodeGone | Error::SessionGone => StatusCode::GONE,
            Error::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            // The document's one answer to a fault inside (000-52).
            Error::Unavailable(Unavailable::Fault) => StatusCode::INTERNAL_SERVER_ERROR,
            Error::Unavailable(Unavailable::Store | Unavailable::Busy(_)) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn message(&self) -> String {
        match self {
            Error::Body(BodyError::UnsupportedType(_)) => "Send JSON or a form.".to_owned(),
            Error::Body(BodyError::Json(error)) => format!("The body is not a JSON object: {error}."),
            Error::Body(BodyError::Form(error)) => format!("The parameters cannot be read: {error}."),
            Error::Parameter(name) => format!("`{name}` is missing or incorrect."),
            Error::Contradiction => "The parameters contradict each other.".to_owned(),
            Error::UnknownMessage => "There is no such `message`.".to_owned(),
            Error::Password(faults) => wording::password_faults(faults),
            Error::Credentials => "Incorrect identifier, password or verification code.".to_owned(),
            Error::CurrentWrong => "`current_password` is incorrect.".to_owned(),
            Error::Taken => "This identifier is already registered.".to_owned(),
            Error::CodeGone => "`verification_code` is invalid or expired.".to_owned(),
            Error::SessionGone => "The session is invalid or expired.".to_owned(),
            Error::TooMany(_) => "Too many tries. Try again later.".to_owned(),
            Error::Unavailable(_) => "This is not possible just now. Try again later.".to_owned(),
        }
    }
}

impl From<Error> for Reply {
    fn from(error: Error) -> Reply {
        let reply = Reply::json(error.status(), &json!({ "message": error.message() }));
        match error {
            // The tokens of 000 travel in the body, so the scheme has the document's name.
            Error::Credentials => reply.challenge("OUser"),
            Error::TooMany(after) => reply.retry_after(after),
            Error::Unavailable(unavailable) => reply.retry_after(unavailable.retry_after()),
            Error::Body(_)
            | Error::Parameter(_)
            | Error::Contradiction
            | Error::UnknownMessage
            | Error::Password(_)
            | Error::CurrentWrong
            | Error::Taken
            | Error::CodeGone
            | Error::SessionGone => reply,
        }
    }
}

/// A refusal of the plumbing in 000's form.
pub fn refuse(refusal: Refusal<'_>) -> Reply {
    Reply::json(refusal.status(), &json!({ "message": refusal.message() }))
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
