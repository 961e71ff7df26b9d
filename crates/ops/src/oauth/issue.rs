//! Draws the tokens of a grant, stores what is stored of them, and signs what is signed.
//!
//! Random values are drawn before the unit of work, which may run more than once; what is signed needs what
//! the unit of work found, so it is signed behind it.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_model::ids::{SessionId, Uuid};
use countersign_model::oauth::{
    AuthMethod, AuthorizationDetails, Client, ConfiguredClaims, GrantFacts, Scope, StatusIndex, TokenFacts,
    TokenFormat,
};
use countersign_model::session::{Session, Surface, Token, TokenPurpose};
use countersign_model::time::Timestamp;
use countersign_store::oauth::grants::{self, NewGrant};
use countersign_store::oauth::refresh_tokens;
use countersign_store::oauth::statuses::{self, NewStatus};
use countersign_store::tokens::{Holder, NewToken};
use countersign_store::{StoreError, Tx, sessions};

use super::check_dpop::Binding;
use super::exchange_code::{TokenType, Tokens};
use super::membership::{Membership, membership};
use super::person_claims::ClaimNames;
use super::token_claims::at_hash;
use crate::{Core, Unavailable};

/// How often a grant that is refreshed is renewed.
const RENEWED_EACH: Duration = Duration::from_secs(86_400);

/// Tokens that were drawn, before anything is stored.
#[derive(Clone, Debug)]
pub(crate) struct DrawnTokens {
    /// The opaque access token, or the id of one that is signed.
    access: Access,
    refresh: Option<Token>,
    /// When they are issued.
    pub now: Timestamp,
    access_lifetime: Duration,
    refresh_lifetime: Duration,
    /// So many sessions its client has of an account at most.
    pub most: u32,
    /// Claims that the operator adds.
    pub configured: Arc<ConfiguredClaims>,
}

#[derive(Clone, Debug)]
enum Access {
    Opaque(Token),
    Jwt { jti: String, places: Vec<StatusIndex> },
}

/// What the tokens of one grant are to carry.
#[derive(Clone, Debug)]
pub(crate) struct Carried {
    /// The access token.
    pub access: TokenFacts,
    /// The refresh token: all that was granted.
    pub refresh: TokenFacts,
    /// They work no longer than the grant may.
    pub end: Timestamp,
    /// Single claims of the ID token.
    pub told: ClaimNames,
}

impl Carried {
    /// What tokens of this scope and audience carry, of what was granted and what the client may still have. A refresh
    /// token is bound to the key only if its client shows no other secret (RFC 9449 §5).
    pub(crate) fn new(
        client: &Client,
        granted: &GrantFacts,
        scope: Scope,
        audience: Vec<String>,
        binding: &Binding,
        end: Timestamp,
    ) -> Carried {
        let (jkt, x5t) = binding.thumbprints();
        let is_public = client.metadata.token_endpoint_auth_method == AuthMethod::None;
        let refresh = TokenFacts {
            scope: granted.scope.clone(),
            audience: granted.audience.clone(),
            jkt: jkt.clone().filter(|_| is_public),
            x5t: x5t.clone().filter(|_| is_public),
            ..TokenFacts::default()
        };
        let details = granted.details.of_types(&client.metadata.authorization_details_types);
        let scope = scope.intersect(&client.metadata.scope);
        let access = TokenFacts { scope, audience, jkt, x5t, details, ..TokenFacts::default() };
        let told = granted.claims.id_token.iter().cloned().collect();
        Carried { access, refresh, end, told }
    }

    /// The same with those details only that are for the resources that are asked for at the token endpoint, and of
    /// these only the ones that are asked for (RFC 9396 §6). `None` if they are not among those that were granted.
    /// Where no resource is asked for, the access token is also for where its details are.
    pub(crate) fn narrowed(
        mut self,
        client: &Client,
        resource: &[String],
        asked: Option<&AuthorizationDetails>,
    ) -> Option<Carried> {
        let granted = self.access.details.for_audience(resource);
        self.access.details = match asked {
            Some(asked) if granted.cover(asked) => asked.clone(),
            Some(_) => return None,
            None => granted,
        };
        if resource.is_empty() {
            add_locations(&mut self.access.audience, client, &self.access.details);
        }
        Some(self)
    }
}

