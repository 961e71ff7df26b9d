//! Sends a verification code to an address or a number (000 `/send`).

use countersign_model::code::Code;
use countersign_model::identifier::{Identifier, IdentifierKind};
use countersign_model::ids::AccountId;
use countersign_model::keyring::Place;
use countersign_model::limit::RetryAfter;
use countersign_model::message::{Contents, Template};
use countersign_model::time::Timestamp;
use countersign_store::codes::{self, CodeRow};
use countersign_store::{Tx, Work, accounts, identifiers};

use crate::audit::audit;
use crate::counting::{Counter, count_all};
use crate::outgoing::{Outgoing, channel_of};
use crate::{CodeUse, Core, Unavailable};

/// What to send where.
#[derive(Debug)]
pub struct SendCode<'a> {
    /// An e-mail address or a phone number, registered or not.
    pub target: Identifier,
    /// The text around the code.
    pub template: Template,
    /// Where it may be used.
    pub code_use: CodeUse<'a>,
    /// Who asks.
    pub source: crate::Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendCodeError {
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

struct QueueCode {
    counters: Vec<Counter>,
    code: CodeRow,
    message: Outgoing,
    now: Timestamp,
}

impl Work for QueueCode {
    type Output = ();
    type Error = SendCodeError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), SendCodeError> {
        count_all(tx, &self.counters, self.now).await??;
        codes::insert(tx, &self.code).await?;
        Ok(self.message.queue(tx, self.now).await?)
    }
}

impl Core {
    /// Sends a verification code to an address or a number (000 `/send`). The outcome is the same
    /// whether an account has it or not (000-10).
    ///
    /// # Errors
    /// [`SendCodeError`].
    pub async fn send_code(&self, request: SendCode<'_>) -> Result<(), SendCodeError> {
        let SendCode { target, template, code_use, source } = request;
        let now = self.clock.now();
        let code = Code::draw(&self.random);
        let expires_at = now.after(self.settings.codes.verification);
        let channel = channel_of(target.kind());
        let contents = Contents {
            to: self.kept_form(&target).await?,
            code: Some(code.display()),
            link: None,
            expires_at: Some(expires_at),
        };
        let code = CodeRow {
            digest: self.code_digest(&code, &code_use),
            purpose: code_use.purpose(),
            target: Some(self.keyring.lookup(&target)),
            owner: None,
            sealed: Some(self.keyring.seal(Place::CodeTarget, target.given().as_bytes(), &self.random)),
            expires_at,
        };
        let message = self.draw_message(channel, template, &contents);
        let counters = self.message_counters(&target, source);
        self.store.write(QueueCode { counters, code, message, now }).await?;
        self.outbox_changed.notify_one();
        audit("send_code", "queued", None, source);
        Ok(())
    }

    /// The address or number as its account has it, byte for byte (R039): another spelling may be another's mailbox.
    /// As it was typed where no account has it, or only claims it (decision 0006).
    async fn kept_form(&self, target: &Identifier) -> Result<String, Unavailable> {
        let mut tx = self.store.read().await?;
        let owner = identifiers::find(&mut tx, &self.keyring.lookup(target)).await?;
        let owner = owner.filter(|owner| !owner.is_mere_claim).map(|owner| owner.account);
        // Asked for nobody too (no account has the id 0), so that the time does not tell (R024).
        let account = accounts::find(&mut tx, owner.unwrap_or(AccountId(0))).await?;
        drop(tx);
        let profile = account.map(|account| self.open_profile(&account.profile)).transpose()?;
        let kept = profile.and_then(|profile| match target.kind() {
            IdentifierKind::Username => None,
            IdentifierKind::Email => profile.email,
            IdentifierKind::Phone => profile.phone,
        });
        Ok(kept.unwrap_or_else(|| target.given().to_owned()))
    }
}
