//! Sends a link to reset the password, if the address is an account's (001, 003).

use countersign_model::account::Standing;
use countersign_model::code::CodePurpose;
use countersign_model::identifier::Identifier;
use countersign_model::ids::AccountId;
use countersign_model::limit::{Quota, RetryAfter, Scope};
use countersign_model::message::{Channel, Contents, Template};
use countersign_model::secret::Secret;
use countersign_model::session::{Mark, Surface, Token, TokenDigest};
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
    code: CodeRow,
    then: Then,
    now: Timestamp,
}

/// What is written beside the code. It is as much for an address that nobody has, so that the time of
/// the answer does not tell (R024).
enum Then {
    /// The message that carries the code.
    Send(Outgoing),
    /// A second code: nobody gets to know either.
    Discard(CodeRow),
}

impl Work for QueueLink {
    type Output = ();
    type Error = RequestResetError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), RequestResetError> {
        if let Some((subject, quota)) = &self.quota {
            limits::take_place(tx, subject, *quota, self.now).await??;
        }
        count_all(tx, &self.counters, self.now).await??;
        codes::insert(tx, &self.code).await?;
        match &self.then {
            Then::Send(message) => message.queue(tx, self.now).await?,
            Then::Discard(code) => codes::insert(tx, code).await?,
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
        let owner = identifiers::find(&mut tx, &lookup).await?;
        // The owner of an address that is merely claimed cannot get in by it (decision 0006).
        let owner = owner.filter(|owner| !owner.is_mere_claim).map(|owner| owner.account);
        // Asked for nobody too (no account has the id 0).
        let account = accounts::find(&mut tx, owner.unwrap_or(AccountId(0))).await?;
        drop(tx);
        let account = account.filter(|account| account.standing == Standing::Active);
        // The address as its owner wrote it; the one typed now only where none is kept (002-12).
        let kept = match &account {
            Some(account) => self.open_profile(&account.profile)?.email,
            None => None,
        };
        let account = account.map(|account| account.id);
        let (code, message) =
            self.draw_reset_link(kept.unwrap_or_else(|| email.given().to_owned()), surface, now);
        let code = CodeRow { target: Some(lookup), owner: account.map(|id| id.0), ..code };
        let then = match account {
            Some(_) => Then::Send(message),
            None => Then::Discard(CodeRow { digest: TokenDigest(self.random.bytes()), ..code.clone() }),
        };
        let quota = (surface == Surface::AuthV1)
            .then(|| (self.keyring.limit_key(Scope::ResetTarget, &lookup.hash), self.settings.limits.resets));
        let counters = self.message_counters(&email, source);
        let written = self.store.write(QueueLink { counters, quota, code, then, now }).await;
        let outcome = match (&written, account) {
            (Ok(()), Some(_)) => "queued",
            (Ok(()), None) => "no account",
            (Err(RequestResetError::TooMany(_)), _) => "refused",
            (Err(RequestResetError::Unavailable(_)), _) => "failed",
        };
        audit("request_reset", outcome, account, source);
        self.outbox_changed.notify_one();
        written
    }

    /// 001's link carries a UUID, which its document names; the others a marked secret.
    fn draw_reset_link(&self, to: String, surface: Surface, now: Timestamp) -> (CodeRow, Outgoing) {
        let is_authd = surface == Surface::Authd;
        let secret = if is_authd {
            Token::draw_uuid(&self.random)
        } else {
            Token::draw_marked(Mark::PLAIN, &self.random)
        };
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
