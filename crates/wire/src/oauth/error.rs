//! Errors in the form of RFC 6749 §5.2.

use std::borrow::Cow;

use countersign_model::limit::RetryAfter;
use countersign_model::oauth::ErrorCode;
use countersign_ops::Unavailable;
use countersign_ops::oauth::check_dpop::{BindTokensError, DpopError};
use countersign_ops::oauth::client_credentials::ClientCredentialsError;
use countersign_ops::oauth::exchange_code::ExchangeCodeError;
use countersign_ops::oauth::exchange_token::ExchangeTokenError;
use countersign_ops::oauth::jwt_bearer::JwtBearerError;
use countersign_ops::oauth::poll_device::PollDeviceError;
use countersign_ops::oauth::refresh_grant::RefreshGrantError;
use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use serde_json::json;

use crate::http::{Refusal, Reply};

/// Tells a client the nonce for its next proof (RFC 9449 §8.2).
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// An error on its way to a program. The description is ours alone: nothing of the request is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OAuthError {
    /// The status.
    pub status: StatusCode,
    /// `error`.
    pub code: ErrorCode,
    /// `error_description`.
    pub description: Cow<'static, str>,
    /// `WWW-Authenticate`.
    pub challenge: Option<String>,
    /// `DPoP-Nonce` (RFC 9449 §8).
    pub nonce: Option<String>,
    /// `Retry-After`.
    pub retry_after: Option<RetryAfter>,
}

impl OAuthError {
    /// Without a challenge.
    pub(super) fn new(
        status: StatusCode,
        code: ErrorCode,
        description: impl Into<Cow<'static, str>>,
    ) -> OAuthError {
        let description = description.into();
        OAuthError { status, code, description, challenge: None, nonce: None, retry_after: None }
    }

    /// For a client that has not shown who it is. Every 401 names a scheme (RFC 9110 §15.5.2), and this is the one
    /// that clients know (RFC 6749 §5.2). Programs come here: for a script's request to another origin browsers show
    /// no window that asks for a password.
    pub(super) fn invalid_client(description: &'static str) -> OAuthError {
        OAuthError {
            challenge: Some("Basic realm=\"oauth2\"".to_owned()),
            ..OAuthError::new(StatusCode::UNAUTHORIZED, ErrorCode::InvalidClient, description)
        }
    }
}

impl From<Unavailable> for OAuthError {
    fn from(unavailable: Unavailable) -> OAuthError {
        match unavailable {
            Unavailable::Store | Unavailable::Busy(_) => OAuthError {
                // Also asked for of revocations (RFC 7009 §2.2.1).
                retry_after: Some(unavailable.retry_after()),
                ..OAuthError::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    ErrorCode::TemporarilyUnavailable,
                    "The server cannot do this just now; try again.",
                )
            },
            Unavailable::Fault => OAuthError::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                ErrorCode::ServerError,
                "Something went wrong on this server.",
            ),
        }
    }
}

/// What the token endpoint refuses (RFC 6749 §5.2).
fn refused(code: ErrorCode, description: &'static str) -> OAuthError {
    OAuthError::new(StatusCode::BAD_REQUEST, code, description)
}

/// Too often from one source.
pub(super) fn too_many(after: RetryAfter) -> OAuthError {
    OAuthError {
        retry_after: Some(after),
        ..OAuthError::new(
            StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::TemporarilyUnavailable,
            "There were too many requests; try again later.",
        )
    }
}

const NOT_THIS_GRANT: &str = "The client is not registered for this grant type.";
const NOT_THIS_SCOPE: &str = "The scope is more than the client may have.";
const NOT_THESE_DETAILS: &str = "The authorization_details are more than the client may have.";
const NOT_THIS_TARGET: &str = "The resource is not one that the client may ask for.";

