//! A code for tokens (RFC 6749 §4.1.3).

use std::sync::Arc;
use std::time::Duration;

use countersign_model::ids::SessionId;
use countersign_model::oauth::pkce;
use countersign_model::oauth::{
    AuthorizationDetails, Challenge, Client, GrantFacts, GrantType, Scope, TokenFacts,
};
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;
use countersign_store::oauth::codes::{self, Code, FoundCode, Redemption};
use countersign_store::oauth::grants::NewGrant;
use countersign_store::tokens::Holder;
use countersign_store::{Tx, Work, sessions};

pub use super::check_dpop::Binding;
use super::issue::{Carried, DrawnTokens, IdToken, Issued, Starting, audience};
use super::membership::Membership;
use crate::audit::audit_theft;
use crate::{Core, Source, Unavailable};

/// How long a code that was used is remembered, so that one that leaked into a log or a history ends what
/// it gave when somebody tries it.
const REMEMBERED: Duration = Duration::from_secs(86_400);

/// What the token endpoint hands out.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// How it is presented.
    pub token_type: TokenType,
    /// Seconds.
    pub expires_in: u64,
    /// The refresh token.
    pub refresh: Option<String>,
    /// The ID token.
    pub id_token: Option<String>,
    /// What was granted.
    pub scope: Scope,
    /// `issued_token_type` (RFC 8693).
    pub issued_type: Option<&'static str>,
    /// `authorization_details` (RFC 9396).
    pub details: AuthorizationDetails,
}

/// How an access token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// RFC 6750.
    Bearer,
    /// RFC 9449.
    Dpop,
}

impl TokenType {
    /// How an access token that carries this is presented.
    pub(crate) fn of(access: &TokenFacts) -> TokenType {
        match access.jkt {
            Some(_) => TokenType::Dpop,
            None => TokenType::Bearer,
        }
    }
}

/// A code and what goes with it.
#[derive(Clone, Debug)]
pub struct CodeExchange<'a> {
    /// Who has it.
    pub client: &'a Arc<Client>,
    /// The code.
    pub code: &'a str,
    /// As in the authorization request.
    pub redirect_uri: Option<&'a str>,
    /// PKCE.
    pub verifier: Option<&'a str>,
    /// RFC 8707.
    pub resource: &'a [String],
    /// What the access token is to have of the details that were granted; all if it is not said.
    pub details: Option<AuthorizationDetails>,
    /// What the tokens are bound to.
    pub binding: Binding,
    /// Where it came from.
    pub source: Source,
}

/// Why a code gives nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeCodeError {
    /// Unknown, expired, another client's, with another redirect URI or verifier.
    #[error("the code is not valid")]
    Invalid,
    /// It was redeemed before: what it gave was ended.
    #[error("the code was used before")]
    Reused,
    /// The client may not use codes.
    #[error("the client may not use this grant")]
    Grant,
    /// It asks for an audience that was not granted.
    #[error("the resource was not granted")]
    Target,
    /// It asks for details that were not granted.
    #[error("the authorization details were not granted")]
    Details,
    /// The proof was used before.
    #[error("the proof was used before")]
    UsedProof,
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

struct Redeem {
    digest: TokenDigest,
    client: Arc<Client>,
    code: Code,
    /// The browser's session that the grant ends with; none if it outlives that.
    parent: Option<SessionId>,
    drawn: DrawnTokens,
    carried: Carried,
    grant: NewGrant,
    binding: Binding,
    keep: Timestamp,
}

enum Redeemed {
    Done(Box<Membership>),
    Reused,
    Invalid,
}

impl Work for Redeem {
    type Output = Redeemed;
    type Error = ExchangeCodeError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Redeemed, ExchangeCodeError> {
        let Code { account, epoch, session, parent, .. } = self.code;
        let by = Redemption {
            client: self.client.no,
            needs_consent: !self.client.metadata.first_party,
            now: self.drawn.now,
            keep: self.keep,
        };
        // Before the code: a request that was overheard ends nothing when it comes again.
        if !self.binding.use_up(tx).await? {
            return Err(ExchangeCodeError::UsedProof);
        }
        if !codes::consume(tx, &self.digest, by).await? {
            // Whoever lost a race finds it used, too: two parties hold it (RFC 6749 §10.5).
            let used = codes::find(tx, &self.digest).await?.is_some_and(|found| found.used);
            if used {
                sessions::end(tx, account, session, self.drawn.now).await?;
            }
            return Ok(if used { Redeemed::Reused } else { Redeemed::Invalid });
        }
        if !sessions::hold(tx, account, parent).await? {
            return Ok(Redeemed::Invalid);
        }
        let starting = Starting {
            holder: Holder { account, session, epoch },
            parent: self.parent,
            grant: &self.grant,
            drawn: &self.drawn,
            carried: &self.carried,
        };
        let membership = starting.store(tx, &self.client).await?;
        Ok(membership.map_or(Redeemed::Invalid, |membership| Redeemed::Done(Box::new(membership))))
    }
}

