//! A token for somebody whom an issuer vouches for that the operator trusts (RFC 7521, RFC 7523 §2.1).

use std::sync::Arc;
use std::time::Duration;

use countersign_model::account::Standing;
use countersign_model::identifier::Identifier;
use countersign_model::ids::{SessionId, Uuid};
use countersign_model::key::Algorithm;
use countersign_model::oauth::{AuthorizationDetails, Client, GrantFacts, GrantType, Scope};
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;
use countersign_store::accounts::{self, AccountRow};
use countersign_store::identifiers;
use countersign_store::oauth::grants::NewGrant;
use countersign_store::oauth::seen;
use countersign_store::tokens::Holder;
use countersign_store::{Tx, Work};
use serde_json::Value;

use super::check_dpop::Binding;
use super::exchange_code::Tokens;
use super::issue::{Carried, DrawnTokens, IdToken, Issued, Starting, audience};
use super::membership::Membership;
use crate::audit::audit;
use crate::jose::verify::{Audience, Expect, ends_by, named_issuer, verify};
use crate::settings::{AssertedSubject, IssuerKeys, TrustedIssuer};
use crate::{Core, Source, Unavailable};

/// How long an assertion may be good, and how old it may be.
const LONGEST: Duration = Duration::from_secs(3600);

/// Longer usernames are none.
const LONGEST_NAME: usize = 255;

