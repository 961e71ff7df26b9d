//! Exchanges a token for a new one of the same session, once.

use std::time::Duration;

use countersign_model::session::{TokenDigest, TokenPurpose};
use countersign_model::time::Timestamp;
use countersign_store::{StoreError, Tx, Work, sessions, tokens};

use crate::tokens::DrawnSession;
use crate::{Core, SessionLifetimes, SessionTokens, Unavailable};

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshSessionError {
    /// Unknown, expired, used or ended.
    #[error("the token is not valid")]
    Invalid,
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

struct Rotate {
    digest: TokenDigest,
    purpose: TokenPurpose,
    fresh: DrawnSession,
    absolute: Duration,
    reuse_grace: Duration,
    now: Timestamp,
}

impl Work for Rotate {
    /// The new tokens of the session that goes on, unless the token is not valid.
    type Output = Option<SessionTokens>;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let Some((holder, started_at)) = tokens::consume(tx, &self.digest, self.purpose, self.now).await?
        else {
            let before = self.now.before(self.reuse_grace);
            if let Some(victim) = tokens::find_used(tx, &self.digest, self.purpose, before).await? {
                tracing::warn!(target: "audit", event = "refresh", outcome = "used token came back",
                    account = victim.account.0);
                sessions::end(tx, victim.account, victim.session, self.now).await?;
            }
            return Ok(None);
        };
        let end = started_at.after(self.absolute);
        if end <= self.now {
            return Ok(None);
        }
        if self.purpose == TokenPurpose::AuthdRefresh {
            tokens::remove_of_purpose(tx, holder, TokenPurpose::AuthdAccess).await?;
        }
        let refreshed = self.fresh.refreshed(holder, end);
        refreshed.store_tokens(tx, holder).await?;
        Ok(Some(refreshed.tokens))
    }
}

impl Core {
    /// Exchanges a token for a new one of the same session, once. A used token that comes back later
    /// than the grace ends the session: two parties hold it (R071). No refresh takes a session past its
    /// absolute lifetime (R064).
    ///
    /// # Errors
    /// [`RefreshSessionError`].
    pub async fn refresh_session(
        &self,
        token: &str,
        purpose: TokenPurpose,
    ) -> Result<SessionTokens, RefreshSessionError> {
        let now = self.clock.now();
        let fresh = self.draw_session(purpose.surface(), now);
        let SessionLifetimes { absolute, reuse_grace, .. } = self.settings.sessions;
        let work = Rotate { digest: TokenDigest::of(token), purpose, fresh, absolute, reuse_grace, now };
        self.store.write(work).await?.ok_or(RefreshSessionError::Invalid)
    }
}
