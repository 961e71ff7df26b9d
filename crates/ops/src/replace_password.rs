//! Replaces a password that today's rule would refuse, right after it signed its owner in (acceptance decision 2).

use std::time::Duration;

use countersign_model::account::Profile;
use countersign_model::ids::AccountId;
use countersign_model::message::Template;
use countersign_model::oauth::claims::AMR_PASSWORD;
use countersign_model::password::{Fault, Password, Rule};
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;
use countersign_store::accounts;

use crate::audit::audit;
use crate::change_password::{Change, ChangePasswordError};
use crate::new_password::RefusedPassword;
use crate::{Core, Source, Unavailable};

/// How long after the sign-in the password that it took need not be typed again.
const STILL_PROVEN: Duration = Duration::from_secs(600);

/// The replacement.
#[derive(Debug)]
pub struct ReplacePassword<'a> {
    /// The cookie of the browser that has just signed in with the password; its session goes on.
    pub cookie: &'a str,
    /// The password from now on.
    pub new: &'a Password,
    /// Whose rule it must meet.
    pub rule: Rule,
    /// Who asks.
    pub source: Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplacePasswordError {
    /// The new password does not meet the rule.
    #[error("the password does not meet the rule")]
    Password(Vec<Fault>),
    /// Nobody has just signed in with a password there, or it is another one by now.
    #[error("the sign-in is too old")]
    SignedOut,
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<ChangePasswordError> for ReplacePasswordError {
    fn from(error: ChangePasswordError) -> ReplacePasswordError {
        match error {
            ChangePasswordError::Password(faults) => ReplacePasswordError::Password(faults),
            ChangePasswordError::SessionInvalid
            | ChangePasswordError::CurrentWrong
            | ChangePasswordError::TooMany(_) => ReplacePasswordError::SignedOut,
            ChangePasswordError::Unavailable(why) => ReplacePasswordError::Unavailable(why),
        }
    }
}

impl Core {
    /// Whether today's rule would refuse a password that is in use to its owner. A list of breached passwords that
    /// cannot be read keeps nobody from signing in.
    pub async fn is_weak(&self, password: &Password, owner: &Profile) -> bool {
        let checked = self.check_password(Rule::Strict, password, owner).await;
        matches!(checked, Err(RefusedPassword::Faults(_)))
    }

    /// The hash of the password that signed somebody in at this time. `None` if another one was set since: who finds
    /// the browser unlocked replaces nothing with the address of a page that was used.
    async fn hash_typed_at(&self, account: AccountId, at: Timestamp) -> Result<Option<String>, Unavailable> {
        let mut tx = self.store.read().await?;
        let set_at = accounts::password_set_at(&mut tx, account).await?;
        let account = accounts::find(&mut tx, account).await?;
        Ok(account.and_then(|account| account.phc).filter(|_| set_at.is_some_and(|set_at| set_at <= at)))
    }

    /// Replaces the password of whoever has just signed in with it.
    ///
    /// # Errors
    /// [`ReplacePasswordError`].
    pub async fn replace_password(&self, request: ReplacePassword<'_>) -> Result<(), ReplacePasswordError> {
        let ReplacePassword { cookie, new, rule, source } = request;
        let now = self.clock.now();
        let session = self.check_browser(cookie).await?.filter(|session| {
            now < session.auth_time.after(STILL_PROVEN)
                && session.amr.iter().any(|method| method == AMR_PASSWORD)
        });
        let session = session.ok_or(ReplacePasswordError::SignedOut)?;
        self.check_password(rule, new, &session.profile).await?;
        let old = self.hash_typed_at(session.account, session.auth_time).await?;
        let old = old.ok_or(ReplacePasswordError::SignedOut)?;
        let slot = self.hasher.try_reserve(source).map_err(Unavailable::from)?;
        let new = slot.hash(new.as_bytes(), self.random.bytes()).await.map_err(Unavailable::from)?;
        let change = Change {
            digest: TokenDigest::of(cookie),
            old,
            new,
            cleared: self.cleared_by_password(session.account, source),
            notice: self.draw_notice(Template::PasswordChanged, session.profile.email.as_ref()),
            now,
        };
        self.store.write(change).await?;
        self.outbox_changed.notify_one();
        audit("replace_password", "replaced", Some(session.account), source);
        Ok(())
    }
}
