//! Pushed requests (RFC 9126).

use countersign_model::oauth::{Client, Parameters};
use countersign_ops::oauth::push_request::PushRequestError;
use http::StatusCode;
use serde_json::json;

use super::error::{OAuthError, too_many};
use super::{cors, request};
use crate::http::{Call, Reply};

impl From<PushRequestError> for OAuthError {
    fn from(error: PushRequestError) -> OAuthError {
        match error {
            PushRequestError::Refused(code, description) => {
                OAuthError::new(StatusCode::BAD_REQUEST, code, description)
            }
            PushRequestError::Dpop(error) => error.into(),
            PushRequestError::TooMany(after) => too_many(after),
            PushRequestError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let (client, parameters) = request::authenticated(call).await?;
    let reply = push(call, &client, parameters).await.unwrap_or_else(Reply::from);
    Ok(cors::allow(call, &client, reply))
}

pub(super) async fn preflight(call: &Call<'_>) -> Result<Reply, OAuthError> {
    cors::preflight(call).await
}

async fn push(call: &Call<'_>, client: &Client, parameters: Parameters) -> Result<Reply, OAuthError> {
    let url = format!("{}/oauth2/par", request::reached_at(call, call.certificate().is_some()));
    let proof = request::proof(call, &url, None);
    let parameters = without_credentials(parameters);
    let pushed = call.core().push_request(client, &parameters, proof, call.source()).await?;
    let body = json!({ "request_uri": pushed.request_uri, "expires_in": pushed.expires_in.as_secs() });
    Ok(Reply::json(StatusCode::CREATED, &body).no_store())
}

/// What showed who the client is, is no part of the request.
fn without_credentials(mut parameters: Parameters) -> Parameters {
    for name in ["client_secret", "client_assertion", "client_assertion_type"] {
        parameters.remove(name);
    }
    parameters
}
