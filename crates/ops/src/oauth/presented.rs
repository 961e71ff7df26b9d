//! Finds out what a token is that somebody presents: a document's, an opaque one of OAuth, or a signed one.

use std::sync::Arc;

use countersign_model::ids::{AccountId, SessionId};
use countersign_model::key::Algorithm;
use countersign_model::oauth::{Client, Scope, TokenFacts};
use countersign_model::session::{Mark, TokenDigest, TokenPurpose};
use countersign_model::time::Timestamp;
use countersign_store::StoreError;
use countersign_store::oauth::{client_tokens, signed_tokens};
use countersign_store::tokens::{self, Whose};
use serde_json::Value;

use super::manage_groups::is_admitted;
use crate::jose::verify::{Audience, Expect, MAX_BYTES, named_key, verify};
use crate::{Core, Unavailable};

/// What a token turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One of the five documents'.
    Document(TokenPurpose),
    /// An access token that somebody allowed a client to have.
    Access,
    /// A refresh token.
    Refresh,
    /// A client's own access token.
    Client,
}

/// A token that is valid at this moment.
#[derive(Clone, Debug)]
pub(crate) struct Presented {
    /// What it is.
    pub kind: Kind,
    /// Whose; none for a client's own.
    pub whose: Option<Whose>,
    /// The client that it was issued to; none for a document's.
    pub client: Option<Arc<Client>>,
    /// What it may do.
    pub facts: TokenFacts,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// The claims of a signed one.
    pub claims: Option<Value>,
}

