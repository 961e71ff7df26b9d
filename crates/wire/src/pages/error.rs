//! What pages say when something is refused.

use countersign_model::limit::RetryAfter;
use countersign_model::oauth::ErrorCode;
use countersign_ops::Unavailable;
use countersign_ops::oauth::advance_flow::AdvanceFlowError;
use countersign_ops::verify_email::VerifyEmailError;
use http::StatusCode;

use super::account;
use super::layout::{FlowNotice, Shell};
use crate::http::{Call, Refusal, Reply};

/// What the plumbing refuses to whoever opens a page, in their language; `None` if that has no page of its own.
pub fn refuse_visit(call: &Call<'_>, refusal: &Refusal<'_>) -> Option<Reply> {
    let shell = &Shell::of(call);
    let words = shell.words;
    match refusal {
        Refusal::NotFound => {
            let notice = FlowNotice::new(shell, words.no_page, words.no_page_text);
            let notice = FlowNotice { links: &[(account::PATH, words.account)], ..notice };
            Some(shell.show(refusal.status(), &notice))
        }
        // What a form was sent to is opened again, as from a bookmark.
        Refusal::MethodNotAllowed(_) => {
            let notice = FlowNotice::new(shell, words.start_again, words.start_again_text);
            Some(shell.show(refusal.status(), &notice))
        }
        Refusal::Fault
        | Refusal::BodyTooSlow
        | Refusal::BodyBroken
        | Refusal::BodyTooLarge
        | Refusal::UriTooLong
        | Refusal::HeadersTooLarge
        | Refusal::BadHost => None,
    }
}

/// Why a page is not what was asked for.
pub(super) enum Error {
    /// A page that comes before what was asked for.
    Page(Box<Reply>),
    /// Unknown, expired or used link.
    LinkInvalid,
    /// The form was sent by another site.
    CrossSite,
    /// The form or the flow is too old, or another browser's.
    StartAgain,
    /// A client's request that cannot be answered to the client: who it is, or where it is, is not known.
    /// The reason is for developers, and never anything that was sent.
    Refused {
        /// The error of OAuth.
        code: ErrorCode,
        /// What is wrong.
        reason: &'static str,
    },
    /// Tried too often.
    TooMany(RetryAfter),
    /// Not possible just now.
    Unavailable(Unavailable),
}

impl Error {
    /// A page that comes before what was asked for.
    pub(super) fn page(reply: Reply) -> Error {
        Error::Page(Box::new(reply))
    }

    /// The page, in the language of whoever sees it.
    pub(super) fn reply(self, call: &Call<'_>) -> Reply {
        let shell = &Shell::of(call);
        let words = shell.words;
        let notice = |status, heading, text| shell.show(status, &FlowNotice::new(shell, heading, text));
        match self {
            Error::Page(reply) => *reply,
            Error::LinkInvalid => notice(StatusCode::NOT_FOUND, words.link_invalid, words.link_invalid_text),
            Error::CrossSite => notice(StatusCode::FORBIDDEN, words.cross_site, words.cross_site_text),
            Error::StartAgain => notice(StatusCode::FORBIDDEN, words.start_again, words.start_again_text),
            Error::Refused { code, reason } => {
                let notice = FlowNotice::new(shell, words.failed, words.refused_text);
                shell.show(StatusCode::BAD_REQUEST, &FlowNotice { code: code.text(), reason, ..notice })
            }
            Error::TooMany(after) => {
                notice(StatusCode::TOO_MANY_REQUESTS, words.too_many_title, words.too_many).retry_after(after)
            }
            Error::Unavailable(why @ (Unavailable::Store | Unavailable::Busy(_))) => {
                notice(StatusCode::SERVICE_UNAVAILABLE, words.unavailable, words.busy)
                    .retry_after(why.retry_after())
            }
            Error::Unavailable(Unavailable::Fault) => {
                notice(StatusCode::INTERNAL_SERVER_ERROR, words.failed, words.busy)
            }
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

impl From<AdvanceFlowError> for Error {
    fn from(error: AdvanceFlowError) -> Error {
        match error {
            AdvanceFlowError::SignedOut => Error::StartAgain,
            AdvanceFlowError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}

impl From<Unavailable> for Error {
    fn from(why: Unavailable) -> Error {
        Error::Unavailable(why)
    }
}
