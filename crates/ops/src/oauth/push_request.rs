//! A request is pushed before the browser goes (RFC 9126).

use std::time::Duration;

use countersign_model::keyring::Place;
use countersign_model::limit::{RetryAfter, Scope as Counted};
use countersign_model::oauth::{AuthMethod, AuthorizationRequest, Client, ClientNo, ErrorCode, Parameters};
use countersign_model::session::{Token, TokenDigest};
use countersign_model::time::Timestamp;
use countersign_store::oauth::pushed;
use countersign_store::{StoreError, Tx, Work};

use super::check_dpop::{Binding, DpopError, Proof};
use super::read_request::{self, Fault, MAX_PUSHED_BYTES};
use super::request_object::RequestObjectError;
use super::start_authorization::FLOW_LIFETIME;
use crate::counting::{Counter, count_all};
use crate::{Core, Source, Unavailable};

/// What a `request_uri` of ours begins with (RFC 9126 §2.2).
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// A request that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// What the browser brings along instead of the request.
    pub request_uri: String,
    /// For how long it may.
    pub expires_in: Duration,
}

/// Why a request was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushRequestError {
    /// It is not as it should be.
    #[error("{1}")]
    Refused(ErrorCode, &'static str),
    /// Its proof of possession is refused.
    #[error(transparent)]
    Dpop(#[from] DpopError),
    /// Too many from this source.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<Fault> for PushRequestError {
    fn from(Fault(code, why): Fault) -> PushRequestError {
        PushRequestError::Refused(code, why)
    }
}

impl From<StoreError> for PushRequestError {
    fn from(error: StoreError) -> PushRequestError {
        PushRequestError::Unavailable(error.into())
    }
}

impl From<RequestObjectError> for PushRequestError {
    fn from(error: RequestObjectError) -> PushRequestError {
        match error {
            RequestObjectError::Refused(fault) => fault.into(),
            RequestObjectError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl Core {
    /// Keeps a request of this client, which has shown who it is, until a browser comes for it. With a proof of
    /// possession its code is for the key of that, as if `dpop_jkt` named it (RFC 9449 §10.1).
    ///
    /// # Errors
    /// [`PushRequestError`].
    pub async fn push_request(
        &self,
        client: &Client,
        parameters: &Parameters,
        proof: Option<Proof<'_>>,
        source: Source,
    ) -> Result<Pushed, PushRequestError> {
        let invalid = |why| Fault(ErrorCode::InvalidRequest, why);
        if parameters.get("request_uri").is_some() {
            return Err(invalid("A request_uri cannot be pushed.").into());
        }
        if parameters.get("client_id").is_some_and(|id| id != client.id.as_str()) {
            return Err(invalid("The client_id is another's.").into());
        }
        if parameters.size() > MAX_PUSHED_BYTES {
            return Err(invalid("The request is longer than 32 KiB.").into());
        }
        let proven = proof.map(|proof| self.check_dpop(proof)).transpose()?;
        read_request::check_signed(client, parameters)?;
        let parameters = &self.signed_parameters(client, parameters).await?;
        read_request::destination(client, parameters)?;
        let mut request =
            read_request::read(client, parameters, &self.settings.oauth.authorization_details_types)?;
        if let Some(proven) = &proven
            && request.dpop_jkt.get_or_insert_with(|| proven.jkt.clone()) != &proven.jkt
        {
            return Err(
                Fault(ErrorCode::InvalidDpopProof, "The proof is of another key than dpop_jkt.").into()
            );
        }
        // Texts and numbers only: always written.
        let plain = serde_json::to_vec(&request).unwrap_or_default();
        let secret = Token::draw_uuid(&self.random);
        let expires_in = self.settings.oauth.pushed_request;
        // In the name of a client without a secret anybody could fill the store, and where clients register
        // themselves anybody has one with a secret.
        let is_anybodys =
            !client.is_operators() || client.metadata.token_endpoint_auth_method == AuthMethod::None;
        let rate = self.settings.limits.registrations_per_source;
        let counter = self.source_counter(Counted::PushedRequest, rate, source).filter(|_| is_anybodys);
        let now = self.clock.now();
        let work = Push {
            counters: counter.into_iter().collect(),
            now,
            digest: TokenDigest::of(secret.reveal()),
            client: client.no,
            sealed: self.keyring.seal(Place::PushedRequest, &plain, &self.random),
            expires_at: now.after(expires_in),
            binding: proven.map_or(Binding::None, Binding::Dpop),
        };
        self.store.write(work).await?;
        Ok(Pushed { request_uri: format!("{PREFIX}{}", secret.reveal()), expires_in })
    }

    /// Whether a `request_uri` looks like one of ours. Any other is never fetched (R098).
    pub(crate) fn is_pushed(&self, uri: &str) -> bool {
        uri.starts_with(PREFIX)
    }

    /// Uses a pushed request up.
    pub(crate) async fn use_pushed(
        &self,
        client: &Client,
        uri: &str,
    ) -> Result<(TokenDigest, AuthorizationRequest), super::start_authorization::StartAuthorizationError>
    {
        let now = self.clock.now();
        let digest = TokenDigest::of(uri.strip_prefix(PREFIX).unwrap_or_default());
        let work = Use { digest, client: client.no, now, keep: now.after(FLOW_LIFETIME) };
        let sealed = self.store.write(work).await.map_err(Unavailable::from)?;
        let unknown = Fault(
            ErrorCode::InvalidRequestUri,
            "The pushed request is too old, was used, or is another client's.",
        );
        let request = self.open_pushed(&sealed.ok_or(unknown)?)?;
        // What was registered may have changed since.
        if request.redirect_uri.as_deref().is_some_and(|uri| client.redirect(uri).is_none()) {
            return Err(unknown.into());
        }
        Ok((digest, request))
    }

    /// The request of a flow that is under way.
    pub(crate) async fn find_pushed(
        &self,
        client: ClientNo,
        digest: &TokenDigest,
    ) -> Result<Option<AuthorizationRequest>, Unavailable> {
        let found = pushed::find_used(&mut self.store.read().await?, digest, self.clock.now()).await?;
        let own = found.filter(|(owner, _)| *owner == client);
        own.map(|(_, sealed)| self.open_pushed(&sealed)).transpose()
    }

    fn open_pushed(&self, sealed: &[u8]) -> Result<AuthorizationRequest, Unavailable> {
        let plain = self.keyring.open(Place::PushedRequest, sealed).ok();
        plain.and_then(|plain| serde_json::from_slice(&plain).ok()).ok_or_else(|| {
            tracing::error!("a pushed request does not open with this master key");
            Unavailable::Fault
        })
    }
}

struct Push {
    counters: Vec<Counter>,
    now: Timestamp,
    digest: TokenDigest,
    client: ClientNo,
    sealed: Vec<u8>,
    expires_at: Timestamp,
    binding: Binding,
}

impl Work for Push {
    type Output = ();
    type Error = PushRequestError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), PushRequestError> {
        count_all(tx, &self.counters, self.now).await??;
        if !self.binding.use_up(tx).await? {
            return Err(DpopError::Invalid.into());
        }
        Ok(pushed::insert(tx, &self.digest, self.client, &self.sealed, self.expires_at).await?)
    }
}

struct Use {
    digest: TokenDigest,
    client: ClientNo,
    now: Timestamp,
    keep: Timestamp,
}

impl Work for Use {
    type Output = Option<Vec<u8>>;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Vec<u8>>, StoreError> {
        pushed::consume(tx, &self.digest, self.client, self.now, self.keep).await
    }
}
