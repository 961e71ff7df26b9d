//! Exchanges a token for a new one of the same session, once.

use std::time::Duration;

use countersign_model::ids::AccountId;
use countersign_model::session::{TokenDigest, TokenPurpose};
use countersign_model::time::Timestamp;
use countersign_store::{StoreError, Tx, Work, sessions, tokens};

use crate::audit::audit_theft;
use crate::tokens::DrawnSession;
use crate::{Core, SessionLifetimes, SessionTokens, Source, Unavailable};

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

enum Rotated {
    /// The session goes on with these.
    Done(SessionTokens),
    /// It was this account's, used and came back: its session was ended.
    Reused(AccountId),
    Invalid,
}

impl Work for Rotate {
    type Output = Rotated;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Rotated, StoreError> {
        let Some((holder, started_at)) = tokens::consume(tx, &self.digest, self.purpose, self.now).await?
        else {
            let before = self.now.before(self.reuse_grace);
            if let Some(victim) = tokens::find_used(tx, &self.digest, self.purpose, before).await? {
                sessions::end(tx, victim.account, victim.session, self.now).await?;
                return Ok(Rotated::Reused(victim.account));
            }
            return Ok(Rotated::Invalid);
        };
        let end = started_at.after(self.absolute);
        if end <= self.now {
            return Ok(Rotated::Invalid);
        }
        if self.purpose == TokenPurpose::AuthdRefresh {
            tokens::remove_of_purpose(tx, holder, TokenPurpose::AuthdAccess).await?;
        }
        let refreshed = self.fresh.refreshed(holder, end);
        refreshed.store_tokens(tx, holder).await?;
        Ok(Rotated::Done(refreshed.tokens))
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
        source: Source,
    ) -> Result<SessionTokens, RefreshSessionError> {
        let now = self.clock.now();
        let fresh = self.draw_session(purpose.surface(), now);
        let SessionLifetimes { absolute, reuse_grace, .. } = self.settings.sessions;
        let work = Rotate { digest: TokenDigest::of(token), purpose, fresh, absolute, reuse_grace, now };
        match self.store.write(work).await? {
            Rotated::Done(tokens) => Ok(tokens),
            Rotated::Reused(account) => {
                audit_theft("refresh", "used token came back", account, source);
                Err(RefreshSessionError::Invalid)
            }
            Rotated::Invalid => Err(RefreshSessionError::Invalid),
        }
    }
}
