//! Ends the session of a token, or all sessions of its account.

use countersign_model::session::{TokenDigest, TokenPurpose};
use countersign_model::time::Timestamp;
use countersign_store::{Tx, Work, accounts, sessions, tokens};

use crate::{Core, Unavailable};

/// Which sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignOut {
    /// The token's own.
    This,
    /// All of the account (000-44).
    All,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignOutError {
    /// Unknown, expired, used or ended.
    #[error("the token is not valid")]
    Invalid,
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

struct EndSession {
    digest: TokenDigest,
    purpose: TokenPurpose,
    which: SignOut,
    now: Timestamp,
}

impl Work for EndSession {
    type Output = ();
    type Error = SignOutError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), SignOutError> {
        let holder = tokens::remove_valid(tx, &self.digest, self.purpose, self.now).await?;
        let holder = holder.ok_or(SignOutError::Invalid)?;
        match self.which {
            SignOut::This => {
                sessions::end(tx, holder.account, holder.session, self.now).await?;
            }
            SignOut::All => {
                accounts::raise_epoch(tx, holder.account).await?;
                sessions::clear(tx, holder.account, self.now).await?;
            }
        }
        Ok(())
    }
}

impl Core {
    /// Ends the session of a token, or all sessions of its account.
    ///
    /// # Errors
    /// [`SignOutError`].
    pub async fn sign_out(
        &self,
        token: &str,
        purpose: TokenPurpose,
        which: SignOut,
    ) -> Result<(), SignOutError> {
        let digest = TokenDigest::of(token);
        self.store.write(EndSession { digest, purpose, which, now: self.clock.now() }).await?;
        // Clients hear of it. What hangs on a document's session is nothing of theirs.
        if which == SignOut::All || purpose == TokenPurpose::BrowserSession {
            self.outbox_changed.notify_one();
        }
        Ok(())
    }
}
