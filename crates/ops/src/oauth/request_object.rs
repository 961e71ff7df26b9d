//! Authorization requests that their client has signed (RFC 9101): the object itself is in the request;
//! nothing is ever fetched for one.

use std::time::Duration;

use countersign_model::key::Algorithm;
use countersign_model::oauth::request::REPEATABLE;
use countersign_model::oauth::{Client, ErrorCode, Parameters};
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;
use serde_json::{Map, Value};

use super::read_request::Fault;
use crate::jose::verify::{Audience, Expect, ends_by, verify};
use crate::{Core, Unavailable};

/// A longer object is not looked into.
pub(crate) const MAX_BYTES: usize = 8 * 1024;

/// How long an object may be good.
const LONGEST: Duration = Duration::from_secs(3600);

/// Claims that are about the object and no parameters (RFC 9101 §4).
const ABOUT_ITSELF: [&str; 7] = ["iss", "aud", "exp", "nbf", "iat", "jti", "sub"];

/// Why a request object is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequestObjectError {
    /// It is not this client's, not for this server, not for now, used, or holds no request.
    #[error("the request object is refused")]
    Refused(Fault),
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<Fault> for RequestObjectError {
    fn from(fault: Fault) -> RequestObjectError {
        RequestObjectError::Refused(fault)
    }
}

impl Core {
    /// What a request asks for: with an object only what stands in there (RFC 9101 §6.3), else what came.
    ///
    /// # Errors
    /// [`RequestObjectError`].
    pub(crate) async fn signed_parameters(
        &self,
        client: &Client,
        came: &Parameters,
    ) -> Result<Parameters, RequestObjectError> {
        let Some(object) = came.get("request") else { return Ok(came.clone()) };
        if came.get("request_uri").is_some() {
            // RFC 9101 §5.
            return Err(
                Fault(ErrorCode::InvalidRequest, "The request has both request and request_uri.").into()
            );
        }
        let now = self.clock.now();
        let claims = self.verify_object(client, object, now).await?;
        let claims =
            claims.ok_or(refused("The request object is not signed by the client for this server."))?;
        let parameters = parameters_of(client, &claims)?;
        if let Some(jti) = claims.get("jti") {
            let jti = jti.as_str().filter(|jti| !jti.is_empty());
            let jti = jti.ok_or(refused("The jti of the request object is no text."))?;
            let id = TokenDigest::of(&format!("request object\n{}\n{jti}", client.id));
            if !self.use_once(id, now.after(LONGEST * 2)).await? {
                return Err(refused("The request object was used before.").into());
            }
        }
        Ok(parameters)
    }

    async fn verify_object(
        &self,
        client: &Client,
        object: &str,
        now: Timestamp,
    ) -> Result<Option<Map<String, Value>>, Unavailable> {
        if object.len() > MAX_BYTES {
            return Ok(None);
        }
        let registered = client.metadata.request_object_signing_alg.as_slice();
        let expect = |typ| Expect {
            typ,
            algorithms: if registered.is_empty() { &Algorithm::ALL } else { registered },
            issuer: Some(client.id.as_str()),
            // One text: an object that other servers take too could be sent here by one of them.
            audience: Audience::Exactly(&self.settings.public_url),
            now,
            max_age: Some(LONGEST),
        };
        // RFC 9101 §10.8: its own type, or none; never that of a token or a proof.
        let types = [Some("oauth-authz-req+jwt"), None].map(expect);
        let verified = self.with_client_keys(client, |keys| {
            types.iter().find_map(|expect| verify(object, keys, expect).ok())
        });
        Ok(match verified.await.filter(|claims| ends_by(claims, now.after(LONGEST))) {
            Some(Value::Object(claims)) => Some(claims),
            Some(_) | None => None,
        })
    }
}

/// The parameters that a verified object holds.
fn parameters_of(client: &Client, claims: &Map<String, Value>) -> Result<Parameters, Fault> {
    let own_id = client.id.as_str();
    if claims.contains_key("request") || claims.contains_key("request_uri") {
        return Err(refused("A request object holds no other one."));
    }
    if claims.get("client_id").is_none_or(|id| id != own_id) {
        return Err(refused("The client_id of the request object is missing or another's."));
    }
    // What proves who a client is says this (RFC 7523 §3), and is no request (RFC 9101 §10.8).
    if claims.get("sub").is_some_and(|sub| sub == own_id) {
        return Err(refused("A request object has not its client as subject."));
    }
    let named = claims.iter().filter(|(name, _)| !ABOUT_ITSELF.contains(&name.as_str()));
    Parameters::collect(named.flat_map(|(name, value)| {
        let several = value.as_array().filter(|_| REPEATABLE.contains(&name.as_str()));
        let values = several.map_or(std::slice::from_ref(value), Vec::as_slice);
        values.iter().filter_map(text).map(|text| (name.clone(), text))
    }))
    .map_err(|_| refused("A parameter stands twice in the request object."))
}

/// A claim as the parameter of its name would be written: what is not text, as JSON.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}

fn refused(why: &'static str) -> Fault {
    Fault(ErrorCode::InvalidRequestObject, why)
}
