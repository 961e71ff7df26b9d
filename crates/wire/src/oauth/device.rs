//! Device authorization (RFC 8628 §3.1).

use countersign_model::oauth::{Client, ErrorCode, Parameters};
use countersign_ops::oauth::device::{StartDevice, StartDeviceError};
use http::StatusCode;
use serde_json::json;

use super::error::{OAuthError, too_many};
use super::{cors, request};
use crate::http::{Call, Reply};

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let (client, parameters) = request::authenticated(call).await?;
    let reply = start(call, &client, &parameters).await.unwrap_or_else(Reply::from);
    Ok(cors::allow(call, &client, reply))
}

pub(super) async fn preflight(call: &Call<'_>) -> Result<Reply, OAuthError> {
    cors::preflight(call).await
}

async fn start(call: &Call<'_>, client: &Client, parameters: &Parameters) -> Result<Reply, OAuthError> {
    let started = StartDevice {
        client,
        scope: request::scope(parameters)?,
        resource: parameters.all("resource"),
        details: request::details(parameters)?.unwrap_or_default(),
        source: call.source(),
    };
    let started = call.core().start_device(started).await?;
    let uri = format!("{}/device", call.core().settings.public_url);
    let body = json!({
        "device_code": started.device_code.reveal(),
        "user_code": started.user_code.reveal(),
        "verification_uri": uri,
        "verification_uri_complete": format!("{uri}?user_code={}", started.user_code.reveal()),
        "expires_in": started.expires_in.as_secs(),
        "interval": started.interval.as_secs(),
    });
    Ok(Reply::json(StatusCode::OK, &body).no_store())
}

impl From<StartDeviceError> for OAuthError {
    fn from(error: StartDeviceError) -> OAuthError {
        let refused = |code, description| OAuthError::new(StatusCode::BAD_REQUEST, code, description);
        match error {
            StartDeviceError::Grant => {
                refused(ErrorCode::UnauthorizedClient, "The client is not registered for this grant type.")
            }
            StartDeviceError::Scope => {
                refused(ErrorCode::InvalidScope, "The scope is more than the client may have.")
            }
            StartDeviceError::Target => {
                refused(ErrorCode::InvalidTarget, "The resource is not one that the client may ask for.")
            }
            StartDeviceError::Details => refused(
                ErrorCode::InvalidAuthorizationDetails,
                "A type of these authorization_details is not served, or not registered for the client.",
            ),
            StartDeviceError::TooMany(after) => too_many(after),
            StartDeviceError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}
