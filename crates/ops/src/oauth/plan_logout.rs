//! What a client's wish to sign somebody out leads to (OpenID Connect RP-Initiated Logout).

use countersign_model::oauth::redirect::with_query;
use countersign_model::oauth::{Client, ErrorCode, Parameters};

use crate::{Core, Unavailable};

/// Where the browser goes when it is signed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutPlan {
    /// A registered URI of the client's, with its `state`; without one the browser stays here.
    pub redirect: Option<String>,
    /// Whether an operator knows the client. Anybody could have brought up another one, to send people on from
    /// here to wherever they like (RFC 9700 §4.11.2).
    pub is_known: bool,
}

/// Why the wish is not granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanLogoutError {
    /// It is not as it should be.
    #[error("{1}")]
    Refused(ErrorCode, &'static str),
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// Reads a client's wish. Nobody is signed out by it: whoever sits in front of the browser is asked.
    ///
    /// # Errors
    /// [`PlanLogoutError`].
    pub async fn plan_logout(&self, parameters: &Parameters) -> Result<LogoutPlan, PlanLogoutError> {
        let refused = |why| PlanLogoutError::Refused(ErrorCode::InvalidRequest, why);
        let hint = match parameters.get("id_token_hint") {
            Some(token) => Some(
                self.read_hint(token).ok_or(refused("The id_token_hint is no ID token of this server."))?,
            ),
            None => None,
        };
        let hinted = hint.as_ref().map(|hint| hint.client_id.as_str());
        let named = parameters.get("client_id");
        if let (Some(named), Some(hinted)) = (named, hinted)
            && named != hinted
        {
            return Err(refused("The id_token_hint was issued to another client."));
        }
        let client = match named.or(hinted) {
            Some(id) => Some(self.find_client(id).await?.ok_or(refused("There is no such client."))?),
            None => None,
        };
        let Some(uri) = parameters.get("post_logout_redirect_uri") else {
            return Ok(LogoutPlan { redirect: None, is_known: false });
        };
        // Only where the client asked to be sent to, so that nobody is sent elsewhere (R113).
        let client = client.ok_or(refused("Without a client_id nobody can be sent on."))?;
        if !is_registered(&client, uri) {
            return Err(refused("The post_logout_redirect_uri is none that the client has registered."));
        }
        let redirect = match parameters.get("state") {
            Some(state) => with_query(uri, [("state", state)]),
            None => uri.to_owned(),
        };
        Ok(LogoutPlan { redirect: Some(redirect), is_known: client.is_operators() })
    }
}

fn is_registered(client: &Client, uri: &str) -> bool {
    client.metadata.post_logout_redirect_uris.iter().any(|registered| registered.matches(uri))
}
