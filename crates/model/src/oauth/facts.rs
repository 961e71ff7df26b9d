//! What a grant and a token carry, as JSON in the store. Short names: a row of these is on the hot path.

use serde::{Deserialize, Serialize};

use super::configured_claims::ConfiguredClaims;
use super::details::AuthorizationDetails;
use super::scope::Scope;
use crate::time::Timestamp;

/// What a token may do. Of a browser's cookie only `m`; of a refresh token the granted scope and audience.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenFacts {
    /// Its scope.
    #[serde(rename = "s", default, skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// Whom it is for (RFC 8707).
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    /// The thumbprint of the key it is bound to (RFC 9449).
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<String>,
    /// The thumbprint of the certificate it is bound to (RFC 8705).
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub x5t: Option<String>,
    /// What exactly it is for (RFC 9396).
    #[serde(rename = "d", default, skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub details: AuthorizationDetails,
    /// How its holder signed in (RFC 8176).
    #[serde(rename = "m", default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// Who acts for its subject (RFC 8693 §4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Actor>>,
}

/// Who acts for somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The actor's subject.
    pub sub: String,
    /// The client of the actor's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Who acted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Actor>>,
}

/// What somebody allowed a client to do, and how they had signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantFacts {
    /// What was granted.
    pub scope: Scope,
    /// Whom tokens may be for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    /// When they signed in, in microseconds.
    pub auth_time: i64,
    /// How they signed in (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The class of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// What ties the ID token to the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// Single claims that were asked for.
    #[serde(default, skip_serializing_if = "SingleClaims::is_empty")]
    pub claims: SingleClaims,
    /// RFC 9396.
    #[serde(default, skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub details: AuthorizationDetails,
    /// The browser's session.
    #[serde(default)]
    pub browser: i64,
    /// It outlives the browser's session.
    #[serde(default)]
    pub offline: bool,
}

/// Claims that a client gets one by one (OpenID Connect Core §5.5), besides those of its scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SingleClaims {
    /// From the userinfo endpoint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub userinfo: Vec<String>,
    /// In the ID token.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub id_token: Vec<String>,
}

impl SingleClaims {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.userinfo.is_empty() && self.id_token.is_empty()
    }

    /// Those that this scope allows.
    pub fn within(mut self, scope: &Scope, configured: &ConfiguredClaims) -> SingleClaims {
        let may = |claim: &String| configured.scope_of(claim).is_some_and(|name| scope.has(name));
        self.userinfo.retain(may);
        self.id_token.retain(may);
        self
    }
}

impl GrantFacts {
    /// When they signed in.
    pub fn signed_in_at(&self) -> Timestamp {
        Timestamp::from_micros(self.auth_time)
    }
}
