//! Sets a new password on the proof of a code or a link that was sent to the owner.

use countersign_model::account::Standing;
use countersign_model::code::{Code, CodePurpose};
use countersign_model::ids::{AccountId, Uuid};
use countersign_model::keyring::Lookup;
use countersign_model::limit::{RetryAfter, Scope};
use countersign_model::message::Template;
use countersign_model::password::{Fault, Password, Rule};
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;
use countersign_store::{Tx, Work, accounts, codes, identifiers, limits, sessions};

use crate::audit::audit;
use crate::outgoing::Outgoing;
use crate::proof::Proof;
use crate::{CodeUse, Core, Unavailable};

/// What shows that the owner asks.
#[derive(Clone, Copy, Debug)]
pub enum ResetProof<'a> {
    /// A code from a message, as typed, and where it was asked for.
    Code(&'a str, CodeUse<'a>),
    /// The secret of a reset link of 001 or 003.
    Link(&'a str),
}

/// The reset.
#[derive(Debug)]
pub struct ResetPassword<'a> {
    /// The proof.
    pub proof: ResetProof<'a>,
    /// The password from now on.
    pub new: &'a Password,
    /// Whose rule it must meet.
    pub rule: Rule,
    /// Who asks.
    pub source: crate::Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResetPasswordError {
    /// The new password does not meet the rule; nothing was used up.
    #[error("the password does not meet the rule")]
    Password(Vec<Fault>),
    /// Unknown, expired or used; or sent to an identifier without an account, or to one that its
    /// account merely claims.
    #[error("the proof is not valid")]
    Invalid,
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

struct Reset {
    digest: TokenDigest,
    purpose: CodePurpose,
    target: Lookup,
    proof: Proof,
    phc: String,
    counter: [u8; 16],
    notice: Option<Outgoing>,
    now: Timestamp,
}

impl Work for Reset {
    type Output = ();
    type Error = ResetPasswordError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), ResetPasswordError> {
        let account = self.proof.account;
        let code = codes::consume(tx, &self.digest, self.purpose, self.now).await?;
        code.ok_or(ResetPasswordError::Invalid)?;
        let owner = identifiers::find(tx, &self.target).await?.filter(|owner| !owner.is_mere_claim);
        if owner.map(|owner| owner.account) != Some(account) {
            return Err(ResetPasswordError::Invalid);
        }
        self.proof.note(tx, self.now).await?;
        accounts::set_password(tx, account, &self.phc, self.now).await?;
        accounts::raise_epoch(tx, account).await?;
        sessions::clear(tx, account, self.now).await?;
        codes::void_target(tx, &self.target, self.now).await?;
        codes::void_owner(tx, account, self.now).await?;
        limits::forget_sources(tx, account).await?;
        limits::clear(tx, &self.counter).await?;
        if let Some(notice) = &self.notice {
            notice.queue(tx, self.now).await?;
        }
        Ok(())
    }
}

impl Core {
    /// Sets a new password on the proof of a code or a link that was sent to the owner. Every session
    /// of the account ends.
    ///
    /// # Errors
    /// [`ResetPasswordError`].
    pub async fn reset_password(&self, request: ResetPassword<'_>) -> Result<(), ResetPasswordError> {
        let ResetPassword { proof, new, rule, source } = request;
        let new = self.check_new_password(rule, new).await?;
        let rate = self.settings.limits.sign_in_per_source;
        self.count(self.source_counter(Scope::SignInSource, rate, source).into_iter().collect()).await?;
        let (digest, purpose) = self.proof_digest(proof).ok_or(ResetPasswordError::Invalid)?;
        let now = self.clock.now();
        let mut tx = self.store.read().await?;
        let code = codes::find_valid(&mut tx, &digest, purpose, now).await?;
        let code = code.ok_or(ResetPasswordError::Invalid)?;
        let target = code.target.ok_or(ResetPasswordError::Invalid)?;
        // Who controls an address that is merely claimed is not the account's owner (decision 0006).
        let owner = identifiers::find(&mut tx, &target).await?.filter(|owner| !owner.is_mere_claim);
        let owner = owner.ok_or(ResetPasswordError::Invalid)?;
        if code.owner.is_some_and(|id| AccountId(id) != owner.account) {
            return Err(ResetPasswordError::Invalid);
        }
        let account = accounts::find(&mut tx, owner.account).await?;
        let account = account.filter(|account| account.standing == Standing::Active);
        let account = account.ok_or(ResetPasswordError::Invalid)?;
        let proof = self.gather_proof(&mut tx, &account, target).await?;
        drop(tx);
        let profile = self.open_profile(&account.profile)?;
        let new = new.of(&profile)?;
        let slot = self.hasher.try_reserve(source)?;
        let phc = slot.hash(new.as_bytes(), self.random.bytes()).await?;
        let counter = self.account_subject(account.id);
        let notice = self.draw_notice(Template::PasswordChanged, profile.email.as_ref());
        self.store.write(Reset { digest, purpose, target, proof, phc, counter, notice, now }).await?;
        self.outbox_changed.notify_one();
        audit("reset_password", "reset", Some(account.id), source);
        Ok(())
    }

    /// Where the code or the link is found; `None` if it can be none.
    fn proof_digest(&self, proof: ResetProof<'_>) -> Option<(TokenDigest, CodePurpose)> {
        match proof {
            ResetProof::Code(text, code_use) => {
                Some((self.code_digest(&Code::parse(text)?, &code_use), code_use.purpose()))
            }
            ResetProof::Link(text) => {
                let canonical = Uuid::parse(text).map_or_else(|| text.to_owned(), |uuid| uuid.to_string());
                Some((TokenDigest::of(&canonical), CodePurpose::ResetPassword))
            }
        }
    }
}
