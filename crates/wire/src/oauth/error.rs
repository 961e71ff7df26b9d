//! Errors in the form of RFC 6749 §5.2.

use countersign_model::oauth::ErrorCode;
use countersign_ops::Unavailable;
use http::StatusCode;
use http::header::{self, HeaderValue};
use serde_json::json;

use crate::http::{Refusal, Reply};

/// An error on its way to a program. The description is ours alone: nothing of the request is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OAuthError {
    /// The status.
    pub status: StatusCode,
    /// `error`.
    pub code: ErrorCode,
    /// `error_description`.
    pub description: &'static str,
    /// `WWW-Authenticate`.
    pub challenge: Option<String>,
}

impl OAuthError {
    /// Without a challenge.
    pub(super) fn new(status: StatusCode, code: ErrorCode, description: &'static str) -> OAuthError {
        OAuthError { status, code, description, challenge: None }
    }
}

impl From<Unavailable> for OAuthError {
    fn from(unavailable: Unavailable) -> OAuthError {
        match unavailable {
            Unavailable::Store | Unavailable::Busy(_) => OAuthError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                ErrorCode::TemporarilyUnavailable,
                "The server cannot do this just now; try again.",
            ),
            Unavailable::Fault => OAuthError::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                ErrorCode::ServerError,
                "Something went wrong on this server.",
            ),
        }
    }
}

impl From<OAuthError> for Reply {
    fn from(error: OAuthError) -> Reply {
        let body = json!({ "error": error.code.text(), "error_description": error.description });
        let reply = Reply::json(error.status, &body)
            .no_store()
            .header(header::PRAGMA, HeaderValue::from_static("no-cache"));
        match error.challenge.and_then(|challenge| HeaderValue::from_str(&challenge).ok()) {
            Some(challenge) => reply.header(header::WWW_AUTHENTICATE, challenge),
            None => reply,
        }
    }
}

/// What the plumbing refuses.
pub fn refuse(refusal: Refusal<'_>) -> Reply {
    let code = match refusal {
        Refusal::Fault => ErrorCode::ServerError,
        _ => ErrorCode::InvalidRequest,
    };
    OAuthError::new(refusal.status(), code, refusal.message()).into()
}
