//! What a token is (RFC 7662): the hot path of resource servers.

use std::sync::Arc;

use countersign_model::key::Algorithm;
use countersign_model::oauth::{Actor, AuthMethod, AuthorizationDetails, Client, Scope};
use countersign_model::time::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::presented::{Kind, Presented};
use crate::jose::verify::{named_key, read_unverified, verify_signature};
use crate::{Core, Unavailable};

/// Why a client is told nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntrospectError {
    /// It shows no secret: anybody could ask in its name (RFC 7662 §2.1).
    #[error("a public client may not ask about tokens")]
    Public,
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What a token is (RFC 7662 §2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Introspection {
    /// Not valid, or none of this client's business: nobody can tell which.
    Inactive {
        /// `false`.
        active: bool,
    },
    /// Valid.
    Active(Box<ActiveToken>),
}

/// What is told of a valid token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)] // Each is the member of that name in RFC 7662 §2.2 and its registry.
pub struct ActiveToken {
    pub active: bool,
    #[serde(skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Of access tokens only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<&'static str>,
    /// None for what never expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    pub iat: i64,
    pub sub: String,
    pub aud: Value,
    pub iss: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Actor>>,
    #[serde(skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub authorization_details: AuthorizationDetails,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<Value>,
}

/// A token as an operator looks at it.
#[derive(Clone, Debug, PartialEq)]
pub struct InspectedToken {
    /// The header of a signed one.
    pub header: Option<Value>,
    /// The claims of a signed one, verified or not.
    pub claims: Option<Value>,
    /// The key of this server that signed it.
    pub signed_by: Option<String>,
    /// What its own client would be told of it.
    pub introspection: Introspection,
}

impl Introspection {
    const INACTIVE: Introspection = Introspection::Inactive { active: false };
}

impl Core {
    /// What a token is, as far as it is this authenticated client's business.
    ///
    /// # Errors
    /// [`IntrospectError`].
    pub async fn introspect(
        &self,
        caller: &Arc<Client>,
        token: &str,
    ) -> Result<Introspection, IntrospectError> {
        if caller.metadata.token_endpoint_auth_method == AuthMethod::None {
            return Err(IntrospectError::Public);
        }
        let found = self.find_token(token, Some(caller)).await?;
        let Some(found) = found.filter(|found| self.may_ask(caller, found)) else {
            return Ok(Introspection::INACTIVE);
        };
        Ok(Introspection::Active(Box::new(self.active(Some(caller), found))))
    }

    /// The same as a signed token for the caller (RFC 9701 §5).
    ///
    /// # Errors
    /// [`Unavailable`] if there is no key to sign with.
    pub async fn sign_introspection(
        &self,
        caller: &Client,
        introspection: &Introspection,
    ) -> Result<String, Unavailable> {
        let metadata = &caller.metadata;
        let algorithm =
            metadata.introspection_signed_response_alg.unwrap_or(metadata.id_token_signed_response_alg);
        let claims = json!({
            "iss": self.settings.public_url,
            "aud": caller.id.as_str(),
            "iat": self.clock.glance().seconds(),
            "token_introspection": introspection,
        });
        self.oauth_keys_with(algorithm).await?.sign(algorithm, "token-introspection+jwt", &claims)
    }

    /// What a token is, whoever it is for: for an operator.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn inspect_token(&self, token: &str) -> Result<InspectedToken, Unavailable> {
        let parts = read_unverified(token);
        let typ = parts.as_ref().and_then(|(header, _)| header["typ"].as_str());
        // Without `typ`, or with the one that says nothing, it is a JWT.
        let typ = typ.filter(|typ| !typ.eq_ignore_ascii_case("JWT"));
        let keys = self.oauth_keys();
        let is_ours = verify_signature(token, &keys.public, typ, &Algorithm::ALL).is_ok();
        let introspection = match self.find_token(token, None).await? {
            Some(found) => Introspection::Active(Box::new(self.active(None, found))),
            None => Introspection::INACTIVE,
        };
        let (header, claims) = parts.unzip();
        Ok(InspectedToken { header, claims, signed_by: named_key(token).filter(|_| is_ours), introspection })
    }

    /// A client's own tokens, and access tokens that are for it. A resource server is not told of refresh
    /// tokens: it would take one for an access token.
    fn may_ask(&self, caller: &Client, found: &Presented) -> bool {
        let is_own = is_own(caller, found.client.as_deref());
        match found.kind {
            Kind::Document(_) => caller.metadata.introspect_documents,
            Kind::Refresh => is_own,
            Kind::Access | Kind::Client => is_own || self.is_for(caller, found),
        }
    }

    /// Whether the token is for the caller, for what the caller stands for, or of a client that it serves.
    fn is_for(&self, caller: &Client, found: &Presented) -> bool {
        // Clients of documents may ask for resources; that does not make them those resources.
        let stands_for =
            |name: &str| caller.is_operators() && caller.metadata.audience.iter().any(|own| own == name);
        let is_served = found.client.as_ref().is_some_and(|client| stands_for(client.id.as_str()));
        is_served
            || match &found.facts.audience[..] {
                // A token for nobody in particular is for this server.
                [] => stands_for(&self.settings.public_url),
                several => several.iter().any(|one| one == caller.id.as_str() || stands_for(one)),
            }
    }

    fn active(&self, caller: Option<&Client>, found: Presented) -> ActiveToken {
        let Presented { kind, whose, client, facts, issued_at, expires_at, claims } = found;
        let sub = match (&whose, &client) {
            (Some(whose), client) => match client.as_deref().or(caller) {
                Some(client) => self.subject(client, whose.uuid),
                None => whose.uuid.to_string(),
            },
            (None, Some(client)) => client.id.to_string(),
            (None, None) => String::new(),
        };
        let claim = |name: &str| claims.as_ref().and_then(|claims| claims.get(name)).cloned();
        ActiveToken {
            active: true,
            client_id: client.as_ref().map(|client| client.id.to_string()),
            token_type: match kind {
                Kind::Refresh => None,
                Kind::Access | Kind::Client | Kind::Document(_) => {
                    Some(if facts.jkt.is_some() { "DPoP" } else { "Bearer" })
                }
            },
            exp: (expires_at != Timestamp::NEVER).then(|| expires_at.seconds()),
            iat: issued_at.seconds(),
            sub,
            aud: self.audience_claim(&facts.audience),
            iss: self.settings.public_url.clone(),
            jti: claim("jti").and_then(|jti| jti.as_str().map(str::to_owned)),
            sid: match kind {
                Kind::Access | Kind::Refresh => whose.map(|whose| whose.session.to_string()),
                Kind::Document(_) | Kind::Client => None,
            },
            cnf: match (&facts.jkt, &facts.x5t) {
                (Some(jkt), _) => Some(json!({ "jkt": jkt })),
                (None, Some(x5t)) => Some(json!({ "x5t#S256": x5t })),
                (None, None) => None,
            },
            auth_time: claim("auth_time"),
            acr: claim("acr"),
            authorization_details: match caller.filter(|caller| !is_own(caller, client.as_deref())) {
                // A resource server is told of what is for it (RFC 9396 §9.2).
                Some(other) => facts.details.for_audience(&other.metadata.audience),
                None => facts.details,
            },
            scope: facts.scope,
            act: facts.act,
        }
    }
}

fn is_own(caller: &Client, client: Option<&Client>) -> bool {
    client.is_some_and(|client| client.no == caller.no)
}