impl DrawnTokens {
    /// When the access token stops working.
    pub(crate) fn access_until(&self, end: Timestamp) -> Timestamp {
        self.now.after(self.access_lifetime).min(end)
    }

    /// When the last of the tokens stops working.
    pub(crate) fn until(&self, end: Timestamp) -> Timestamp {
        match self.refresh {
            Some(_) => self.now.after(self.refresh_lifetime).min(end),
            None => self.access_until(end),
        }
    }

    /// When a grant that outlives the browser's session ends if it is not renewed: later than its tokens, so
    /// that not every refresh has to write to it.
    pub(crate) fn grant_until(&self, end: Timestamp) -> Timestamp {
        match self.refresh {
            Some(_) => self.until(end).after(RENEWED_EACH).min(end),
            None => self.until(end),
        }
    }

    /// Whether the access token is signed, and so says something.
    pub(crate) fn is_signed(&self) -> bool {
        matches!(self.access, Access::Jwt { .. })
    }

    /// Stores the tokens. A signed access token has no row: whether it holds, its grant says, and the grant's
    /// place in the status lists, which is taken here and returned.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn store(
        &self,
        tx: &mut Tx<'_>,
        client: &Client,
        holder: Holder,
        carried: &Carried,
        grant_until: Timestamp,
    ) -> Result<Option<StatusIndex>, StoreError> {
        let unwritten = |_| StoreError::Broken("a token's facts cannot be written".to_owned());
        let row = |token: &Token, purpose, expires_at, facts: &TokenFacts| {
            Ok::<_, StoreError>(NewToken {
                digest: token.digest(),
                purpose,
                issued_at: self.now,
                expires_at,
                client: Some(client.no),
                facts: Some(serde_json::to_string(facts).map_err(unwritten)?),
            })
        };
        let access = match &self.access {
            Access::Opaque(token) => {
                Some(row(token, TokenPurpose::OAuthAccess, self.access_until(carried.end), &carried.access)?)
            }
            Access::Jwt { .. } => None,
        };
        let status = match &self.access {
            Access::Opaque(_) => None,
            Access::Jwt { places, .. } => {
                let new = NewStatus {
                    draws: places,
                    client: client.no,
                    lifetime: self.access_lifetime,
                    token_until: self.access_until(carried.end),
                    grant_until,
                };
                Some(statuses::of_grant(tx, holder.session, &new).await?)
            }
        };
        let refresh = self
            .refresh
            .as_ref()
            .map(|token| row(token, TokenPurpose::OAuthRefresh, self.until(carried.end), &carried.refresh))
            .transpose()?;
        refresh_tokens::insert_pair(tx, holder, access.as_ref(), refresh.as_ref()).await?;
        Ok(status)
    }
}

/// A grant that starts, with its first tokens.
#[derive(Clone, Debug)]
pub(crate) struct Starting<'a> {
    /// Whose, in which session, and in which epoch: that in which it was allowed.
    pub holder: Holder,
    /// The session that it ends with; none if it outlives that.
    pub parent: Option<SessionId>,
    /// The grant.
    pub grant: &'a NewGrant,
    /// The tokens.
    pub drawn: &'a DrawnTokens,
    /// What they carry.
    pub carried: &'a Carried,
}

