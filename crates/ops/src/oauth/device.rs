//! A device waits for its user (RFC 8628).

use std::sync::Arc;
use std::time::Duration;

use countersign_model::code::Code;
use countersign_model::ids::{AccountId, SessionId};
use countersign_model::limit::{RetryAfter, Scope as Counted};
use countersign_model::oauth::{AuthorizationDetails, Client, ClientNo, GrantFacts, GrantType, Scope};
use countersign_model::secret::Secret;
use countersign_model::session::{Mark, Token, TokenDigest};
use countersign_model::time::Timestamp;
use countersign_store::oauth::consents;
use countersign_store::oauth::devices::{self, Approval, NewDevice};
use countersign_store::{StoreError, Tx, Work, limits, sessions};

use super::browser_session::BrowserSession;
use super::read_request::may_detail;
use crate::audit::audit;
use crate::counting::{Counter, count_all};
use crate::{Core, Source, Unavailable};

/// How long a device waits between two tries.
const INTERVAL: Duration = Duration::from_secs(5);

/// A device that begins.
#[derive(Debug)]
pub struct StartDevice<'a> {
    /// For which client.
    pub client: &'a Client,
    /// What it asks for; without, all that the client may.
    pub scope: Option<Scope>,
    /// Whom tokens are for (RFC 8707).
    pub resource: &'a [String],
    /// What exactly it asks for (RFC 9396).
    pub details: AuthorizationDetails,
    /// Where from.
    pub source: Source,
}

/// What the device gets.
#[derive(Clone, Debug)]
pub struct Started {
    /// What it asks the token endpoint with.
    pub device_code: Secret,
    /// What it shows.
    pub user_code: Secret,
    /// How long it may wait.
    pub expires_in: Duration,
    /// How long between two tries.
    pub interval: Duration,
}

/// Why no device may wait.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartDeviceError {
    /// The client may not use this grant.
    #[error("the client may not use this grant")]
    Grant,
    /// It asks for more than the client may.
    #[error("the client may not ask for this scope")]
    Scope,
    /// It asks for an audience that the client may not.
    #[error("the client may not ask for this resource")]
    Target,
    /// It asks for authorization details that the client may not.
    #[error("the client may not ask for these authorization details")]
    Details,
    /// Too many wait.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A device that waits, for the person who is asked.
#[derive(Clone, Debug)]
pub struct WaitingDevice {
    /// Which application.
    pub client: Arc<Client>,
    /// What it asks for.
    pub scope: Scope,
    /// What exactly it asks for.
    pub details: AuthorizationDetails,
    /// The address that it asked from.
    pub source: String,
    /// When.
    pub started_at: Timestamp,
    facts: GrantFacts,
}

/// Why there is no such device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindDeviceError {
    /// Unknown, too old, or decided about.
    #[error("no device waits with this code")]
    Invalid,
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

struct Begin {
    counters: Vec<Counter>,
    device: NewDevice,
    now: Timestamp,
}

impl Work for Begin {
    type Output = ();
    type Error = StartDeviceError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StartDeviceError> {
        count_all(tx, &self.counters, self.now).await??;
        Ok(devices::insert(tx, &self.device, self.now).await?)
    }
}

/// A right code was no guess.
struct Refund {
    counter: Counter,
}

impl Work for Refund {
    type Output = ();
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        limits::refund(tx, &self.counter.subject, self.counter.rate).await
    }
}

struct Decide {
    user_code: TokenDigest,
    approval: Option<Approval>,
    /// What is noted as allowed, for the account's page and for its withdrawal, and by which session.
    consent: Option<(AccountId, SessionId, ClientNo, Scope)>,
    now: Timestamp,
}

impl Work for Decide {
    type Output = bool;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        if let Some((account, session, _, _)) = &self.consent
            && !sessions::hold(tx, *account, *session).await?
        {
            return Ok(false);
        }
        if !devices::decide(tx, &self.user_code, self.approval.as_ref(), self.now).await? {
            return Ok(false);
        }
        if let Some((account, _, client, scope)) = &self.consent {
            consents::allow(tx, *account, *client, scope, self.now).await?;
        }
        Ok(true)
    }
}

