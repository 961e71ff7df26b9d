//! A refresh token for new tokens (RFC 6749 §6).

use std::sync::Arc;
use std::time::Duration;

use countersign_model::ids::{AccountId, SessionId, Uuid};
use countersign_model::oauth::{AuthorizationDetails, Client, GrantFacts, GrantType, Scope, TokenFacts};
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;
use countersign_store::oauth::refresh_tokens::{self, ConsumedToken};
use countersign_store::tokens::Holder;
use countersign_store::{StoreError, Tx, Work, sessions};

use super::browser_session::Prolong;
use super::check_dpop::Binding;
use super::exchange_code::Tokens;
use super::issue::{Carried, DrawnTokens, IdToken, Issued, audience};
use super::membership::{Membership, membership};
use crate::audit::audit_theft;
use crate::{Core, SessionLifetimes, Source, Unavailable};

/// A used token that comes back within this time at most does not end its grant: a client whose network
/// failed may have sent it twice (R070).
const MOST_GRACE: Duration = Duration::from_secs(10);

/// A refresh token and what goes with it.
#[derive(Clone, Debug)]
pub struct RefreshGrant<'a> {
    /// Who has it.
    pub client: &'a Arc<Client>,
    /// The token.
    pub token: &'a str,
    /// What the access token is to have; all that was granted if it is not said.
    pub scope: Option<Scope>,
    /// RFC 8707.
    pub resource: &'a [String],
    /// What the access token is to have of the details that were granted; all if it is not said.
    pub details: Option<AuthorizationDetails>,
    /// What the tokens are bound to.
    pub binding: Binding,
    /// Where the request came from.
    pub source: Source,
}

/// Why a refresh token gives nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshGrantError {
    /// Unknown, expired, used, ended or another client's; or the account may no longer use this client.
    #[error("the refresh token is not valid")]
    Invalid,
    /// It asks for more than was granted.
    #[error("the scope was not granted")]
    Scope,
    /// It asks for an audience that was not granted.
    #[error("the resource was not granted")]
    Target,
    /// It asks for details that were not granted.
    #[error("the authorization details were not granted")]
    Details,
    /// The client may not refresh.
    #[error("the client may not use this grant")]
    Grant,
    /// The token is bound to another key.
    #[error("the refresh token is bound to another key")]
    Proof,
    /// The proof was used before.
    #[error("the proof was used before")]
    UsedProof,
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

struct Rotate {
    digest: TokenDigest,
    client: Arc<Client>,
    scope: Option<Scope>,
    resource: Vec<String>,
    details: Option<AuthorizationDetails>,
    binding: Binding,
    drawn: DrawnTokens,
    lifetimes: SessionLifetimes,
}

struct Rotated {
    account: AccountId,
    session: SessionId,
    uuid: Uuid,
    facts: GrantFacts,
    carried: Carried,
    membership: Membership,
    /// Until when the grant goes on, if it is time to renew it.
    renew: Option<Timestamp>,
}

enum Outcome {
    Done(Box<Rotated>),
    /// It was this account's, used and came back: its grant was ended.
    Reused(AccountId),
    Invalid,
}

impl Rotate {
    /// When the grant ends at last, and until when it is to be renewed if it is time. One that is not offline
    /// goes on with the browser's session, of which this is a use, and ends with it (R064).
    fn ends(&self, facts: &GrantFacts, used: &ConsumedToken) -> (Timestamp, Option<Timestamp>) {
        if facts.offline {
            let end = used.started_at.after(self.lifetimes.absolute);
            let is_due = used.grant_expires_at < self.drawn.until(end);
            return (end, is_due.then(|| self.drawn.grant_until(end)));
        }
        let (since, until) = (facts.signed_in_at(), used.grant_expires_at);
        let renew = self.lifetimes.browser_until(since, until, self.drawn.now);
        (renew.unwrap_or(until), renew)
    }

    /// What the new tokens carry; an error takes the token's use back.
    fn carried(
        &self,
        facts: &GrantFacts,
        old: &TokenFacts,
        end: Timestamp,
    ) -> Result<Carried, RefreshGrantError> {
        let is_bound = match &self.binding {
            Binding::Dpop(proven) => {
                old.jkt.as_ref().is_none_or(|bound| *bound == proven.jkt) && old.x5t.is_none()
            }
            Binding::Certificate { x5t } => {
                old.x5t.as_ref().is_none_or(|bound| bound == x5t) && old.jkt.is_none()
            }
            Binding::None => old.jkt.is_none() && old.x5t.is_none(),
        };
        if !is_bound {
            return Err(RefreshGrantError::Proof);
        }
        let scope = self.scope.clone().unwrap_or_else(|| facts.scope.clone());
        if !scope.is_subset(&facts.scope) {
            return Err(RefreshGrantError::Scope);
        }
        let audience = audience(facts, &self.client, &self.resource).ok_or(RefreshGrantError::Target)?;
        let carried = Carried::new(&self.client, facts, scope, audience, &self.binding, end);
        let carried = carried.narrowed(&self.client, &self.resource, self.details.as_ref());
        carried.ok_or(RefreshGrantError::Details)
    }
}

