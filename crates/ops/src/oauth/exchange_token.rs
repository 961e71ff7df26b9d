//! A token for another one of the same person (RFC 8693).

use std::sync::Arc;

use countersign_model::ids::{AccountId, SessionId, Uuid};
use countersign_model::key::Algorithm;
use countersign_model::oauth::{
    Actor, AuthMethod, AuthorizationDetails, Client, GrantFacts, GrantType, Scope, TokenFacts,
};
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;
use countersign_store::oauth::grants::{self, NewGrant};
use countersign_store::oauth::signed_tokens;
use countersign_store::tokens::{Holder, Whose};
use countersign_store::{StoreError, Tx, Work, sessions};

use super::check_dpop::Binding;
use super::exchange_code::Tokens;
use super::issue::{Carried, DrawnTokens, IdToken, Issued, Starting, audience};
use super::membership::Membership;
use super::presented::{Kind, Presented};
use crate::jose::verify::{Audience, Expect, named_key, verify};
use crate::{Core, Unavailable};

/// What a token is said to be (RFC 8693 §3).
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// An ID token.
pub const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

/// A longer chain of who acts for whom is refused.
const MAX_ACTORS: usize = 8;

/// A token and what goes with it.
#[derive(Clone, Debug)]
pub struct TokenExchange<'a> {
    /// Who has it.
    pub client: &'a Arc<Client>,
    /// On whose behalf.
    pub subject_token: &'a str,
    /// What it is.
    pub subject_type: &'a str,
    /// Who acts, and what that token is.
    pub actor: Option<(&'a str, &'a str)>,
    /// What is wanted: an access token, if it is said.
    pub requested_type: Option<&'a str>,
    /// No more than the subject's.
    pub scope: Option<Scope>,
    /// `audience` and `resource`.
    pub audience: &'a [String],
    /// Details: an exchanged token has none.
    pub details: Option<AuthorizationDetails>,
    /// What the token is bound to.
    pub binding: Binding,
}

/// Why there is no other token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeTokenError {
    /// A type that is not served.
    #[error("a type of token that is not exchanged")]
    Request,
    /// The subject's or the actor's token is not valid, or not for this client to use.
    #[error("the subject or actor token is not valid")]
    Subject,
    /// It asks for more than the subject's token has.
    #[error("the scope was not granted")]
    Scope,
    /// It asks for an audience that it is not registered for.
    #[error("the client may not have this audience")]
    Target,
    /// It asks for authorization details.
    #[error("an exchanged token has no authorization details")]
    Details,
    /// The client may not use this grant.
    #[error("the client may not use this grant")]
    Grant,
    /// The proof was used before.
    #[error("the proof was used before")]
    UsedProof,
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// On whose behalf, as far as a token says.
struct Subject {
    account: AccountId,
    uuid: Uuid,
    /// The session of its grant.
    session: SessionId,
    facts: TokenFacts,
    expires_at: Timestamp,
}

struct Start {
    client: Arc<Client>,
    account: AccountId,
    /// The session of the subject's grant, with which the new one ends.
    parent: SessionId,
    session: SessionId,
    drawn: DrawnTokens,
    carried: Carried,
    binding: Binding,
}

impl Work for Start {
    /// What was granted to whom; none if the subject's grant has ended.
    type Output = Option<(GrantFacts, Membership)>;
    type Error = ExchangeTokenError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, ExchangeTokenError> {
        if !sessions::hold(tx, self.account, self.parent).await? {
            return Ok(None);
        }
        let Some(subject) = grants::find(tx, self.account, self.parent).await? else { return Ok(None) };
        let broken = |_| StoreError::Broken("the facts of a grant cannot be read".to_owned());
        let old: GrantFacts = serde_json::from_str(&subject.facts).map_err(broken)?;
        let facts = GrantFacts {
            scope: self.carried.access.scope.clone(),
            audience: self.carried.access.audience.clone(),
            auth_time: old.auth_time,
            amr: old.amr,
            acr: old.acr,
            browser: old.browser,
            ..GrantFacts::default()
        };
        let grant = NewGrant {
            client: self.client.no,
            facts: serde_json::to_string(&facts).map_err(broken)?,
            started_at: self.drawn.now,
            expires_at: self.drawn.access_until(self.carried.end),
            browser: None,
        };
        let starting = Starting {
            holder: Holder { account: self.account, session: self.session, epoch: subject.epoch },
            parent: Some(self.parent),
            grant: &grant,
            drawn: &self.drawn,
            carried: &self.carried,
        };
        let Some(membership) = starting.store(tx, &self.client).await? else { return Ok(None) };
        if !self.binding.use_up(tx).await? {
            return Err(ExchangeTokenError::UsedProof);
        }
        Ok(Some((facts, membership)))
    }
}