impl From<ExchangeCodeError> for OAuthError {
    fn from(error: ExchangeCodeError) -> OAuthError {
        match error {
            // Alike: what a stranger sent must not tell whether the code was right.
            ExchangeCodeError::Invalid | ExchangeCodeError::Reused => refused(
                ErrorCode::InvalidGrant,
                "The code is unknown, expired or used, or does not belong to this client, redirect URI and verifier.",
            ),
            ExchangeCodeError::Grant => refused(ErrorCode::UnauthorizedClient, NOT_THIS_GRANT),
            ExchangeCodeError::Target => refused(ErrorCode::InvalidTarget, NOT_THIS_TARGET),
            ExchangeCodeError::Details => refused(ErrorCode::InvalidAuthorizationDetails, NOT_THESE_DETAILS),
            ExchangeCodeError::UsedProof => DpopError::Invalid.into(),
            ExchangeCodeError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<RefreshGrantError> for OAuthError {
    fn from(error: RefreshGrantError) -> OAuthError {
        match error {
            RefreshGrantError::Invalid => refused(
                ErrorCode::InvalidGrant,
                "The refresh token is unknown, expired, used or ended, or belongs to another client.",
            ),
            RefreshGrantError::Scope => refused(ErrorCode::InvalidScope, NOT_THIS_SCOPE),
            RefreshGrantError::Target => refused(ErrorCode::InvalidTarget, NOT_THIS_TARGET),
            RefreshGrantError::Details => refused(ErrorCode::InvalidAuthorizationDetails, NOT_THESE_DETAILS),
            RefreshGrantError::Grant => refused(ErrorCode::UnauthorizedClient, NOT_THIS_GRANT),
            RefreshGrantError::Proof => {
                refused(ErrorCode::InvalidDpopProof, "The refresh token is bound to another key.")
            }
            RefreshGrantError::UsedProof => DpopError::Invalid.into(),
            RefreshGrantError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<ClientCredentialsError> for OAuthError {
    fn from(error: ClientCredentialsError) -> OAuthError {
        match error {
            ClientCredentialsError::Grant => refused(ErrorCode::UnauthorizedClient, NOT_THIS_GRANT),
            ClientCredentialsError::Scope => refused(ErrorCode::InvalidScope, NOT_THIS_SCOPE),
            ClientCredentialsError::Target => refused(ErrorCode::InvalidTarget, NOT_THIS_TARGET),
            ClientCredentialsError::Details => {
                refused(ErrorCode::InvalidAuthorizationDetails, NOT_THESE_DETAILS)
            }
            ClientCredentialsError::UsedProof => DpopError::Invalid.into(),
            ClientCredentialsError::TooMany(after) => too_many(after),
            ClientCredentialsError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<PollDeviceError> for OAuthError {
    fn from(error: PollDeviceError) -> OAuthError {
        match error {
            PollDeviceError::Pending => {
                refused(ErrorCode::AuthorizationPending, "Nobody has decided yet; ask again.")
            }
            PollDeviceError::SlowDown => {
                refused(ErrorCode::SlowDown, "The device asks too often: it must wait 5 seconds longer.")
            }
            PollDeviceError::Denied => refused(ErrorCode::AccessDenied, "Somebody has refused the device."),
            PollDeviceError::Expired => refused(ErrorCode::ExpiredToken, "The device code has expired."),
            PollDeviceError::Invalid => refused(
                ErrorCode::InvalidGrant,
                "The device code is unknown or used, or belongs to another client.",
            ),
            PollDeviceError::Target => refused(ErrorCode::InvalidTarget, NOT_THIS_TARGET),
            PollDeviceError::Details => refused(ErrorCode::InvalidAuthorizationDetails, NOT_THESE_DETAILS),
            PollDeviceError::Grant => refused(ErrorCode::UnauthorizedClient, NOT_THIS_GRANT),
            PollDeviceError::UsedProof => DpopError::Invalid.into(),
            PollDeviceError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<ExchangeTokenError> for OAuthError {
    fn from(error: ExchangeTokenError) -> OAuthError {
        match error {
            ExchangeTokenError::Request => refused(
                ErrorCode::InvalidRequest,
                "Access tokens and ID tokens of this server are exchanged for access tokens, and no others.",
            ),
            // RFC 8693 §2.2.2: not `invalid_grant`.
            ExchangeTokenError::Subject => refused(
                ErrorCode::InvalidRequest,
                "The subject or actor token is not valid, or not for this client.",
            ),
            ExchangeTokenError::Scope => refused(ErrorCode::InvalidScope, NOT_THIS_SCOPE),
            ExchangeTokenError::Target => refused(ErrorCode::InvalidTarget, NOT_THIS_TARGET),
            ExchangeTokenError::Details => refused(
                ErrorCode::InvalidAuthorizationDetails,
                "An exchanged token has no authorization_details.",
            ),
            ExchangeTokenError::Grant => refused(ErrorCode::UnauthorizedClient, NOT_THIS_GRANT),
            ExchangeTokenError::UsedProof => DpopError::Invalid.into(),
            ExchangeTokenError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<JwtBearerError> for OAuthError {
    fn from(error: JwtBearerError) -> OAuthError {
        match error {
            // Alike: an issuer's people are not told who has an account here.
            JwtBearerError::Assertion => refused(
                ErrorCode::InvalidGrant,
                "The assertion is not of an issuer that this client may use, not valid now and here, was used, or \
                 is about nobody who may use the client.",
            ),
            JwtBearerError::Scope => refused(ErrorCode::InvalidScope, NOT_THIS_SCOPE),
            JwtBearerError::Target => refused(ErrorCode::InvalidTarget, NOT_THIS_TARGET),
            JwtBearerError::Details => refused(
                ErrorCode::InvalidAuthorizationDetails,
                "An assertion gives no authorization_details.",
            ),
            JwtBearerError::Grant => refused(ErrorCode::UnauthorizedClient, NOT_THIS_GRANT),
            JwtBearerError::UsedProof => DpopError::Invalid.into(),
            JwtBearerError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<BindTokensError> for OAuthError {
    fn from(error: BindTokensError) -> OAuthError {
        match error {
            BindTokensError::Dpop(error) => error.into(),
            BindTokensError::Certificate => refused(
                ErrorCode::InvalidRequest,
                "The client's tokens are bound to its certificate: the request needs one, and no DPoP proof.",
            ),
        }
    }
}

impl From<DpopError> for OAuthError {
    fn from(error: DpopError) -> OAuthError {
        match error {
            DpopError::Invalid => refused(
                ErrorCode::InvalidDpopProof,
                "The request needs a DPoP proof that is valid for it and was not used.",
            ),
            DpopError::Nonce(nonce) => OAuthError {
                nonce: Some(nonce),
                ..refused(ErrorCode::UseDpopNonce, "The DPoP proof needs the nonce of this answer.")
            },
            DpopError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<OAuthError> for Reply {
    fn from(error: OAuthError) -> Reply {
        let body = json!({ "error": error.code.text(), "error_description": error.description });
        let reply = Reply::json(error.status, &body)
            .no_store()
            .header(header::PRAGMA, HeaderValue::from_static("no-cache"));
        let reply = match error.retry_after {
            Some(after) => reply.retry_after(after),
            None => reply,
        };
        let headers = [(header::WWW_AUTHENTICATE, error.challenge), (DPOP_NONCE, error.nonce)];
        headers.into_iter().fold(reply, |reply, (name, value)| {
            match value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                Some(value) => reply.header(name, value),
                None => reply,
            }
        })
    }
}

/// What the plumbing refuses.
pub fn refuse(refusal: Refusal<'_>) -> Reply {
    let code = match refusal {
        Refusal::Fault => ErrorCode::ServerError,
        Refusal::NotFound
        | Refusal::MethodNotAllowed(_)
        | Refusal::BodyTooSlow
        | Refusal::BodyBroken
        | Refusal::BodyTooLarge
        | Refusal::UriTooLong
        | Refusal::HeadersTooLarge
        | Refusal::BadHost => ErrorCode::InvalidRequest,
    };
    OAuthError::new(refusal.status(), code, refusal.message()).into()
}
