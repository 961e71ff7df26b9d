//! A client's own token (RFC 6749 §4.4).

use std::time::Duration;

use countersign_model::limit::{RetryAfter, Scope as Counted};
use countersign_model::oauth::{
    AuthorizationDetails, Client, GrantFacts, GrantType, Scope, TokenFacts, TokenFormat,
};
use countersign_model::session::{Mark, Token, TokenDigest};
use countersign_model::time::Timestamp;
use countersign_store::oauth::client_tokens::{self, ClientToken};
use countersign_store::{Tx, Work};
use serde_json::{Value, json};

use super::check_dpop::{Binding, DpopError};
use super::exchange_code::{TokenType, Tokens};
use super::issue::{add_locations, audience};
use super::read_request::may_detail;
use super::token_claims::add_facts;
use crate::{Core, Source, Unavailable};

/// A signed token of a client has no row and no grant to end it, so it lives no longer than this.
const SIGNED_FOR: Duration = Duration::from_secs(300);

/// Why a client gets no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientCredentialsError {
    /// It may not use this grant.
    #[error("the client may not use this grant")]
    Grant,
    /// It asks for what it is not registered for, or for what only people have.
    #[error("the client may not have this scope")]
    Scope,
    /// It asks for an audience that it is not registered for.
    #[error("the client may not have this resource")]
    Target,
    /// It asks for authorization details that it is not registered for.
    #[error("the client may not have these authorization details")]
    Details,
    /// The proof was used before.
    #[error("the proof was used before")]
    UsedProof,
    /// Too many from this source.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

struct Keep {
    digest: TokenDigest,
    token: ClientToken,
    binding: Binding,
}

impl Work for Keep {
    type Output = ();
    type Error = ClientCredentialsError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), ClientCredentialsError> {
        if !self.binding.use_up(tx).await? {
            return Err(ClientCredentialsError::UsedProof);
        }
        Ok(client_tokens::insert(tx, &self.digest, &self.token).await?)
    }
}

impl Core {
    /// Gives an authenticated client a token for itself. A signed one costs no row.
    ///
    /// # Errors
    /// [`ClientCredentialsError`].
    pub async fn client_credentials(
        &self,
        client: &Client,
        scope: Option<Scope>,
        resource: &[String],
        details: AuthorizationDetails,
        binding: &Binding,
        source: Source,
    ) -> Result<Tokens, ClientCredentialsError> {
        if !client.may(GrantType::ClientCredentials) {
            return Err(ClientCredentialsError::Grant);
        }
        let own = own_scope(&client.metadata.scope);
        let scope = scope.unwrap_or_else(|| own.clone());
        if !scope.is_subset(&own) {
            return Err(ClientCredentialsError::Scope);
        }
        let mut audience =
            audience(&GrantFacts::default(), client, resource).ok_or(ClientCredentialsError::Target)?;
        let (jkt, x5t) = binding.thumbprints();
        let types = &self.settings.oauth.authorization_details_types;
        // Nobody is asked here, so only whom an operator has entered may have them.
        let may = details.is_empty() || (client.is_operators() && may_detail(client, &details, types));
        if !may {
            return Err(ClientCredentialsError::Details);
        }
        let details = details.for_audience(&audience);
        if resource.is_empty() {
            add_locations(&mut audience, client, &details);
        }
        self.count_stranger(client, source).await?;
        let facts = TokenFacts { scope, audience, jkt, x5t, details, ..TokenFacts::default() };
        let now = self.clock.now();
        let own_lifetime = client.metadata.access_token_lifetime.map(Duration::from_secs);
        let lifetime = own_lifetime.unwrap_or(self.settings.sessions.oauth_access);
        let format = client.metadata.access_token_format.unwrap_or(self.settings.oauth.access_token_format);
        let (access, lifetime) = match format {
            TokenFormat::Jwt => {
                let lifetime = lifetime.min(SIGNED_FOR);
                self.use_binding(binding).await?;
                let claims = self.client_claims(client, &facts, now, lifetime);
                let algorithm = client.metadata.id_token_signed_response_alg;
                (self.oauth_keys_with(algorithm).await?.sign_token(algorithm, "at+jwt", &claims)?, lifetime)
            }
            TokenFormat::Opaque => {
                let token = Token::draw_placed(Mark::CLIENT_TOKEN, &self.random, now).reveal().to_owned();
                let row = ClientToken {
                    client: client.no,
                    facts: serde_json::to_string(&facts).map_err(|_| Unavailable::Fault)?,
                    issued_at: now,
                    expires_at: now.after(lifetime),
                };
                let digest = TokenDigest::of(&token);
                self.store.write(Keep { digest, token: row, binding: binding.clone() }).await?;
                (token, lifetime)
            }
        };
        Ok(Tokens {
            access,
            token_type: TokenType::of(&facts),
            expires_in: lifetime.as_secs(),
            refresh: None,
            id_token: None,
            scope: facts.scope,
            issued_type: None,
            details: facts.details,
        })
    }

    /// Where clients register themselves, anybody has one whose tokens would fill the store.
    async fn count_stranger(&self, client: &Client, source: Source) -> Result<(), ClientCredentialsError> {
        let rate = self.settings.limits.registrations_per_source;
        let counter = self.source_counter(Counted::ClientToken, rate, source);
        let counter = counter.filter(|_| !client.is_operators());
        Ok(self.count(counter.into_iter().collect()).await?)
    }

    /// A signed token is stored nowhere, so its proof is used up by itself.
    async fn use_binding(&self, binding: &Binding) -> Result<(), ClientCredentialsError> {
        let Binding::Dpop(proven) = binding else { return Ok(()) };
        self.use_proof(proven.clone()).await.map_err(|error| match error {
            DpopError::Unavailable(unavailable) => unavailable.into(),
            DpopError::Invalid | DpopError::Nonce(_) => ClientCredentialsError::UsedProof,
        })
    }

    /// RFC 9068 §2.2, of which the subject is the client itself (§3).
    fn client_claims(
        &self,
        client: &Client,
        facts: &TokenFacts,
        now: Timestamp,
        lifetime: Duration,
    ) -> Value {
        let mut claims = json!({
            "iss": self.settings.public_url,
            "sub": client.id.as_str(),
            "aud": self.audience_claim(&facts.audience),
            "exp": now.after(lifetime).seconds(),
            "iat": now.seconds(),
            "jti": self.draw_jti(),
            "client_id": client.id.as_str(),
            "scope": facts.scope,
        });
        if let Value::Object(claims) = &mut claims {
            add_facts(claims, facts);
        }
        claims
    }
}

/// Those scopes of a client that are not about people.
fn own_scope(registered: &Scope) -> Scope {
    Scope::parse(&Scope::KNOWN.join(" "))
        .map_or_else(|_| Scope::default(), |people| registered.without(&people))
}