/// Whether the code is this client's, and it shows what the authorization request promised. Nothing is
/// used up or ended before this holds: a stranger who has the code alone can do nothing with it (R089).
fn is_right(found: &Code, request: &CodeExchange<'_>) -> bool {
    let verified = match (&found.challenge, request.verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => {
            Challenge::parse(challenge).is_some_and(|challenge| pkce::verify(&challenge, verifier))
        }
        // A verifier without a challenge tells of a downgrade (RFC 9700 §2.1.1).
        (Some(_), None) | (None, Some(_)) => false,
    };
    let bound = found.jkt.as_ref().is_none_or(|bound| match &request.binding {
        Binding::Dpop(proven) => proven.jkt == *bound,
        Binding::None | Binding::Certificate { .. } => false,
    });
    found.client == request.client.no
        && found.redirect_uri.as_deref() == request.redirect_uri
        && verified
        && bound
}

impl Core {
    /// Redeems a code: of any number of callers at once one gets its tokens. A code that is used again ends
    /// what it gave.
    ///
    /// # Errors
    /// [`ExchangeCodeError`].
    pub async fn exchange_code(&self, request: CodeExchange<'_>) -> Result<Tokens, ExchangeCodeError> {
        let client = request.client;
        if !client.may(GrantType::AuthorizationCode) {
            return Err(ExchangeCodeError::Grant);
        }
        let digest = TokenDigest::of(request.code);
        let found = codes::find(&mut self.store.read().await?, &digest).await?;
        let FoundCode { code, used, uuid, parent_expires_at } = found.ok_or(ExchangeCodeError::Invalid)?;
        if !is_right(&code, &request) {
            return Err(ExchangeCodeError::Invalid);
        }
        let now = self.clock.now();
        // A code that was used goes on, to end what it gave.
        let parent_end = match parent_expires_at.filter(|end| *end > now) {
            Some(end) => end,
            None if used => now,
            None => return Err(ExchangeCodeError::Invalid),
        };
        let facts: GrantFacts = self.read_facts(&code.facts)?;
        let audience = audience(&facts, client, request.resource).ok_or(ExchangeCodeError::Target)?;
        let drawn = self.draw_tokens(client, client.may(GrantType::RefreshToken), now);
        let end = if facts.offline { now.after(self.settings.sessions.absolute) } else { parent_end };
        let carried = Carried::new(client, &facts, facts.scope.clone(), audience, &request.binding, end);
        let carried = carried.narrowed(client, request.resource, request.details.as_ref());
        let carried = carried.ok_or(ExchangeCodeError::Details)?;
        let grant = NewGrant {
            client: client.no,
            facts: code.facts.clone(),
            started_at: now,
            // One that is offline is renewed with each refresh, the others are there as long as the
            // browser's session: at its end the client hears of it.
            expires_at: if facts.offline { drawn.grant_until(end) } else { end },
            browser: facts.offline.then_some(code.parent),
        };
        // Before the code is used up: a key may be in the making.
        self.oauth_keys_with(client.metadata.id_token_signed_response_alg).await?;
        let (account, session) = (code.account, code.session);
        let parent = (!facts.offline).then_some(code.parent);
        let keep = now.after(REMEMBERED);
        let client = Arc::clone(client);
        let (kept_drawn, kept_carried) = (drawn.clone(), carried.clone());
        let work =
            Redeem { digest, client, code, parent, drawn, carried, grant, binding: request.binding, keep };
        match self.store.write(work).await? {
            Redeemed::Done(membership) => {
                let issued = Issued {
                    client: request.client,
                    uuid,
                    session,
                    facts: &facts,
                    carried: &kept_carried,
                    membership: &membership,
                };
                Ok(self.finish_tokens(&kept_drawn, &issued, IdToken::WithNonce(facts.nonce.as_deref()))?)
            }
            Redeemed::Reused => {
                audit_theft("exchange_code", "used code came back", account, request.source);
                Err(ExchangeCodeError::Reused)
            }
            Redeemed::Invalid => Err(ExchangeCodeError::Invalid),
        }
    }

    /// Facts as they are stored.
    pub(crate) fn read_facts<T: serde::de::DeserializeOwned>(&self, json: &str) -> Result<T, Unavailable> {
        serde_json::from_str(json).map_err(|_| {
            tracing::error!("the facts of a grant or token cannot be read");
            Unavailable::Fault
        })
    }
}