impl Work for Rotate {
    type Output = Outcome;
    type Error = RefreshGrantError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, RefreshGrantError> {
        let now = self.drawn.now;
        let Some(used) = refresh_tokens::consume(tx, &self.digest, self.client.no, now).await? else {
            let before = now.before(self.lifetimes.reuse_grace.min(MOST_GRACE));
            if let Some(victim) = refresh_tokens::find_used(tx, &self.digest, self.client.no, before).await? {
                // A request that was overheard ends nothing when it comes again.
                if !self.binding.use_up(tx).await? {
                    return Err(RefreshGrantError::UsedProof);
                }
                sessions::end(tx, victim.account, victim.session, now).await?;
                return Ok(Outcome::Reused(victim.account));
            }
            return Ok(Outcome::Invalid);
        };
        let broken = |_| StoreError::Broken("the facts of a grant cannot be read".to_owned());
        let facts: GrantFacts = serde_json::from_str(&used.grant).map_err(broken)?;
        let old: TokenFacts = serde_json::from_str(&used.facts).map_err(broken)?;
        let (end, renew) = self.ends(&facts, &used);
        let carried = self.carried(&facts, &old, end)?;
        if !self.binding.use_up(tx).await? {
            return Err(RefreshGrantError::UsedProof);
        }
        let account = used.holder.account;
        let told = membership(tx, &self.client, account, &self.drawn, &carried).await?;
        let Some(mut membership) = told else {
            return Err(RefreshGrantError::Invalid);
        };
        let until = renew.unwrap_or(used.grant_expires_at);
        membership.status = self.drawn.store(tx, &self.client, used.holder, &carried, until).await?;
        let Holder { session, .. } = used.holder;
        let rotated = Rotated { account, session, uuid: used.uuid, facts, carried, membership, renew };
        Ok(Outcome::Done(Box::new(rotated)))
    }
}

impl Core {
    /// Exchanges a refresh token for new tokens, once. A used one that comes back later than the grace ends
    /// the grant: two parties hold it (R071). Another client's is not touched.
    ///
    /// # Errors
    /// [`RefreshGrantError`].
    pub async fn refresh_grant(&self, request: RefreshGrant<'_>) -> Result<Tokens, RefreshGrantError> {
        let RefreshGrant { client, token, scope, resource, details, binding, source } = request;
        if !client.may(GrantType::RefreshToken) {
            return Err(RefreshGrantError::Grant);
        }
        // Before the token is used up: a key may be in the making.
        self.oauth_keys_with(client.metadata.id_token_signed_response_alg).await?;
        let drawn = self.draw_tokens(client, true, self.clock.now());
        let work = Rotate {
            digest: TokenDigest::of(token),
            client: Arc::clone(client),
            scope,
            resource: resource.to_vec(),
            details,
            binding,
            drawn: drawn.clone(),
            lifetimes: self.settings.sessions,
        };
        let rotated = match self.store.write(work).await? {
            Outcome::Done(rotated) => rotated,
            Outcome::Reused(account) => {
                audit_theft("refresh_grant", "used token came back", account, source);
                return Err(RefreshGrantError::Invalid);
            }
            Outcome::Invalid => return Err(RefreshGrantError::Invalid),
        };
        let Rotated { account, session, uuid, facts, carried, membership, renew } = &*rotated;
        if let Some(until) = *renew {
            // Not in the same unit of work: whoever ends a grant locks it before its tokens. If this fails,
            // the next refresh does it.
            let (grant, now) = (Some(*session), drawn.now);
            let browser = (!facts.offline).then_some(SessionId(facts.browser));
            let work = Prolong { account: *account, browser, grant, until, now };
            self.store.write(work).await.unwrap_or_else(|error| {
                tracing::error!(%error, "a grant was not renewed");
            });
        }
        let issued = Issued { client, uuid: *uuid, session: *session, facts, carried, membership };
        // A nonce ties an ID token to a request, and there was none (OpenID Connect Core §12.2).
        Ok(self.finish_tokens(&drawn, &issued, IdToken::WithNonce(None))?)
    }
}
