//! Claims about whoever a token speaks for (OpenID Connect Core §5.3).

use std::sync::Arc;

use countersign_model::oauth::{Client, GrantFacts, Scope};
use countersign_store::oauth::grants;
use countersign_store::tokens::Whose;
use serde_json::{Map, Value};

use super::check_dpop::{DpopError, Proof};
use super::client_certificate::ClientCertificate;
use super::person_claims::{Asked, Person, names_of};
use super::presented::{Kind, Presented};
use crate::{Core, Unavailable};

/// What a token of the five documents stands for: its owner's own clients see all of the account (acceptance
/// decision 14).
const OF_DOCUMENTS: &str = "openid profile email phone";

/// How a token is presented.
#[derive(Clone, Copy, Debug)]
pub struct PresentedToken<'a> {
    /// The token.
    pub token: &'a str,
    /// Whether the scheme is `DPoP`.
    pub as_dpop: bool,
    /// The proof beside it.
    pub proof: Option<Proof<'a>>,
    /// The certificate that came with the request.
    pub certificate: Option<&'a ClientCertificate>,
}

/// Claims, on their way to a client.
#[derive(Clone, Debug, PartialEq)]
pub struct UserInfo {
    /// The claims.
    pub claims: Value,
    /// The same as a signed token, if the client wants it so.
    pub signed: Option<String>,
    /// The client; none for a token of the five documents.
    pub client: Option<Arc<Client>>,
}

/// Why nothing is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserinfoError {
    /// Unknown, expired, ended, no access token, or not presented with the key that it is bound to.
    #[error("the token is not valid")]
    Invalid,
    /// The token is not for this: it has no `openid`.
    #[error("the token has not the scope openid")]
    Scope,
    /// The proof is refused.
    #[error(transparent)]
    Dpop(#[from] DpopError),
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// The claims that a token's scope stands for.
    ///
    /// # Errors
    /// [`UserinfoError`].
    pub async fn userinfo(&self, presented: PresentedToken<'_>) -> Result<UserInfo, UserinfoError> {
        let found = self.find_token(presented.token, None).await?.ok_or(UserinfoError::Invalid)?;
        let Presented { kind, whose: Some(whose), client, facts, .. } = found else {
            return Err(UserinfoError::Invalid);
        };
        self.check_binding(&presented, facts.jkt.as_deref(), facts.x5t.as_deref()).await?;
        let scope = match kind {
            Kind::Document(_) => Scope::parse(OF_DOCUMENTS).unwrap_or_default(),
            Kind::Access => facts.scope,
            Kind::Refresh | Kind::Client => return Err(UserinfoError::Invalid),
        };
        if !scope.has(Scope::OPENID) {
            return Err(UserinfoError::Scope);
        }
        let sub = match &client {
            Some(client) => self.subject(client, whose.uuid),
            None => whose.uuid.to_string(),
        };
        let mut claims = self.read_claims(whose, kind, client.as_deref(), &scope).await?;
        claims.insert("sub".to_owned(), sub.into());
        let signed = match &client {
            Some(client) => self.sign_userinfo(client, &claims).await?,
            None => None,
        };
        Ok(UserInfo { claims: Value::Object(claims), signed, client })
    }

    /// RFC 9449 §7.1: a token that is bound to a key comes with a proof of it, and one that is not comes as a
    /// bearer token. RFC 8705 §3: one that is bound to a certificate comes with that.
    async fn check_binding(
        &self,
        presented: &PresentedToken<'_>,
        jkt: Option<&str>,
        x5t: Option<&str>,
    ) -> Result<(), UserinfoError> {
        let shown = presented.certificate.map(ClientCertificate::thumbprint);
        if (x5t.is_some() && shown.as_deref() != x5t) || presented.as_dpop != jkt.is_some() {
            return Err(UserinfoError::Invalid);
        }
        let Some(jkt) = jkt else { return Ok(()) };
        let proof = presented.proof.ok_or(DpopError::Invalid)?;
        let proven = self.check_dpop(proof)?;
        if proven.jkt != jkt {
            return Err(UserinfoError::Invalid);
        }
        Ok(self.use_proof(proven).await?)
    }

    /// The claims of a scope but for `sub`, and those that the grant has besides.
    async fn read_claims(
        &self,
        whose: Whose,
        kind: Kind,
        client: Option<&Client>,
        scope: &Scope,
    ) -> Result<Map<String, Value>, Unavailable> {
        let mut names = names_of(scope);
        let mut tx = self.store.read().await?;
        if kind == Kind::Access
            && let Some(grant) = grants::find(&mut tx, whose.account, whose.session).await?
        {
            let facts: GrantFacts = self.read_facts(&grant.facts)?;
            names.extend(facts.claims.userinfo);
        }
        let asked = Asked::of(&self.settings.oauth.claims, client, scope, names);
        let person = Person::read(&mut tx, whose.account, asked).await?;
        drop(tx);
        // An account that is gone by now has nothing more to tell.
        person.map_or_else(|| Ok(Map::new()), |person| self.claims_about(&person))
    }

    /// OpenID Connect Core §5.3.2: with who says it and to whom.
    async fn sign_userinfo(
        &self,
        client: &Client,
        claims: &Map<String, Value>,
    ) -> Result<Option<String>, Unavailable> {
        let Some(algorithm) = client.metadata.userinfo_signed_response_alg else { return Ok(None) };
        let mut claims = claims.clone();
        claims.insert("iss".to_owned(), self.settings.public_url.clone().into());
        claims.insert("aud".to_owned(), client.id.as_str().into());
        self.oauth_keys_with(algorithm).await?.sign(algorithm, "JWT", &claims).map(Some)
    }
}
