//! 001's refusals: `{"message": …, "errors": […]}`.

use countersign_model::limit::RetryAfter;
use countersign_model::password::Fault;
use countersign_ops::Unavailable;
use countersign_ops::confirm_account::ConfirmAccountError;
use countersign_ops::request_account::RequestAccountError;
use countersign_ops::request_reset::RequestResetError;
use countersign_ops::reset_password::ResetPasswordError;
use countersign_ops::sign_in::SignInError;
use http::StatusCode;
use serde::Serialize;

use crate::http::{BodyError, Refusal, Reply};
use crate::wording;

/// Why a call of 001 is refused.
pub(super) enum Error {
    /// The body cannot be read.
    Body(BodyError),
    /// `email` is missing or no address.
    Email,
    /// `password` is missing or can be none.
    PasswordMissing,
    /// The new password does not meet the rule.
    Password(Vec<Fault>),
    /// The address belongs to an account.
    EmailTaken,
    /// Wrong e-mail or password.
    Credentials,
    /// Unknown, expired or used id.
    NotFound,
    /// Tried too often.
    TooMany(RetryAfter),
    /// Not possible just now.
    Unavailable(Unavailable),
}

impl Error {
    fn status(&self) -> StatusCode {
        match self {
            // Decision 4: what is neither JSON nor a form answers 400, whatever it claims to be.
            Error::Body(_)
            | Error::Email
            | Error::PasswordMissing
            | Error::Password(_)
            | Error::EmailTaken => StatusCode::BAD_REQUEST,
            Error::Credentials => StatusCode::UNAUTHORIZED,
            Error::NotFound => StatusCode::NOT_FOUND,
            Error::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What went wrong, and the particulars.
    fn message(&self) -> (&'static str, Vec<String>) {
        match self {
            Error::Body(error) => ("The body cannot be read.", vec![error.to_string()]),
            Error::Email => ("The request is not valid.", vec!["email: not an e-mail address".to_owned()]),
            Error::PasswordMissing => ("The request is not valid.", vec!["password: missing".to_owned()]),
            Error::Password(faults) => (
                "The password does not meet the criteria.",
                faults.iter().map(wording::password_fault).collect(),
            ),
            Error::EmailTaken => ("The request is not valid.", vec!["email: already registered".to_owned()]),
            Error::Credentials => ("The e-mail or the password is not valid.", Vec::new()),
            Error::NotFound => ("There is no request with this id.", Vec::new()),
            Error::TooMany(_) => ("Too many tries. Try again later.", Vec::new()),
            Error::Unavailable(_) => ("This is not possible just now. Try again later.", Vec::new()),
        }
    }
}

#[derive(Serialize)]
struct ErrorBody {
    message: &'static str,
    errors: Vec<String>,
}

impl From<Error> for Reply {
    fn from(error: Error) -> Reply {
        let (message, errors) = error.message();
        let reply = Reply::json_utf8(error.status(), &ErrorBody { message, errors });
        match error {
            Error::Credentials => reply.challenge("Bearer"),
            Error::TooMany(after) => reply.retry_after(after),
            Error::Unavailable(why) => reply.retry_after(why.retry_after()),
            Error::Body(_)
            | Error::Email
            | Error::PasswordMissing
            | Error::Password(_)
            | Error::EmailTaken
            | Error::NotFound => reply,
        }
    }
}

/// A refusal of the plumbing in 001's form.
pub fn refuse(refusal: Refusal<'_>) -> Reply {
    let body = ErrorBody { message: refusal.message(), errors: Vec::new() };
    Reply::json_utf8(refusal.status(), &body)
}

impl From<BodyError> for Error {
    fn from(error: BodyError) -> Error {
        Error::Body(error)
    }
}

impl From<RequestAccountError> for Error {
    fn from(error: RequestAccountError) -> Error {
        match error {
            RequestAccountError::Password(faults) => Error::Password(faults),
            RequestAccountError::EmailTaken => Error::EmailTaken,
            RequestAccountError::TooMany(after) => Error::TooMany(after),
            RequestAccountError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}

impl From<ConfirmAccountError> for Error {
    fn from(error: ConfirmAccountError) -> Error {
        match error {
            ConfirmAccountError::Invalid => Error::NotFound,
            ConfirmAccountError::Unavailable(why) => Error::Unavailable(why),
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

impl From<RequestResetError> for Error {
    fn from(error: RequestResetError) -> Error {
        match error {
            RequestResetError::TooMany(after) => Error::TooMany(after),
            RequestResetError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}

impl From<ResetPasswordError> for Error {
    fn from(error: ResetPasswordError) -> Error {
        match error {
            ResetPasswordError::Password(faults) => Error::Password(faults),
            ResetPasswordError::Invalid => Error::NotFound,
            ResetPasswordError::TooMany(after) => Error::TooMany(after),
            ResetPasswordError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}
