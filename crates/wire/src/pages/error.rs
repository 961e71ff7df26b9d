//! What pages say when something is refused.

use countersign_model::limit::RetryAfter;
use countersign_model::oauth::ErrorCode;
use countersign_ops::Unavailable;
use countersign_ops::reset_password::ResetPasswordError;
use countersign_ops::verify_email::VerifyEmailError;
use http::StatusCode;

use super::page::{self, Notice, ResetPassword};
use crate::http::{Refusal, Reply};
use crate::wording;

/// Why a page is not what was asked for.
pub(super) enum Error {
    /// Unknown, expired or used link.
    LinkInvalid,
    /// The form again, with what is wrong with the password.
    Form(ResetPassword),
    /// The form was sent by another site.
    CrossSite,
    /// A flow or form that is not this browser's, or too old.
    FlowLost,
    /// A request of a client that cannot be answered to it: what is wrong, for its developers.
    Authorization(ErrorCode, &'static str),
    /// Tried too often.
    TooMany(RetryAfter),
    /// Not possible just now.
    Unavailable(Unavailable),
}

impl From<Error> for Reply {
    fn from(error: Error) -> Reply {
        match error {
            Error::LinkInvalid => notice(
                StatusCode::NOT_FOUND,
                "This link does not work any more",
                "It may have been used already, or it is too old. Ask for a new one.",
            ),
            Error::Form(form) => page::show(StatusCode::BAD_REQUEST, &form),
            Error::CrossSite => notice(
                StatusCode::FORBIDDEN,
                "This form was sent by another site",
                "Open the link from your message again.",
            ),
            Error::FlowLost => notice(
                StatusCode::FORBIDDEN,
                "This page is not good any more",
                "Go back to the application and start again there.",
            ),
            Error::Authorization(_, reason) => {
                notice(StatusCode::BAD_REQUEST, "The application asked for something wrong", reason)
            }
            Error::TooMany(after) => notice(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many tries",
                "Wait a little, then open the link again.",
            )
            .retry_after(after),
            Error::Unavailable(why) => notice(
                StatusCode::SERVICE_UNAVAILABLE,
                "This is not possible just now",
                "Nothing was changed. Try again in a moment.",
            )
            .retry_after(why.retry_after()),
        }
    }
}

fn notice(status: StatusCode, heading: &'static str, text: &'static str) -> Reply {
    page::show(status, &Notice { heading, text })
}

/// A refusal of the plumbing, as a page.
pub fn refuse(refusal: Refusal<'_>) -> Reply {
    notice(refusal.status(), "This did not work", refusal.message())
}

impl Error {
    /// What a failed reset shows; `min_length` is for the form.
    pub(super) fn of_reset(error: ResetPasswordError, min_length: usize) -> Error {
        match error {
            ResetPasswordError::Password(faults) => {
                let faults = faults.iter().map(wording::password_fault).collect();
                Error::Form(ResetPassword { min_length, faults })
            }
            ResetPasswordError::Invalid => Error::LinkInvalid,
            ResetPasswordError::TooMany(after) => Error::TooMany(after),
            ResetPasswordError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}

impl From<VerifyEmailError> for Error {
    fn from(error: VerifyEmailError) -> Error {
        match error {
            VerifyEmailError::Invalid => Error::LinkInvalid,
            VerifyEmailError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}

impl From<Unavailable> for Error {
    fn from(why: Unavailable) -> Error {
        Error::Unavailable(why)
    }
}
