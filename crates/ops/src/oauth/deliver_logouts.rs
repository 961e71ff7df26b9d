//! Tells clients that somebody's session there has ended (OpenID Connect Back-Channel Logout).

use std::time::Duration;

use countersign_model::ids::SessionId;
use countersign_model::oauth::{Client, ClientNo};
use countersign_model::time::Timestamp;
use countersign_store::oauth::logouts;
pub use countersign_store::oauth::logouts::{Logout, ToTell};
use countersign_store::{StoreError, Tx, Work, accounts};
use serde_json::{Value, json};

use super::fetch::FetchError;
use crate::{Core, Unavailable};

/// No logout token works longer (OpenID Connect Back-Channel Logout §4).
const LIFETIME: Duration = Duration::from_secs(120);

/// The one event of a logout token (§2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Why a client has not heard of a log-out. No words of the client's are in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TellLogoutError {
    /// It took the logout token for a bad one (§2.8).
    #[error("the client refused it (400)")]
    Refused,
    /// Its address is private and not in `oauth.fetch_allowed`.
    #[error("its address is private, and not in oauth.fetch_allowed")]
    Private,
    /// It answered otherwise.
    #[error("the client answered {0}")]
    Answered(u16),
    /// No answer in time.
    #[error("the client did not answer")]
    Silent,
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl TellLogoutError {
    /// Whether another try is of no use.
    pub fn is_final(&self) -> bool {
        match self {
            TellLogoutError::Refused | TellLogoutError::Private => true,
            TellLogoutError::Answered(_) | TellLogoutError::Silent | TellLogoutError::Unavailable(_) => false,
        }
    }
}

impl Core {
    /// Clients of an operator, or all others, that are to hear of something: whoever waits longest first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn clients_to_tell(&self, of_operators: bool, limit: u32) -> Result<Vec<ToTell>, Unavailable> {
        let now = self.clock.now();
        Ok(logouts::due_clients(&mut self.store.read().await?, now, of_operators, limit).await?)
    }

    /// Takes up to `limit` log-outs that a client is to hear of; nobody else gets them for `lease`.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn lease_logouts(
        &self,
        client: ClientNo,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Logout>, Unavailable> {
        Ok(self.store.write(Lease { client, limit, now: self.clock.now(), lease }).await?)
    }

    /// Tells a client. One that is gone or suspended, or wants to hear nothing any more, need not be told.
    ///
    /// # Errors
    /// [`TellLogoutError`].
    pub async fn tell_logout(&self, logout: &Logout) -> Result<(), TellLogoutError> {
        let Some(client) = self.find_client_by_no(logout.client).await? else { return Ok(()) };
        let Some(uri) = client.metadata.backchannel_logout_uri.as_deref() else { return Ok(()) };
        let Some(claims) = self.logout_claims(&client, logout).await? else { return Ok(()) };
        let algorithm = client.metadata.id_token_signed_response_alg;
        let keys = self.oauth_keys_with(algorithm).await?;
        let token = keys.sign(algorithm, "logout+jwt", &claims)?;
        let fetch = &self.oauth.outside.of(&client).fetch;
        match fetch.post_form(uri, &[("logout_token", &token)]).await {
            Ok(200..=299) => Ok(()),
            Ok(400) => Err(TellLogoutError::Refused),
            Ok(status) => Err(TellLogoutError::Answered(status)),
            Err(FetchError::Refused) => Err(TellLogoutError::Private),
            Err(FetchError::Failed) => Err(TellLogoutError::Silent),
        }
    }

    /// OpenID Connect Back-Channel Logout §2.4. Each try has an id of its own, so that a client which keeps
    /// ids takes the one after a failure. `None` if there never was such an account.
    async fn logout_claims(&self, client: &Client, logout: &Logout) -> Result<Option<Value>, Unavailable> {
        let account = accounts::find(&mut self.store.read().await?, logout.account).await?;
        let Some(account) = account else { return Ok(None) };
        let now = self.clock.now();
        Ok(Some(json!({
            "iss": self.settings.public_url,
            "sub": self.subject(client, account.uuid),
            "aud": client.id.as_str(),
            "iat": now.seconds(),
            "exp": now.after(LIFETIME).seconds(),
            "jti": self.draw_jti(),
            "events": { EVENT: {} },
            "sid": logout.session.to_string(),
        })))
    }

    /// The client has heard of it.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn complete_logout(&self, session: SessionId) -> Result<(), Unavailable> {
        Ok(self.store.write(Complete(session)).await?)
    }

    /// Notes that a try failed: the next one is after `next`, or never.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn fail_logout(
        &self,
        session: SessionId,
        reason: &str,
        next: Option<Duration>,
    ) -> Result<(), Unavailable> {
        let next = next.map(|pause| self.clock.now().after(pause));
        Ok(self.store.write(Fail { session, reason: reason.to_owned(), next }).await?)
    }

    /// What clients have not heard of, oldest first, with the ids of those that are there.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn list_logouts(&self) -> Result<Vec<(Logout, Option<String>)>, Unavailable> {
        Ok(logouts::list(&mut self.store.read().await?).await?)
    }

    /// Lets all that was given up be tried again at once; how many.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn retry_logouts(&self) -> Result<u64, Unavailable> {
        Ok(self.store.write(Retry(self.clock.now())).await?)
    }
}

struct Lease {
    client: ClientNo,
    limit: u32,
    now: Timestamp,
    lease: Duration,
}

impl Work for Lease {
    type Output = Vec<Logout>;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Logout>, StoreError> {
        logouts::lease(tx, self.client, self.limit, self.now, self.lease).await
    }
}

struct Complete(SessionId);

impl Work for Complete {
    type Output = ();
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        logouts::remove(tx, self.0).await
    }
}

struct Fail {
    session: SessionId,
    reason: String,
    next: Option<Timestamp>,
}

impl Work for Fail {
    type Output = ();
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        logouts::fail(tx, self.session, &self.reason, self.next).await
    }
}

struct Retry(Timestamp);

impl Work for Retry {
    type Output = u64;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        logouts::retry(tx, self.0).await
    }
}
