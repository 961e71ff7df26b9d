//! Changes a password, given the current one and a session (000 `/change_password`).

use countersign_model::limit::RetryAfter;
use countersign_model::message::Template;
use countersign_model::password::{Fault, Password, Rule};
use countersign_model::session::{TokenDigest, TokenPurpose};
use countersign_model::time::Timestamp;
use countersign_store::tokens::Holder;
use countersign_store::{Tx, Work, accounts, codes, limits, sessions, tokens};

use crate::audit::audit;
use crate::outgoing::Outgoing;
use crate::{Core, Unavailable};

/// The change.
#[derive(Debug)]
pub struct ChangePassword<'a> {
    /// A token of the session that asks; this session goes on, all others end.
    pub token: &'a str,
    /// What the token must be for.
    pub purpose: TokenPurpose,
    /// The password until now.
    pub current: &'a Password,
    /// The password from now on.
    pub new: &'a Password,
    /// Whose rule it must meet.
    pub rule: Rule,
    /// Who asks.
    pub source: crate::Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangePasswordError {
    /// The new password does not meet the rule; nothing was used up.
    #[error("the password does not meet the rule")]
    Password(Vec<Fault>),
    /// The token is not valid.
    #[error("the session is not valid")]
    SessionInvalid,
    /// The current password is another.
    #[error("the current password is wrong")]
    CurrentWrong,
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Another password for the account of a session, which goes on while all others end.
pub(crate) struct Change {
    /// Of the session's token.
    pub digest: TokenDigest,
    /// The hash that was there when the right to change it was checked.
    pub old: String,
    /// The hash from now on.
    pub new: String,
    /// The counters that it clears.
    pub cleared: Vec<[u8; 16]>,
    /// Tells the owner.
    pub notice: Option<Outgoing>,
    pub now: Timestamp,
}

impl Work for Change {
    type Output = ();
    type Error = ChangePasswordError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), ChangePasswordError> {
        let session = tokens::find_valid(tx, &self.digest, self.now).await?;
        let session = session.ok_or(ChangePasswordError::SessionInvalid)?;
        if !accounts::change_password(tx, session.account, &self.old, &self.new, self.now).await? {
            return Err(ChangePasswordError::CurrentWrong);
        }
        let epoch = accounts::raise_epoch(tx, session.account).await?;
        let epoch = epoch.ok_or(ChangePasswordError::SessionInvalid)?;
        let kept = Holder { account: session.account, session: session.session, epoch };
        sessions::clear_others(tx, kept, self.now).await?;
        codes::void_owner(tx, session.account, self.now).await?;
        for counter in &self.cleared {
            limits::clear(tx, counter).await?;
        }
        if let Some(notice) = &self.notice {
            notice.queue(tx, self.now).await?;
        }
        Ok(())
    }
}

impl Core {
    /// Changes a password, given the current one and a session (000 `/change_password`). That
    /// session goes on, all others end.
    ///
    /// # Errors
    /// [`ChangePasswordError`].
    pub async fn change_password(&self, request: ChangePassword<'_>) -> Result<(), ChangePasswordError> {
        let ChangePassword { token, purpose, current, new, rule, source } = request;
        let new = self.check_new_password(rule, new).await?;
        let (now, digest) = (self.clock.now(), TokenDigest::of(token));
        let mut tx = self.store.read().await?;
        let session = tokens::find_valid(&mut tx, &digest, now).await?;
        let session = session.filter(|session| session.purpose == purpose);
        let session = session.ok_or(ChangePasswordError::SessionInvalid)?;
        let account = accounts::find(&mut tx, session.account).await?;
        let account = account.ok_or(ChangePasswordError::SessionInvalid)?;
        let counters = self.password_counters(&mut tx, Some(account.id), None, source).await?;
        drop(tx);
        let profile = self.open_profile(&account.profile)?;
        let new = new.of(&profile)?;
        let slot = self.hasher.try_reserve(source)?;
        self.count(counters).await?;
        let verdict = slot.verify(current.as_bytes(), account.phc.as_deref()).await?;
        let old = account.phc.filter(|_| verdict.matches).ok_or(ChangePasswordError::CurrentWrong)?;
        let new = slot.hash(new.as_bytes(), self.random.bytes()).await?;
        let cleared = self.cleared_by_password(account.id, source);
        let notice = self.draw_notice(Template::PasswordChanged, profile.email.as_ref());
        self.store.write(Change { digest, old, new, cleared, notice, now }).await?;
        self.outbox_changed.notify_one();
        audit("change_password", "changed", Some(account.id), source);
        Ok(())
    }
}
