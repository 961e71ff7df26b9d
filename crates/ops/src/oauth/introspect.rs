//! What a token is (RFC 7662): the hot path of resource servers.

use std::sync::Arc;

use countersign_model::oauth::{Actor, AuthMethod, Client, Scope, TokenFacts};
use countersign_model::time::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::presented::{Kind, Presented};
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
    pub token_type: &'static str,
    /// None for what never expires (004's tokens).
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<Value>,
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
        Ok(Introspection::Active(Box::new(self.active(caller, found))))
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

    /// A client's own tokens, and access tokens that are for it. A resource server is not told of refresh
    /// tokens: it would take one for an access token.
    fn may_ask(&self, caller: &Client, found: &Presented) -> bool {
        let is_own = found.client.as_ref().is_some_and(|client| client.no == caller.no);
        match found.kind {
            Kind::Document(_) => caller.metadata.introspect_documents,
            Kind::Refresh => is_own,
            Kind::Access | Kind::Client => is_own || self.is_for(caller, &found.facts),
        }
    }

    /// Whether the client is one of those that the token is for, or stands for one.
    fn is_for(&self, caller: &Client, facts: &TokenFacts) -> bool {
        let stands_for = |audience: &String| {
            *audience == caller.id.as_str() || caller.metadata.audience.contains(audience)
        };
        match &facts.audience[..] {
            // A token for nobody in particular is for this server.
            [] => caller.metadata.audience.contains(&self.settings.public_url),
            several => several.iter().any(stands_for),
        }
    }

    fn active(&self, caller: &Client, found: Presented) -> ActiveToken {
        let Presented { kind, whose, client, facts, issued_at, expires_at, claims } = found;
        let sub = match (&whose, &client) {
            (Some(whose), client) => self.subject(client.as_deref().unwrap_or(caller), whose.uuid),
            (None, Some(client)) => client.id.to_string(),
            (None, None) => String::new(),
        };
        let claim = |name: &str| claims.as_ref().and_then(|claims| claims.get(name)).cloned();
        ActiveToken {
            active: true,
            client_id: client.as_ref().map(|client| client.id.to_string()),
            token_type: if facts.jkt.is_some() { "DPoP" } else { "Bearer" },
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
            scope: facts.scope,
            act: facts.act,
        }
    }
}
