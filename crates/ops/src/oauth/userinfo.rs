//! Claims about whoever a token speaks for (OpenID Connect Core §5.3).

use std::sync::Arc;

use countersign_model::identifier::IdentifierKind;
use countersign_model::oauth::{Client, Scope};
use countersign_store::tokens::Whose;
use countersign_store::{accounts, identifiers};
use serde_json::{Map, Value};

use super::check_dpop::{DpopError, Jkt, Proof};
use super::manage_groups::groups_of;
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
        let mut claims = self.claims_about(&whose, &scope).await?;
        claims.insert("sub".to_owned(), sub.into());
        let signed = match &client {
            Some(client) => self.sign_userinfo(client, &claims).await?,
            None => None,
        };
        Ok(UserInfo { claims: Value::Object(claims), signed, client })
    }

    /// RFC 9449 §7.1: a token that is bound to a key comes with a proof of it, and one that is not comes as a
    /// bearer token.
    async fn check_binding(
        &self,
        presented: &PresentedToken<'_>,
        jkt: Option<&str>,
        x5t: Option<&str>,
    ) -> Result<(), UserinfoError> {
        if x5t.is_some() || presented.as_dpop != jkt.is_some() {
            return Err(UserinfoError::Invalid);
        }
        let Some(jkt) = jkt else { return Ok(()) };
        let proof = presented.proof.ok_or(DpopError::Invalid)?;
        let Jkt(proven) = self.check_dpop(proof).await?;
        (proven == jkt).then_some(()).ok_or(UserinfoError::Invalid)
    }

    /// The claims of these scopes but for `sub`.
    async fn claims_about(&self, whose: &Whose, scope: &Scope) -> Result<Map<String, Value>, Unavailable> {
        // An account that is gone by now has nothing more to tell.
        let account = accounts::find(&mut self.store.read().await?, whose.account).await?;
        let Some(account) = account else { return Ok(Map::new()) };
        let profile = self.open_profile(&account.profile)?;
        let mut claims = Map::new();
        let mut add = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                claims.insert(name.to_owned(), value.into());
            }
        };
        if scope.has(Scope::PROFILE) {
            let name = format!("{} {}", profile.first_name, profile.last_name);
            add("name", Some(name.trim()));
            add("given_name", Some(&profile.first_name));
            add("family_name", Some(&profile.last_name));
            add("preferred_username", profile.username.as_deref());
        }
        let email = profile.email.as_deref().filter(|_| scope.has(Scope::EMAIL));
        let phone = profile.phone.as_deref().filter(|_| scope.has(Scope::PHONE));
        add("email", email);
        add("phone_number", phone);
        if email.is_some() || phone.is_some() {
            let kinds = identifiers::of_account(&mut self.store.read().await?, whose.account).await?;
            let is_verified =
                |wanted| kinds.iter().any(|(kind, verified_at)| *kind == wanted && verified_at.is_some());
            if email.is_some() {
                claims.insert("email_verified".to_owned(), is_verified(IdentifierKind::Email).into());
            }
            if phone.is_some() {
                claims.insert("phone_number_verified".to_owned(), is_verified(IdentifierKind::Phone).into());
            }
        }
        if scope.has(Scope::GROUPS) || scope.has(Scope::ROLES) {
            let (groups, roles) = groups_of(&mut self.store.read().await?, whose.account).await?;
            for (name, names) in [(Scope::GROUPS, groups), (Scope::ROLES, roles)] {
                if scope.has(name) {
                    claims.insert(name.to_owned(), names.into());
                }
            }
        }
        Ok(claims)
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
