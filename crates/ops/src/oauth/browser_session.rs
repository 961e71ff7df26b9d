//! Who is signed in at the pages.

use countersign_model::account::Profile;
use countersign_model::ids::{AccountId, SessionId, Uuid};
use countersign_model::oauth::claims::{ACR_CODE, ACR_PASSWORD, AMR_CODE, AMR_PASSWORD};
use countersign_model::session::{TokenDigest, TokenPurpose};
use countersign_model::time::Timestamp;
use countersign_store::oauth::{browsers, grants};
use countersign_store::{StoreError, Tx, Work};

use super::presented::read_facts;
use crate::sign_out::{SignOut, SignOutError};
use crate::{Core, Unavailable};

/// A browser that is signed in.
#[derive(Clone, Debug)]
pub struct BrowserSession {
    /// Whose.
    pub account: AccountId,
    /// The account's public id.
    pub uuid: Uuid,
    /// The session.
    pub session: SessionId,
    /// The account's epoch.
    pub epoch: i64,
    /// When they signed in.
    pub auth_time: Timestamp,
    /// How they signed in (RFC 8176).
    pub amr: Vec<String>,
    /// What people can read about the account.
    pub profile: Profile,
}

impl BrowserSession {
    /// The class of how they signed in.
    pub fn acr(&self) -> Option<&'static str> {
        let has = |method: &str| self.amr.iter().any(|known| known == method);
        if has(AMR_PASSWORD) {
            Some(ACR_PASSWORD)
        } else if has(AMR_CODE) {
            Some(ACR_CODE)
        } else {
            None
        }
    }
}

/// What is used goes on (R064).
pub(crate) struct Prolong {
    pub account: AccountId,
    /// The browser's session.
    pub browser: Option<SessionId>,
    /// The session of a grant.
    pub grant: Option<SessionId>,
    pub until: Timestamp,
    pub now: Timestamp,
}

impl Work for Prolong {
    type Output = ();
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        if let Some(grant) = self.grant {
            grants::renew(tx, grant, self.until).await?;
        }
        if let Some(browser) = self.browser {
            browsers::prolong(tx, self.account, browser, self.until, self.now).await?;
        }
        Ok(())
    }
}

impl Core {
    /// The session of a cookie, if it holds.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn check_browser(&self, cookie: &str) -> Result<Option<BrowserSession>, Unavailable> {
        let cookie = TokenDigest::of(cookie);
        let now = self.clock.glance();
        let row = browsers::find_valid(&mut self.store.read().await?, &cookie, now).await?;
        let Some(row) = row else { return Ok(None) };
        if let Some(until) = self.settings.sessions.browser_until(row.started_at, row.expires_at, now) {
            let work = Prolong { account: row.account, browser: Some(row.session), grant: None, until, now };
            // If this fails, the next request does it.
            self.store.write(work).await.unwrap_or_else(|error| {
                tracing::error!(%error, "a browser's session was not prolonged");
            });
        }
        Ok(Some(BrowserSession {
            account: row.account,
            uuid: row.uuid,
            session: row.session,
            epoch: row.epoch,
            auth_time: row.started_at,
            amr: read_facts(row.facts.as_deref())?.amr,
            profile: self.open_profile(&row.profile)?,
        }))
    }

    /// Ends the session that a browser had until somebody signed in there, if it was another person's (R073).
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn end_session_before(&self, cookie: &str, signed_in: AccountId) -> Result<(), Unavailable> {
        match self.check_browser(cookie).await? {
            Some(before) if before.account != signed_in => self.end_browser(cookie).await,
            Some(_) | None => Ok(()),
        }
    }

    /// Ends the session of a cookie, and the grants that hang on it.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn end_browser(&self, cookie: &str) -> Result<(), Unavailable> {
        match self.sign_out(cookie, TokenPurpose::BrowserSession, SignOut::This).await {
            Ok(()) | Err(SignOutError::Invalid) => Ok(()),
            Err(SignOutError::Unavailable(why)) => Err(why),
        }
    }
}
