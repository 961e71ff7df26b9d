//! The form side of `/v1/tokens/`: the password and refresh grants of RFC 6749 (§4.3, §6), at this
//! path only (acceptance decision 5).

use countersign_model::identifier::Identifier;
use countersign_model::limit::RetryAfter;
use countersign_model::password::Password;
use countersign_model::session::{Surface, TokenPurpose};
use countersign_ops::refresh_session::RefreshSessionError;
use countersign_ops::sign_in::{SignIn, SignInError};
use countersign_ops::{SessionTokens, Unavailable};
use http::StatusCode;
use http::header::{self, HeaderValue};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::reply::refresh_token;
use crate::http::{Accept, BodyError, Call, Fields, Reply};

/// RFC 6749 §5.2, and what it has no word for.
pub(super) enum GrantError {
    /// A parameter is missing or given twice, or the form cannot be read.
    InvalidRequest,
    /// Neither of the two grants.
    UnsupportedGrantType,
    /// Wrong credentials or refresh token.
    InvalidGrant,
    /// Tried too often.
    TooMany(RetryAfter),
    /// Not possible just now.
    Unavailable(Unavailable),
}

/// Answers a form.
pub(super) async fn exchange(call: &Call<'_>) -> Result<Reply, GrantError> {
    let fields = call.fields(Accept::FORM)?;
    let tokens = match required(&fields, "grant_type")? {
        "password" => password_grant(call, &fields).await?,
        "refresh_token" => {
            let token = required(&fields, "refresh_token")?;
            call.core().refresh_session(token, TokenPurpose::AuthdRefresh, call.source()).await?
        }
        _ => return Err(GrantError::UnsupportedGrantType),
    };
    Ok(granted(&tokens))
}

async fn password_grant(call: &Call<'_>, fields: &Fields) -> Result<SessionTokens, GrantError> {
    let identifier = Identifier::any(required(fields, "username")?, call.core().settings.phone_region);
    let password = &Password::new(required(fields, "password")?).map_err(|_| GrantError::InvalidGrant)?;
    let request = SignIn { identifier, password, surface: Surface::Authd, source: call.source() };
    Ok(call.sign_in(request).await?.tokens)
}

/// RFC 6749 §3.2: a parameter without a value counts as left out.
fn required<'f>(fields: &'f Fields, name: &str) -> Result<&'f str, GrantError> {
    fields.text(name).map_err(|_| GrantError::InvalidRequest)
}

/// RFC 6749 §5.1.
#[derive(Serialize, ToSchema)]
#[schema(as = authd::GrantedBody)]
pub struct GrantedBody<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: &'a str,
}

fn granted(tokens: &SessionTokens) -> Reply {
    let access = &tokens.access;
    let body = GrantedBody {
        access_token: access.token.reveal(),
        token_type: "Bearer",
        expires_in: access.expires_at.since(access.issued_at).as_secs(),
        refresh_token: refresh_token(tokens),
    };
    // §5.1 demands both headers.
    Reply::json_utf8(StatusCode::OK, &body)
        .no_store()
        .header(header::PRAGMA, HeaderValue::from_static("no-cache"))
}

impl From<GrantError> for Reply {
    fn from(error: GrantError) -> Reply {
        let refused = |status, error: &str| Reply::json_utf8(status, &json!({ "error": error })).no_store();
        match error {
            GrantError::InvalidRequest => refused(StatusCode::BAD_REQUEST, "invalid_request"),
            GrantError::UnsupportedGrantType => refused(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
            GrantError::InvalidGrant => refused(StatusCode::BAD_REQUEST, "invalid_grant"),
            GrantError::TooMany(after) => {
                refused(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable").retry_after(after)
            }
            GrantError::Unavailable(why) => {
                refused(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
                    .retry_after(why.retry_after())
            }
        }
    }
}

impl From<BodyError> for GrantError {
    fn from(error: BodyError) -> GrantError {
        match error {
            BodyError::UnsupportedType(_) | BodyError::Json(_) | BodyError::Form(_) => {
                GrantError::InvalidRequest
            }
        }
    }
}

impl From<SignInError> for GrantError {
    fn from(error: SignInError) -> GrantError {
        match error {
            SignInError::Credentials | SignInError::UnverifiedNumber | SignInError::UnverifiedEmail => {
                GrantError::InvalidGrant
            }
            SignInError::TooMany(after) => GrantError::TooMany(after),
            SignInError::Unavailable(why) => GrantError::Unavailable(why),
        }
    }
}

impl From<RefreshSessionError> for GrantError {
    fn from(error: RefreshSessionError) -> GrantError {
        match error {
            RefreshSessionError::Invalid => GrantError::InvalidGrant,
            RefreshSessionError::Unavailable(why) => GrantError::Unavailable(why),
        }
    }
}