impl Core {
    /// Gives a client an access token of the same person as another token's, for another audience or less
    /// scope. It ends with the grant of the subject's token, and no later than that.
    ///
    /// # Errors
    /// [`ExchangeTokenError`].
    pub async fn exchange_token(&self, request: TokenExchange<'_>) -> Result<Tokens, ExchangeTokenError> {
        let client = request.client;
        let is_public = client.metadata.token_endpoint_auth_method == AuthMethod::None;
        if is_public || !client.may(GrantType::TokenExchange) {
            return Err(ExchangeTokenError::Grant);
        }
        if request.requested_type.is_some_and(|wanted| wanted != ACCESS_TOKEN) {
            return Err(ExchangeTokenError::Request);
        }
        // What was allowed for one purpose is not had again for another (decision 0009).
        if request.details.is_some() {
            return Err(ExchangeTokenError::Details);
        }
        let subject = self.subject_of(client, request.subject_token, request.subject_type).await?;
        let (jkt, x5t) = request.binding.thumbprints();
        let is_anothers = |bound: &Option<String>, shown| bound.is_some() && *bound != shown;
        if is_anothers(&subject.facts.jkt, jkt) || is_anothers(&subject.facts.x5t, x5t) {
            return Err(ExchangeTokenError::Subject);
        }
        let act = self.actor_of(&request, &subject).await?;
        let may = client.metadata.scope.intersect(&subject.facts.scope);
        let may = Scope::parse(Scope::OFFLINE).map_or(Scope::default(), |offline| may.without(&offline));
        let scope = request.scope.unwrap_or_else(|| may.clone());
        if !scope.is_subset(&may) {
            return Err(ExchangeTokenError::Scope);
        }
        let granted = GrantFacts::default();
        let audience = self.exchanged_audience(client, &subject.facts, request.audience);
        let audience = audience.ok_or(ExchangeTokenError::Target)?;
        self.oauth_keys_with(client.metadata.id_token_signed_response_alg).await?;
        let mut drawn = self.draw_tokens(client, false, self.clock.now());
        // It ends soon, and with its subject, which must not give way to it.
        drawn.most = u32::MAX;
        let end = subject.expires_at;
        let mut carried = Carried::new(client, &granted, scope, audience, &request.binding, end);
        carried.access.act = act.map(Box::new);
        let session = SessionId::draw(&self.random);
        let work = Start {
            client: Arc::clone(client),
            account: subject.account,
            parent: subject.session,
            session,
            drawn: drawn.clone(),
            carried: carried.clone(),
            binding: request.binding,
        };
        let (facts, membership) = self.store.write(work).await?.ok_or(ExchangeTokenError::Subject)?;
        let Subject { uuid, .. } = subject;
        let issued =
            Issued { client, uuid, session, facts: &facts, carried: &carried, membership: &membership };
        let tokens = self.finish_tokens(&drawn, &issued, IdToken::No)?;
        Ok(Tokens { issued_type: Some(ACCESS_TOKEN), ..tokens })
    }

    /// For whom the new token is: what is asked for of what the client is registered for. Where nothing is asked for,
    /// whom the subject's token is for, as far as the client may have that: never more. `None` if that is nobody, or
    /// more is asked for.
    fn exchanged_audience(
        &self,
        client: &Client,
        subject: &TokenFacts,
        asked: &[String],
    ) -> Option<Vec<String>> {
        if !asked.is_empty() || subject.audience.is_empty() {
            return audience(&GrantFacts::default(), client, asked);
        }
        // A signed token for nobody in particular names this server.
        let may = |one: &str| {
            let is_named = one == client.id.as_str() || one == self.settings.public_url;
            is_named || client.metadata.audience.iter().any(|own| own == one)
        };
        let kept: Vec<String> = subject.audience.iter().filter(|one| may(one)).cloned().collect();
        (!kept.is_empty()).then_some(kept)
    }

