//! Makes the account whose registration the code belongs to (002 `validatephone`).

use countersign_model::code::Code;
use countersign_model::identifier::{Identifier, IdentifierKind};
use countersign_model::keyring::Lookup;
use countersign_model::limit::{RetryAfter, Scope};
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;
use countersign_store::accounts::{self, InsertError};
use countersign_store::registrations::{self, RegistrationRow};
use countersign_store::{StoreError, Tx, Work, identifiers, phones};

use crate::audit::audit;
use crate::claim::Claim;
use crate::counting::{Counter, count_all};
use crate::register_by_phone::Link;
use crate::{Core, Unavailable};

/// The proof.
#[derive(Debug)]
pub struct ValidatePhone<'a> {
    /// The number.
    pub phone: Identifier,
    /// As typed.
    pub code: &'a str,
    /// Who asks.
    pub source: crate::Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidatePhoneError {
    /// No registration awaits a code for this number.
    #[error("no registration awaits this number")]
    UnknownNumber,
    /// Another code, or expired, or void after too many tries.
    #[error("the code is wrong")]
    CodeWrong,
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<InsertError> for ValidatePhoneError {
    /// The ids were drawn for one registration, which another code of it has used.
    fn from(error: InsertError) -> ValidatePhoneError {
        match error {
            InsertError::IdTaken => ValidatePhoneError::CodeWrong,
            InsertError::Store(error) => error.into(),
        }
    }
}

/// Counted before the verdict, durably (R017).
struct CountTry {
    source: Option<Counter>,
    /// The tries of this source at this number: beyond them its codes are void (002-32), for this
    /// source only, or any stranger could void them (R022). They have 50 random bits, and a number
    /// has 60 of them at most at a time: a million sources with five tries each find one with a chance
    /// of 60 * 5e6 / 2^50 = 3e-7 (R030).
    phone: Option<Counter>,
    pending_phone: [u8; 32],
    spent_phone: [u8; 32],
    now: Timestamp,
}

impl Work for CountTry {
    /// Why it goes no further; the try is counted all the same.
    type Output = Result<(), ValidatePhoneError>;
    type Error = ValidatePhoneError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, ValidatePhoneError> {
        count_all(tx, self.source.as_slice(), self.now).await??;
        let is_spent = phones::is_spent(tx, &self.spent_phone).await?;
        if is_spent || !phones::is_pending(tx, &self.pending_phone, self.now).await? {
            return Ok(Err(ValidatePhoneError::UnknownNumber));
        }
        let counted = count_all(tx, self.phone.as_slice(), self.now).await?;
        Ok(counted.map_err(|_| ValidatePhoneError::CodeWrong))
    }
}

struct Validate {
    pending_phone: [u8; 32],
    spent_phone: [u8; 32],
    code: TokenDigest,
    registration: i64,
    /// Who has the address of the registration without having proven it.
    claim: Option<Claim>,
    now: Timestamp,
}

impl Work for Validate {
    type Output = RegistrationRow;
    type Error = ValidatePhoneError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<RegistrationRow, ValidatePhoneError> {
        let wrong = ValidatePhoneError::CodeWrong;
        let link = phones::take_link(tx, &self.pending_phone, &self.code, self.now).await?;
        link.ok_or(wrong.clone())?;
        let made = registrations::take(tx, self.registration, self.now).await?.ok_or(wrong.clone())?;
        if !phones::spend(tx, &self.spent_phone).await? {
            return Err(ValidatePhoneError::UnknownNumber);
        }
        let username = made.username.ok_or(wrong.clone())?;
        let awaits_email = made.email.is_some() && made.email_verified_at.is_none();
        accounts::insert(tx, made.account, made.uuid, &made.sealed, awaits_email, self.now).await?;
        let name = Lookup { kind: IdentifierKind::Username, hash: username };
        if !identifiers::insert(tx, &name, made.account, Some(self.now)).await? {
            return Err(wrong);
        }
        accounts::set_password(tx, made.account, &made.phc, self.now).await?;
        self.add_email(tx, &made).await?;
        registrations::lapse_username(tx, &username).await?;
        phones::remove_pending(tx, &self.pending_phone).await?;
        Ok(made)
    }
}

impl Validate {
    /// The address of the registration becomes the account's if it is free, or if this registration has
    /// proven it and nobody else has.
    async fn add_email(&self, tx: &mut Tx<'_>, made: &RegistrationRow) -> Result<(), StoreError> {
        let Some(hash) = made.email else { return Ok(()) };
        if let Some(claim) = self.claim.as_ref().filter(|_| made.email_verified_at.is_some()) {
            claim.give_way(tx).await?;
        }
        let email = Lookup { kind: IdentifierKind::Email, hash };
        identifiers::insert(tx, &email, made.account, made.email_verified_at).await.map(drop)
    }
}

impl Core {
    /// Makes the account whose registration the code belongs to (002 `validatephone`).
    ///
    /// # Errors
    /// [`ValidatePhoneError`].
    pub async fn validate_phone(&self, request: ValidatePhone<'_>) -> Result<(), ValidatePhoneError> {
        let ValidatePhone { phone, code, source } = request;
        let now = self.clock.now();
        let pending_phone = self.keyring.pending_phone(&phone);
        let spent_phone = self.keyring.spent_phone(&phone);
        let rate = self.settings.limits.sign_in_per_source;
        let by_source = self.source_counter(Scope::SignInSource, rate, source);
        let by_phone = self.phone_code_counter(&phone, source);
        let tried = CountTry { source: by_source, phone: by_phone, pending_phone, spent_phone, now };
        self.store.write(tried).await??;
        let typed = Code::parse(code).ok_or(ValidatePhoneError::CodeWrong)?;
        let code = self.keyring.code_digest(&typed);
        let mut tx = self.store.read().await?;
        let link = phones::find_link(&mut tx, &pending_phone, &code).await?;
        let link = link.ok_or(ValidatePhoneError::CodeWrong)?;
        let link = self.keyring.open_phone_link(&phone, &typed, &link);
        // The row lives on to the next full hour.
        let link = link.ok().and_then(|link| Link::read(&link)).filter(|link| link.until > now);
        let registration = link.ok_or(ValidatePhoneError::CodeWrong)?.registration;
        let claim = self.claim_of_registration(&mut tx, registration, now).await?;
        drop(tx);
        let work = Validate { pending_phone, spent_phone, code, registration, claim, now };
        let made = self.store.write(work).await?;
        audit("validate_phone", "made", Some(made.account), source);
        Ok(())
    }

    /// Who has the address of a registration without having proven it.
    async fn claim_of_registration(
        &self,
        tx: &mut Tx<'_>,
        registration: i64,
        now: Timestamp,
    ) -> Result<Option<Claim>, Unavailable> {
        let found = registrations::find(tx, registration, now).await?;
        let Some(hash) = found.and_then(|found| found.email) else { return Ok(None) };
        let email = Lookup { kind: IdentifierKind::Email, hash };
        match identifiers::find(tx, &email).await? {
            Some(owner) => self.gather_claim(tx, email, owner).await,
            None => Ok(None),
        }
    }
}