impl Starting<'_> {
    /// Stores the grant with its session and tokens. `None` if the account is out of use, in another epoch or
    /// not in a group of the client. The parent must be held.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn store(
        &self,
        tx: &mut Tx<'_>,
        client: &Client,
    ) -> Result<Option<Membership>, StoreError> {
        let Holder { account, session, epoch } = self.holder;
        let told = membership(tx, client, account, self.drawn, self.carried).await?;
        let Some(mut membership) = told else {
            return Ok(None);
        };
        let started = Session { id: session, account, surface: Surface::OAuth, started_at: self.drawn.now };
        if !sessions::insert_under(tx, &started, epoch, self.parent, self.drawn.most, client.no).await? {
            return Ok(None);
        }
        grants::insert(tx, self.holder, self.grant).await?;
        let until = self.grant.expires_at;
        membership.status = self.drawn.store(tx, client, self.holder, self.carried, until).await?;
        Ok(Some(membership))
    }
}

/// A grant whose tokens were stored: what signed ones say.
#[derive(Clone, Debug)]
pub(crate) struct Issued<'a> {
    /// To whom.
    pub client: &'a Client,
    /// Whose.
    pub uuid: Uuid,
    /// Its session, the `sid`.
    pub session: SessionId,
    /// What was granted.
    pub facts: &'a GrantFacts,
    /// What the tokens carry.
    pub carried: &'a Carried,
    /// Of whom the account is one.
    pub membership: &'a Membership,
}

/// Whether an ID token comes with the tokens, if its scope asks for one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum IdToken<'a> {
    /// None comes.
    No,
    /// One that ties itself to the authorization request by its nonce, if that had one.
    WithNonce(Option<&'a str>),
}

/// The audience of tokens: what is asked for of what was granted (RFC 8707 §2.2), by name or as the place of a detail;
/// where no audience was granted, of what the client is registered for. `None` if it asks for more, or if all that was
/// granted was taken from the client since: without an audience a token would be for everybody.
pub(crate) fn audience(granted: &GrantFacts, client: &Client, asked: &[String]) -> Option<Vec<String>> {
    let mut may = granted.audience.clone();
    may.retain(|one| client.metadata.audience.contains(one));
    if asked.is_empty() {
        return (granted.audience.is_empty() || !may.is_empty()).then_some(may);
    }
    match granted.audience.is_empty() {
        true => may.clone_from(&client.metadata.audience),
        false => add_locations(&mut may, client, &granted.details),
    }
    asked.iter().all(|one| may.contains(one)).then(|| asked.to_vec())
}

/// Adds the places of details (RFC 9396 §2.2) to an audience, as far as the client is registered for them: a detail
/// leads to no resource that `resource` could not lead to.
pub(crate) fn add_locations(audience: &mut Vec<String>, client: &Client, details: &AuthorizationDetails) {
    for location in details.locations() {
        let is_registered = client.metadata.audience.iter().any(|one| one == location);
        if is_registered && !audience.iter().any(|one| one == location) {
            audience.push(location.to_owned());
        }
    }
}

impl Core {
    /// Draws tokens for a client.
    pub(crate) fn draw_tokens(&self, client: &Client, refresh: bool, now: Timestamp) -> DrawnTokens {
        let seconds = |own: Option<u64>, other| own.map_or(other, Duration::from_secs);
        let format = client.metadata.access_token_format.unwrap_or(self.settings.oauth.access_token_format);
        DrawnTokens {
            access: match format {
                TokenFormat::Opaque => {
                    Access::Opaque(Token::draw(TokenPurpose::OAuthAccess, &self.random, now))
                }
                TokenFormat::Jwt => {
                    Access::Jwt { jti: self.draw_jti(), places: StatusIndex::draw(&self.random) }
                }
            },
            refresh: refresh.then(|| Token::draw(TokenPurpose::OAuthRefresh, &self.random, now)),
            now,
            access_lifetime: seconds(
                client.metadata.access_token_lifetime,
                self.settings.sessions.oauth_access,
            ),
            refresh_lifetime: seconds(
                client.metadata.refresh_token_lifetime,
                self.settings.sessions.oauth_refresh,
            ),
            most: self.settings.limits.sessions_per_account,
            configured: Arc::clone(&self.settings.oauth.claims),
        }
    }

