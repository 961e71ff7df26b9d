//! Dynamic registration (RFC 7591, RFC 7592).

use countersign_model::oauth::{Client, ErrorCode, MetadataFault};
use countersign_model::secret::Secret;
use countersign_model::time::Timestamp;
use countersign_ops::oauth::register_client::RegisterError;
use http::StatusCode;
use http::header::{self, AUTHORIZATION, HeaderValue};
use serde_json::{Map, Value, json};

use super::cors;
use super::error::OAuthError;
use crate::http::{Accept, Call, Reply};

/// Any script may read it: who registers has no origin that is known yet.
pub(super) async fn register(call: &Call<'_>) -> Result<Reply, OAuthError> {
    Ok(cors::allow_all(make(call).await.unwrap_or_else(Reply::from)))
}

async fn make(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let made = match call.core().register_client(bearer(call), &metadata(call)?, call.source()).await {
        Err(RegisterError::TooMany(after)) => return Ok(Reply::from(too_many()).retry_after(after)),
        made => made?,
    };
    let shown =
        registration(call, &made.client, made.created_at, made.secret.as_ref(), made.registration.as_ref());
    Ok(reply(StatusCode::CREATED, &shown))
}

pub(super) async fn read(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let token = bearer(call);
    let found = call.core().read_registration(call.parameter(), token).await?;
    let token = token.map(Secret::new);
    Ok(reply(StatusCode::OK, &registration(call, &found.client, found.created_at, None, token.as_ref())))
}

pub(super) async fn replace(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let metadata = metadata(call)?;
    let made = call.core().replace_registration(call.parameter(), bearer(call), &metadata).await?;
    let shown =
        registration(call, &made.client, made.created_at, made.secret.as_ref(), made.registration.as_ref());
    Ok(reply(StatusCode::OK, &shown))
}

pub(super) async fn remove(call: &Call<'_>) -> Result<Reply, OAuthError> {
    call.core().remove_registration(call.parameter(), bearer(call), call.source()).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).no_store())
}

fn bearer<'a>(call: &'a Call<'_>) -> Option<&'a str> {
    let (scheme, token) = call.header(AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some(token)
}

fn metadata(call: &Call<'_>) -> Result<Map<String, Value>, OAuthError> {
    let fields = call.fields(Accept::JSON).map_err(|_| {
        OAuthError::new(
            StatusCode::BAD_REQUEST,
            ErrorCode::InvalidClientMetadata,
            "The body must be a JSON object in which no name stands twice.",
        )
    })?;
    Ok(fields.into_members())
}

/// RFC 7591 §3.2.1, RFC 7592 §3.
fn registration(
    call: &Call<'_>,
    client: &Client,
    created_at: Timestamp,
    secret: Option<&Secret>,
    token: Option<&Secret>,
) -> Map<String, Value> {
    let metadata = client.metadata.to_json();
    let mut shown = if let Value::Object(members) = metadata { members } else { Map::new() };
    let mut tell = |name: &str, value| shown.insert(name.to_owned(), value);
    tell("client_id", json!(client.id));
    tell("client_id_issued_at", json!(created_at.seconds()));
    if let Some(secret) = secret {
        tell("client_secret", json!(secret.reveal()));
    }
    if client.has_secret {
        // It does not lapse.
        tell("client_secret_expires_at", json!(0));
    }
    if let Some(token) = token {
        let base = &call.core().settings.public_url;
        tell("registration_access_token", json!(token.reveal()));
        tell("registration_client_uri", json!(format!("{base}/oauth2/register/{}", client.id)));
    }
    shown
}

fn too_many() -> OAuthError {
    OAuthError::new(
        StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::TemporarilyUnavailable,
        "Too many clients were registered from this address; try again later.",
    )
}

fn reply(status: StatusCode, shown: &Map<String, Value>) -> Reply {
    Reply::json(status, shown).no_store().header(header::PRAGMA, HeaderValue::from_static("no-cache"))
}

impl From<RegisterError> for OAuthError {
    fn from(error: RegisterError) -> OAuthError {
        match error {
            RegisterError::Disabled => OAuthError::new(
                StatusCode::FORBIDDEN,
                ErrorCode::AccessDenied,
                "Clients do not register themselves here; its operator adds them.",
            ),
            RegisterError::Token => OAuthError {
                challenge: Some("Bearer error=\"invalid_token\"".to_owned()),
                ..OAuthError::new(
                    StatusCode::UNAUTHORIZED,
                    ErrorCode::InvalidToken,
                    "This needs an Authorization header with the token for it.",
                )
            },
            RegisterError::Metadata(fault) => {
                let code = match fault {
                    MetadataFault::RedirectUri { .. } => ErrorCode::InvalidRedirectUri,
                    MetadataFault::Url(_)
                    | MetadataFault::Combination(_)
                    | MetadataFault::Unsupported(..)
                    | MetadataFault::Unreadable { .. } => ErrorCode::InvalidClientMetadata,
                };
                OAuthError::new(StatusCode::BAD_REQUEST, code, format!("{}.", fault.rule()))
            }
            RegisterError::OtherClient => OAuthError::new(
                StatusCode::BAD_REQUEST,
                ErrorCode::InvalidClientMetadata,
                "The body must have the client_id of the address, and no other secret than the client's.",
            ),
            RegisterError::TooMany(_) => too_many(),
            RegisterError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}
