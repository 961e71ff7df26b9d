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

impl From<Error> for Reply {
    fn from(refused: Error) -> Reply {
        let invalid =
            |what: &str| error(StatusCode::BAD_REQUEST, "The request is not valid.", vec![what.to_owned()]);
        match refused {
            // Acceptance decision 4: what is neither JSON nor a form answers 400, whatever it claims to be.
            Error::Body(why) => {
                error(StatusCode::BAD_REQUEST, "The body cannot be read.", vec![why.to_string()])
            }
            Error::Email => invalid("email: not an e-mail address"),
            Error::PasswordMissing => invalid("password: missing"),
            Error::Password(faults) => {
                let particulars = faults.iter().map(wording::password_fault).collect();
                error(StatusCode::BAD_REQUEST, "The password does not meet the criteria.", particulars)
            }
            Error::EmailTaken => invalid("email: already registered"),
            Error::Credentials => {
                let text = "The e-mail or the password is not valid.";
                error(StatusCode::UNAUTHORIZED, text, Vec::new()).challenge("Bearer")
            }
            Error::NotFound => error(StatusCode::NOT_FOUND, "There is no request with this id.", Vec::new()),
            Error::TooMany(after) => {
                let text = "Too many tries. Try again later.";
                error(StatusCode::TOO_MANY_REQUESTS, text, Vec::new()).retry_after(after)
            }
            Error::Unavailable(why) => {
                let text = "This is not possible just now. Try again later.";
                error(StatusCode::SERVICE_UNAVAILABLE, text, Vec::new()).retry_after(why.retry_after())
            }
        }
    }
}

/// What went wrong, and the particulars.
fn error(status: StatusCode, message: &'static str, errors: Vec<String>) -> Reply {
    #[derive(Serialize)]
    struct ErrorBody {
        message: &'static str,
        errors: Vec<String>,
    }
    Reply::json_utf8(status, &ErrorBody { message, errors })
}

/// A refusal of the plumbing in 001's form.
pub fn refuse(refusal: Refusal<'_>) -> Reply {
    error(refusal.status(), refusal.message(), Vec::new())
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