    /// The id of a signed token.
    pub(crate) fn draw_jti(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.random.bytes::<16>())
    }

    /// What the client gets: the stored tokens, and the signed ones with their claims.
    ///
    /// # Errors
    /// [`Unavailable`] if there is no key to sign with.
    pub(crate) fn finish_tokens(
        &self,
        drawn: &DrawnTokens,
        issued: &Issued<'_>,
        id_token: IdToken<'_>,
    ) -> Result<Tokens, Unavailable> {
        let Carried { access, end, .. } = issued.carried;
        let until = drawn.access_until(*end);
        let algorithm = issued.client.metadata.id_token_signed_response_alg;
        let keys = self.oauth_keys();
        let text = match &drawn.access {
            Access::Opaque(token) => token.reveal().to_owned(),
            Access::Jwt { jti, .. } => {
                keys.sign_token(algorithm, "at+jwt", &self.access_claims(drawn, issued, jti)?)?
            }
        };
        let id_token = match id_token {
            IdToken::WithNonce(nonce) if access.scope.has(Scope::OPENID) => {
                let claims = self.id_claims(drawn, issued, nonce, &at_hash(algorithm, &text))?;
                Some(keys.sign_token(algorithm, "JWT", &claims)?)
            }
            IdToken::WithNonce(_) | IdToken::No => None,
        };
        Ok(Tokens {
            access: text,
            token_type: TokenType::of(access),
            expires_in: until.since(drawn.now).as_secs(),
            refresh: drawn.refresh.as_ref().map(|token| token.reveal().to_owned()),
            id_token,
            scope: access.scope.clone(),
            issued_type: None,
            details: access.details.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_is_only_narrowed() {
        let text = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let registered = client(text(&["a", "b", "c"]));
        let details = |json: &str| AuthorizationDetails::parse(json).unwrap();
        let granted = |texts: &[&str]| GrantFacts { audience: text(texts), ..GrantFacts::default() };
        assert_eq!(audience(&granted(&["a", "b"]), &registered, &[]), Some(text(&["a", "b"])));
        assert_eq!(audience(&granted(&["a", "b"]), &registered, &text(&["b"])), Some(text(&["b"])));
        assert_eq!(audience(&granted(&["a", "b"]), &registered, &text(&["b", "c"])), None);
        assert_eq!(audience(&granted(&[]), &registered, &[]), Some(text(&[])));
        assert_eq!(audience(&granted(&[]), &registered, &text(&["c"])), Some(text(&["c"])));
        assert_eq!(audience(&granted(&[]), &registered, &text(&["d"])), None);
        // What the client is no longer registered for.
        let less = client(text(&["b"]));
        assert_eq!(audience(&granted(&["a", "b"]), &less, &[]), Some(text(&["b"])));
        assert_eq!(audience(&granted(&["a", "b"]), &less, &text(&["a"])), None);
        assert_eq!(audience(&granted(&["a"]), &less, &[]), None);
        // The place of a detail counts, if the client is registered for it.
        let there = details(r#"[{"type": "t", "locations": ["c", "d"]}]"#);
        let granted = GrantFacts { details: there, ..granted(&["a"]) };
        assert_eq!(audience(&granted, &registered, &text(&["a", "c"])), Some(text(&["a", "c"])));
        assert_eq!(audience(&granted, &registered, &text(&["d"])), None);
    }

    fn client(audience: Vec<String>) -> Client {
        use countersign_model::oauth::{ClientId, ClientNo, ClientOrigin, Metadata};
        use countersign_model::random::Random;
        Client {
            no: ClientNo(1),
            id: ClientId::draw(&Random::seeded(1)),
            version: 1,
            origin: ClientOrigin::CommandLine,
            metadata: Metadata { audience, ..Metadata::default() },
            has_secret: true,
            suspended: false,
        }
    }
}