    /// On whose behalf the client may act with this token: one that it was issued, or that is for it.
    async fn subject_of(
        &self,
        client: &Arc<Client>,
        token: &str,
        kind: &str,
    ) -> Result<Subject, ExchangeTokenError> {
        match kind {
            ACCESS_TOKEN => {
                let found = self.find_token(token, Some(client)).await?;
                let found = found.filter(|found| found.kind == Kind::Access && is_for(found, client));
                let Some(Presented { whose: Some(whose), facts, expires_at, .. }) = found else {
                    return Err(ExchangeTokenError::Subject);
                };
                let Whose { account, uuid, session, .. } = whose;
                Ok(Subject { account, uuid, session, facts, expires_at })
            }
            ID_TOKEN => self.subject_of_id_token(client, token).await,
            _ => Err(ExchangeTokenError::Request),
        }
    }

    /// An ID token stands for its grant, and for all of that.
    async fn subject_of_id_token(
        &self,
        client: &Arc<Client>,
        token: &str,
    ) -> Result<Subject, ExchangeTokenError> {
        let kid = named_key(token).ok_or(ExchangeTokenError::Subject)?;
        let keys = self.oauth_keys_knowing(&kid).await?;
        let now = self.clock.glance();
        let expect = Expect {
            typ: None,
            algorithms: &Algorithm::ALL,
            issuer: Some(&self.settings.public_url),
            audience: Audience::Exactly(client.id.as_str()),
            now,
            max_age: None,
        };
        let claims = verify(token, &keys.public, &expect).map_err(|_| ExchangeTokenError::Subject)?;
        let session = claims["sid"].as_str().and_then(|sid| sid.parse().ok()).map(SessionId);
        let session = session.ok_or(ExchangeTokenError::Subject)?;
        let mut tx = self.store.read().await?;
        // An ID token has no id to be revoked by: its grant is asked for.
        let whose = signed_tokens::find_valid(&mut tx, session, &TokenDigest([0; 32]), now).await?;
        let whose = whose.filter(|whose| whose.client.is_some_and(|(no, _)| no == client.no));
        let Whose { account, uuid, .. } = whose.ok_or(ExchangeTokenError::Subject)?;
        let grant = grants::find(&mut tx, account, session).await?.ok_or(ExchangeTokenError::Subject)?;
        drop(tx);
        let granted: GrantFacts = self.read_facts(&grant.facts)?;
        let facts = TokenFacts { scope: granted.scope, audience: granted.audience, ..TokenFacts::default() };
        Ok(Subject { account, uuid, session, facts, expires_at: grant.expires_at })
    }

    /// Who acts from now on, before whoever acted with the subject's token.
    async fn actor_of(
        &self,
        request: &TokenExchange<'_>,
        subject: &Subject,
    ) -> Result<Option<Actor>, ExchangeTokenError> {
        let before = subject.facts.act.clone();
        let Some((token, kind)) = request.actor else { return Ok(before.map(|act| *act)) };
        let chain = std::iter::successors(before.as_deref(), |actor| actor.act.as_deref());
        if chain.count() >= MAX_ACTORS {
            return Err(ExchangeTokenError::Subject);
        }
        let sub = match self.is_own_token(request.client, token, kind).await? {
            true => request.client.id.to_string(),
            false => self.subject(request.client, self.subject_of(request.client, token, kind).await?.uuid),
        };
        Ok(Some(Actor { sub, client_id: Some(request.client.id.to_string()), act: before }))
    }

    /// Whether it is a token that the client has for itself, by which a service says that it is the one that acts.
    async fn is_own_token(
        &self,
        client: &Arc<Client>,
        token: &str,
        kind: &str,
    ) -> Result<bool, ExchangeTokenError> {
        if kind != ACCESS_TOKEN {
            return Ok(false);
        }
        let found = self.find_token(token, Some(client)).await?;
        let own = found.filter(|found| found.kind == Kind::Client).and_then(|found| found.client);
        Ok(own.is_some_and(|own| own.no == client.no))
    }
}

/// Whether a client may use a token: it was issued to it, or the client stands for one of its audiences.
fn is_for(token: &Presented, client: &Client) -> bool {
    let is_own = token.client.as_ref().is_some_and(|own| own.no == client.no);
    let is_named =
        |audience: &String| client.metadata.audience.contains(audience) || audience == client.id.as_str();
    is_own || token.facts.audience.iter().any(is_named)
}