/// Whether the text can only be a signed token.
pub(crate) fn is_signed(token: &str) -> bool {
    token.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// What an id of a signed token is stored as.
pub(crate) fn jti_digest(claims: &Value) -> Option<TokenDigest> {
    claims["jti"].as_str().map(|jti| TokenDigest::of(&format!("jti {jti}")))
}

impl Core {
    /// The token, if it is valid now. `caller`: who asks, so that a client's own token needs no look for it.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(crate) async fn find_token(
        &self,
        token: &str,
        caller: Option<&Arc<Client>>,
    ) -> Result<Option<Presented>, Unavailable> {
        // What is rare is in a box, or its state would be part of every request.
        let found = match token {
            _ if token.is_empty() || token.len() > MAX_BYTES => None,
            _ if is_signed(token) => Box::pin(self.find_signed(token, caller)).await?,
            _ if Mark::CLIENT_TOKEN.begins(token) => self.find_own_token(token, caller).await?,
            _ => self.find_opaque(token, caller).await?,
        };
        let Some(found) = found else { return Ok(None) };
        // A client for a group is for those who are in it now.
        if let (Some(client), Some(whose)) = (&found.client, &found.whose)
            && !client.metadata.groups.is_empty()
            && !Box::pin(self.is_admitted_now(client, whose.account)).await?
        {
            return Ok(None);
        }
        Ok(Some(found))
    }

    async fn is_admitted_now(&self, client: &Client, account: AccountId) -> Result<bool, Unavailable> {
        Ok(is_admitted(&mut self.store.read().await?, client, account).await?)
    }

    async fn find_opaque(
        &self,
        token: &str,
        caller: Option<&Arc<Client>>,
    ) -> Result<Option<Presented>, Unavailable> {
        let mut tx = self.store.read().await?;
        let row = tokens::find_presented(&mut tx, &TokenDigest::of(token), self.clock.glance()).await?;
        drop(tx);
        let Some(row) = row else { return Ok(None) };
        let kind = match row.purpose {
            TokenPurpose::OAuthAccess => Kind::Access,
            TokenPurpose::OAuthRefresh => Kind::Refresh,
            purpose @ (TokenPurpose::OuserSession
            | TokenPurpose::AuthdAccess
            | TokenPurpose::LineToken
            | TokenPurpose::AuthV1Token
            | TokenPurpose::RestToken) => Kind::Document(purpose),
            // 001's refresh token gets new tokens and nothing else, and a cookie is nobody's but the browser's.
            TokenPurpose::AuthdRefresh | TokenPurpose::BrowserSession => return Ok(None),
        };
        let client = match row.whose.client {
            None => None,
            Some(_) => match self.client_of(&row.whose, caller).await? {
                Some(client) => Some(client),
                None => return Ok(None),
            },
        };
        Ok(Some(Presented {
            kind,
            client,
            facts: read_facts(row.facts.as_deref())?,
            whose: Some(row.whose),
            issued_at: row.issued_at,
            expires_at: row.expires_at,
            claims: None,
        }))
    }

    async fn find_own_token(
        &self,
        token: &str,
        caller: Option<&Arc<Client>>,
    ) -> Result<Option<Presented>, Unavailable> {
        let mut tx = self.store.read().await?;
        let digest = TokenDigest::of(token);
        let row = client_tokens::find_valid(&mut tx, &digest, self.clock.glance()).await?;
        drop(tx);
        let Some((row, _)) = row else { return Ok(None) };
        let client = match caller.filter(|caller| caller.no == row.client) {
            Some(caller) => Some(Arc::clone(caller)),
            None => self.find_client_by_no(row.client).await?,
        };
        let facts = read_facts(Some(&row.facts))?;
        Ok(client.map(|client| Presented {
            kind: Kind::Client,
            whose: None,
            client: Some(client),
            facts,
            issued_at: row.issued_at,
            expires_at: row.expires_at,
            claims: None,
        }))
    }

    async fn find_signed(
        &self,
        token: &str,
        caller: Option<&Arc<Client>>,
    ) -> Result<Option<Presented>, Unavailable> {
        let Some(claims) = self.verify_access(token).await? else { return Ok(None) };
        let (Some(jti), Some(client_id)) = (jti_digest(&claims), claims["client_id"].as_str()) else {
            return Ok(None);
        };
        let mut tx = self.store.read().await?;
        let (kind, whose, client) = match claims["sid"].as_str() {
            Some(grant) => {
                let Some(grant) = grant.parse().ok().map(SessionId) else { return Ok(None) };
                let whose = signed_tokens::find_valid(&mut tx, grant, &jti, self.clock.glance()).await?;
                drop(tx);
                let Some(whose) = whose else { return Ok(None) };
                let client = self.client_of(&whose, caller).await?;
                (Kind::Access, Some(whose), client)
            }
            None => {
                let is_revoked = signed_tokens::is_revoked(&mut tx, &jti).await?;
                drop(tx);
                (Kind::Client, None, if is_revoked { None } else { self.find_client(client_id).await? })
            }
        };
        // An id that was given to another client since is another one.
        let seconds =
            |name: &str| claims[name].as_i64().map(|s| Timestamp::from_micros(s.saturating_mul(1_000_000)));
        let (Some(client), Some(issued_at), Some(expires_at)) =
            (client.filter(|client| client.id.as_str() == client_id), seconds("iat"), seconds("exp"))
        else {
            return Ok(None);
        };
        let facts = facts_of(&claims);
        Ok(Some(Presented {
            kind,
            whose,
            client: Some(client),
            facts,
            issued_at,
            expires_at,
            claims: Some(claims),
        }))
    }

    /// The claims of a signed access token of this server that has not expired.
    pub(crate) async fn verify_access(&self, token: &str) -> Result<Option<Value>, Unavailable> {
        let Some(kid) = named_key(token) else { return Ok(None) };
        let keys = self.oauth_keys_knowing(&kid).await?;
        let expect = Expect {
            typ: Some("at+jwt"),
            algorithms: &Algorithm::ALL,
            issuer: Some(&self.settings.public_url),
            audience: Audience::Any,
            now: self.clock.glance(),
            max_age: None,
        };
        Ok(verify(token, &keys.public, &expect).ok())
    }

    /// The client of a token: the caller, or the one that was read last if it is of this version.
    async fn client_of(
        &self,
        whose: &Whose,
        caller: Option<&Arc<Client>>,
    ) -> Result<Option<Arc<Client>>, Unavailable> {
        let Some((no, version)) = whose.client else { return Ok(None) };
        if let Some(caller) = caller.filter(|caller| caller.no == no) {
            return Ok(Some(Arc::clone(caller)));
        }
        match self.oauth.clients.known(no, version) {
            Some(client) => Ok(Some(client)),
            None => Box::pin(self.find_client_by_no(no)).await,
        }
    }
}

/// The facts of a token. Those that cannot be read are an error, since what a token is bound to is one of them.
///
/// # Errors
/// [`StoreError::Broken`].
pub(super) fn read_facts(json: Option<&str>) -> Result<TokenFacts, StoreError> {
    let Some(json) = json else { return Ok(TokenFacts::default()) };
    serde_json::from_str(json).map_err(|_| StoreError::Broken("a token's facts are not JSON".to_owned()))
}

/// What the claims of a signed token say, as an opaque one has it in its row.
fn facts_of(claims: &Value) -> TokenFacts {
    let audience = match &claims["aud"] {
        Value::String(one) => vec![one.clone()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    TokenFacts {
        scope: claims["scope"].as_str().and_then(|scope| Scope::parse(scope).ok()).unwrap_or_default(),
        audience,
        jkt: text(&claims["cnf"]["jkt"]),
        x5t: text(&claims["cnf"]["x5t#S256"]),
        details: serde_json::from_value(claims["authorization_details"].clone()).unwrap_or_default(),
        amr: Vec::new(),
        act: serde_json::from_value(claims["act"].clone()).ok(),
    }
}
