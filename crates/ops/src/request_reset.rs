//! Sends a link to reset the password, if the address is an account's (001, 003).

use countersign_model::account::Standing;
use countersign_model::code::CodePurpose;
use countersign_model::identifier::Identifier;
use countersign_model::limit::{Quota, RetryAfter, Scope};
use countersign_model::message::{Channel, Contents, Template};
use countersign_model::secret::Secret;
use countersign_model::session::{Surface, Token, TokenDigest};
use countersign_model::time::Timestamp;
use countersign_store::codes::{self, CodeRow};
use countersign_store::{Tx, Work, accounts, identifiers, limits};

use crate::audit::audit;
use crate::counting::{Counter, count_all};
use crate::outgoing::Outgoing;
use crate::{Core, Unavailable};

/// Whose password.
#[derive(Debug)]
pub struct RequestReset {
    /// The e-mail address, known or not: the answer is the same (003-20).
    pub email: Identifier,
    /// 001 or 003: which message is sent, and whether 003's limit of three a day counts.
    pub surface: Surface,
    /// Who asks.
    pub source: crate::Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestResetError {
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

struct QueueLink {
    counters: Vec<Counter>,
    quota: Option<([u8; 16], Quota)>,
    link: Option<(CodeRow, Outgoing)>,
    now: Timestamp,
}

impl Work for QueueLink {
    type Output = ();
    type Error = RequestResetError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), RequestResetError> {
        if let Some((subject, quota)) = &self.quota {
            limits::take_place(tx, subject, *quota, self.now).await??;
        }
        count_all(tx, &self.counters, self.now).await??;
        if let Some((code, message)) = &self.link {
            codes::insert(tx, code).await?;
            message.queue(tx, self.now).await?;
        }
        Ok(())
    }
}

impl Core {
    /// Sends a link to reset the password, if the address is an account's (001, 003). Known and
    /// unknown addresses are counted and answered alike (003-20).
    ///
    /// # Errors
    /// [`RequestResetError`].
    pub async fn request_reset(&self, request: RequestReset) -> Result<(), RequestResetError> {
        let RequestReset { email, surface, source } = request;
        let now = self.clock.now();
        let lookup = self.keyring.lookup(&email);
        let mut tx = self.store.read().await?;
        let account = match identifiers::find(&mut tx, &lookup).await? {
            // The owner of an address that is merely claimed cannot get in by it (decision 0006).
            Some(owner) if !owner.is_mere_claim => accounts::find(&mut tx, owner.account).await?,
            Some(_) | None => None,
        };
        drop(tx);
        let mut link = None;
        if let Some(account) = account.filter(|account| account.standing == Standing::Active) {
            // The address as its owner wrote it; the one typed now only where none is kept (002-12).
            let kept = self.open_profile(&account.profile)?.email;
            let to = kept.unwrap_or_else(|| email.given().to_owned());
            let (code, message) = self.draw_reset_link(to, surface, now);
            link = Some((CodeRow { target: Some(lookup), owner: Some(account.id.0), ..code }, message));
            audit("request_reset", "queued", Some(account.id), source);
        }
        let quota = (surface == Surface::AuthV1)
            .then(|| (self.keyring.limit_key(Scope::ResetTarget, &lookup.hash), self.settings.limits.resets));
        let counters = self.message_counters(&email, source);
        self.store.write(QueueLink { counters, quota, link, now }).await?;
        self.outbox_changed.notify_one();
        Ok(())
    }

    /// 001's link carries a UUID, which its document names; the others a marked secret.
    fn draw_reset_link(&self, to: String, surface: Surface, now: Timestamp) -> (CodeRow, Outgoing) {
        let is_authd = surface == Surface::Authd;
        let secret = if is_authd { Token::draw_uuid(&self.random) } else { Token::draw_marked(&self.random) };
        let expires_at = now.after(self.settings.codes.reset);
        let template = if is_authd { Template::ResetCredentials } else { Template::PasswordReset };
        let contents = Contents {
            to,
            link: Some(Secret::new(self.link("/reset-password/", secret.reveal()))),
            code: is_authd.then(|| secret.clone()),
            expires_at: Some(expires_at),
        };
        let code = CodeRow {
            digest: TokenDigest::of(secret.reveal()),
            purpose: CodePurpose::ResetPassword,
            target: None,
            owner: None,
            sealed: None,
            expires_at,
        };
        (code, self.draw_message(Channel::Email, template, &contents))
    }
}