/// An assertion and what goes with it.
#[derive(Clone, Debug)]
pub struct JwtBearer<'a> {
    /// Who has it.
    pub client: &'a Arc<Client>,
    /// The assertion.
    pub assertion: &'a str,
    /// What is wanted; all that can be had if it is not said.
    pub scope: Option<Scope>,
    /// RFC 8707.
    pub resource: &'a [String],
    /// Details: there are none to be had, as nobody is asked.
    pub details: Option<AuthorizationDetails>,
    /// What the token is bound to.
    pub binding: Binding,
    /// Where it came from.
    pub source: Source,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtBearerError {
    /// The client may not use this grant.
    #[error("the client may not use this grant")]
    Grant,
    /// Not of an issuer that is trusted with this client, not for this server, not fresh, used before, or about
    /// nobody who may use the client: all alike.
    #[error("the assertion is not valid")]
    Assertion,
    /// It asks for more than client and issuer may have.
    #[error("the client may not have this scope")]
    Scope,
    /// It asks for an audience that it is not registered for.
    #[error("the client may not have this resource")]
    Target,
    /// It asks for authorization details.
    #[error("an assertion gives no authorization details")]
    Details,
    /// The proof was used before.
    #[error("the proof was used before")]
    UsedProof,
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

struct Start {
    /// The assertion, which works once.
    used: TokenDigest,
    remember_until: Timestamp,
    client: Arc<Client>,
    holder: Holder,
    grant: NewGrant,
    drawn: DrawnTokens,
    carried: Carried,
    binding: Binding,
}

impl Work for Start {
    /// `None` if the assertion was used, or the account may not have the token.
    type Output = Option<Membership>;
    type Error = JwtBearerError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Membership>, JwtBearerError> {
        if !seen::insert(tx, &self.used, self.remember_until).await? {
            return Ok(None);
        }
        let starting = Starting {
            holder: self.holder,
            parent: None,
            grant: &self.grant,
            drawn: &self.drawn,
            carried: &self.carried,
        };
        let membership = starting.store(tx, &self.client).await?;
        if membership.is_some() && !self.binding.use_up(tx).await? {
            return Err(JwtBearerError::UsedProof);
        }
        Ok(membership)
    }
}

impl Core {
    /// Gives a client an access token of whom the assertion is about: an account that is there, never a new
    /// one. No refresh token comes with it: who trusts the issuer asks it again (RFC 7521 §4.1).
    ///
    /// # Errors
    /// [`JwtBearerError`].
    pub async fn jwt_bearer(&self, request: JwtBearer<'_>) -> Result<Tokens, JwtBearerError> {
        let client = request.client;
        // Nobody is asked for consent, so this is for clients that an operator knows.
        if !client.is_operators() || !client.may(GrantType::JwtBearer) {
            return Err(JwtBearerError::Grant);
        }
        if request.details.is_some() {
            return Err(JwtBearerError::Details);
        }
        let issuer = self.issuer_of(&request).ok_or(JwtBearerError::Assertion)?;
        let may = client.metadata.scope.intersect(&issuer.scope);
        let may = may.without(&Scope::parse(Scope::OFFLINE).unwrap_or_default());
        let scope = request.scope.clone().unwrap_or_else(|| may.clone());
        if !scope.is_subset(&may) {
            return Err(JwtBearerError::Scope);
        }
        let audience =
            audience(&GrantFacts::default(), client, request.resource).ok_or(JwtBearerError::Target)?;
        let found = match self.verify_assertion(issuer, request.assertion).await {
            Some(claims) => self.asserted_account(issuer, &claims).await?.map(|account| (account, claims)),
            None => None,
        };
        let Some((account, claims)) = found else {
            audit("jwt_bearer", "refused", None, request.source);
            return Err(JwtBearerError::Assertion);
        };
        self.oauth_keys_with(client.metadata.id_token_signed_response_alg).await?;
        let now = self.clock.now();
        let facts = GrantFacts {
            scope: scope.clone(),
            audience: audience.clone(),
            auth_time: signed_in_at(&claims, now).micros(),
            ..GrantFacts::default()
        };
        let drawn = self.draw_tokens(client, false, now);
        let end = now.after(self.settings.sessions.absolute);
        let carried = Carried::new(client, &facts, scope, audience, &request.binding, end);
        let session = SessionId::draw(&self.random);
        let work = Start {
            used: assertion_id(&issuer.issuer, &claims).ok_or(JwtBearerError::Assertion)?,
            remember_until: now.after(LONGEST * 2),
            client: Arc::clone(client),
            holder: Holder { account: account.id, session, epoch: account.epoch },
            grant: NewGrant {
                client: client.no,
                facts: serde_json::to_string(&facts).map_err(|_| Unavailable::Fault)?,
                started_at: now,
                expires_at: drawn.access_until(end),
                browser: None,
            },
            drawn: drawn.clone(),
            carried: carried.clone(),
            binding: request.binding,
        };
        let Some(membership) = self.store.write(work).await? else {
            audit("jwt_bearer", "refused", Some(account.id), request.source);
            return Err(JwtBearerError::Assertion);
        };
        audit("jwt_bearer", "issued", Some(account.id), request.source);
        let issued = Issued {
            client,
            uuid: account.uuid,
            session,
            facts: &facts,
            carried: &carried,
            membership: &membership,
        };
        Ok(self.finish_tokens(&drawn, &issued, IdToken::No)?)
    }

    /// The issuer that an assertion says it is of, if its word is taken for this client.
    fn issuer_of(&self, request: &JwtBearer<'_>) -> Option<&TrustedIssuer> {
        let claimed = named_issuer(request.assertion)?;
        let id = request.client.id.as_str();
        let is_for = |issuer: &&TrustedIssuer| {
            issuer.issuer == claimed
                && (issuer.clients.is_empty() || issuer.clients.iter().any(|client| client == id))
        };
        self.settings.oauth.trusted_issuers.iter().find(is_for)
    }

    /// The claims, if the issuer has signed them for this server and nobody else, and not long ago. `exp` is
    /// demanded by RFC 7523 §3, `jti` by us: without it nobody could tell a second use.
    async fn verify_assertion(&self, issuer: &TrustedIssuer, jwt: &str) -> Option<Value> {
        let own = &self.settings.public_url;
        let mut ours = vec![own.clone(), format!("{own}/oauth2/token")];
        ours.extend(issuer.audience.iter().cloned());
        let now = self.clock.now();
        let expect = Expect {
            typ: None,
            algorithms: &Algorithm::ALL,
            issuer: Some(&issuer.issuer),
            audience: Audience::OneOf(&ours),
            now,
            max_age: Some(LONGEST),
        };
        let claims = match &issuer.keys {
            IssuerKeys::Fixed(keys) => verify(jwt, keys, &expect).ok(),
            IssuerKeys::At(url) => {
                let operators = &self.oauth.outside.operators;
                self.with_keys_at(operators, url, |keys| verify(jwt, keys, &expect).ok()).await
            }
        }?;
        let is_bounded = ends_by(&claims, now.after(LONGEST));
        (is_bounded && assertion_id(&issuer.issuer, &claims).is_some()).then_some(claims)
    }

    /// The account that the assertion is about, if it may be used.
    async fn asserted_account(
        &self,
        issuer: &TrustedIssuer,
        claims: &Value,
    ) -> Result<Option<AccountRow>, Unavailable> {
        let Some(subject) = claims["sub"].as_str() else { return Ok(None) };
        let mut tx = self.store.read().await?;
        let found = match issuer.subject {
            AssertedSubject::AccountId => match Uuid::parse(subject) {
                Some(uuid) => accounts::find_by_uuid(&mut tx, uuid).await?,
                None => None,
            },
            AssertedSubject::Username => match Identifier::username(subject, LONGEST_NAME) {
                Ok(name) => self.account_of(&mut tx, &name, false).await?,
                Err(_) => None,
            },
            // Whoever merely claims an address is told from whom it belongs to, there and here (R117).
            AssertedSubject::Email if claims["email_verified"] == true => {
                match Identifier::email(claims["email"].as_str().unwrap_or_default()) {
                    Ok(email) => self.account_of(&mut tx, &email, true).await?,
                    Err(_) => None,
                }
            }
            AssertedSubject::Email => None,
        };
        Ok(found.filter(|account| account.standing == Standing::Active && !account.awaits_email))
    }

    async fn account_of(
        &self,
        tx: &mut Tx<'_>,
        identifier: &Identifier,
        must_be_verified: bool,
    ) -> Result<Option<AccountRow>, Unavailable> {
        let owner = identifiers::find(tx, &self.keyring.lookup(identifier)).await?;
        match owner.filter(|owner| !must_be_verified || owner.verified_at.is_some()) {
            Some(owner) => Ok(accounts::find(tx, owner.account).await?),
            None => Ok(None),
        }
    }
}

/// By what an assertion is known again.
fn assertion_id(issuer: &str, claims: &Value) -> Option<TokenDigest> {
    let jti = claims["jti"].as_str().filter(|jti| !jti.is_empty())?;
    Some(TokenDigest::of(&format!("jwt bearer\n{issuer}\n{jti}")))
}

/// When they signed in, as far as the issuer says.
fn signed_in_at(claims: &Value, now: Timestamp) -> Timestamp {
    let seconds = claims["auth_time"].as_i64().or_else(|| claims["iat"].as_i64());
    seconds.map_or(now, |seconds| Timestamp::from_micros(seconds.saturating_mul(1_000_000)).min(now))
}