impl Core {
    /// Lets a device wait.
    ///
    /// # Errors
    /// [`StartDeviceError`].
    pub async fn start_device(&self, request: StartDevice<'_>) -> Result<Started, StartDeviceError> {
        let StartDevice { client, scope, resource, details, source } = request;
        if !client.may(GrantType::DeviceCode) {
            return Err(StartDeviceError::Grant);
        }
        let scope = scope.unwrap_or_else(|| client.metadata.scope.clone());
        if !client.may_scope(&scope) {
            return Err(StartDeviceError::Scope);
        }
        if !resource.iter().all(|one| client.metadata.audience.contains(one)) {
            return Err(StartDeviceError::Target);
        }
        if !may_detail(client, &details, &self.settings.oauth.authorization_details_types) {
            return Err(StartDeviceError::Details);
        }
        let now = self.clock.now();
        let device_code = Token::draw_marked(Mark::DEVICE_CODE, &self.random);
        let user_code = Code::draw(&self.random);
        let expires_in = self.settings.oauth.device_code;
        // It outlives the browser in which it is allowed: that may be anybody's.
        let facts = GrantFacts {
            scope,
            audience: resource.to_vec(),
            details,
            offline: true,
            ..GrantFacts::default()
        };
        let device = NewDevice {
            digest: TokenDigest::of(device_code.reveal()),
            user_code: self.keyring.code_digest(&user_code),
            client: client.no,
            facts: serde_json::to_string(&facts).map_err(|_| Unavailable::Fault)?,
            source: match source {
                Source::Address(address) => address.to_string(),
                Source::Local => String::new(),
            },
            interval: i64::try_from(INTERVAL.as_secs()).unwrap_or(i64::MAX),
            expires_at: now.after(expires_in),
        };
        let rate = self.settings.limits.registrations_per_source;
        let counters = self.source_counter(Counted::DeviceStart, rate, source).into_iter().collect();
        self.store.write(Begin { counters, device, now }).await?;
        Ok(Started { device_code, user_code: user_code.display(), expires_in, interval: INTERVAL })
    }

    /// The device that shows this code. Tries are counted per source, and a right one is taken back: who
    /// guesses may allow a device of somebody else (RFC 8628 §5.1).
    ///
    /// # Errors
    /// [`FindDeviceError`].
    pub async fn find_device(
        &self,
        user_code: &str,
        source: Source,
    ) -> Result<WaitingDevice, FindDeviceError> {
        let rate = self.settings.limits.sign_in_per_account;
        let counter = self.source_counter(Counted::DeviceCode, rate, source);
        self.count(counter.into_iter().collect()).await?;
        let code = Code::parse(user_code).ok_or(FindDeviceError::Invalid)?;
        let digest = self.keyring.code_digest(&code);
        let now = self.clock.now();
        let found = devices::find_pending(&mut self.store.read().await?, &digest, now).await?;
        let found = found.ok_or(FindDeviceError::Invalid)?;
        let client = self.find_client(&found.client_id).await?.ok_or(FindDeviceError::Invalid)?;
        let facts: GrantFacts = self.read_facts(&found.facts)?;
        if let Some(counter) = counter {
            self.store.write(Refund { counter }).await?;
        }
        let started_at = found.expires_at.before(self.settings.oauth.device_code);
        let (scope, details) = (facts.scope.clone(), facts.details.clone());
        Ok(WaitingDevice { client, scope, details, source: found.source, started_at, facts })
    }

    /// Allows or refuses the device that shows this code. The first decision holds.
    ///
    /// # Errors
    /// [`FindDeviceError`].
    pub async fn decide_device(
        &self,
        user_code: &str,
        session: &BrowserSession,
        allow: bool,
        source: Source,
    ) -> Result<(), FindDeviceError> {
        let device = self.find_device(user_code, source).await?;
        let code = Code::parse(user_code).ok_or(FindDeviceError::Invalid)?;
        let WaitingDevice { client, scope, facts, .. } = device;
        let facts = GrantFacts {
            auth_time: session.auth_time.micros(),
            amr: session.amr.clone(),
            acr: session.acr().map(str::to_owned),
            browser: session.session.0,
            ..facts
        };
        let approval = Approval {
            account: session.account,
            epoch: session.epoch,
            session: SessionId::draw(&self.random),
            facts: serde_json::to_string(&facts).map_err(|_| Unavailable::Fault)?,
        };
        let consent = (session.account, session.session, client.no, scope);
        let work = Decide {
            user_code: self.keyring.code_digest(&code),
            approval: allow.then_some(approval),
            consent: allow.then_some(consent),
            now: self.clock.now(),
        };
        if !self.store.write(work).await? {
            return Err(FindDeviceError::Invalid);
        }
        audit("decide_device", if allow { "allowed" } else { "refused" }, Some(session.account), source);
        Ok(())
    }
}
