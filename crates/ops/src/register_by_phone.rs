//! Opens a registration that an SMS code validates (002 `register`).

use countersign_model::account::Profile;
use countersign_model::code::{Code, CodePurpose};
use countersign_model::ids::{AccountId, Uuid};
use countersign_model::message::{Channel, Contents, Template};
use countersign_model::secret::Secret;
use countersign_model::session::{Mark, Surface, Token, TokenDigest};
use countersign_model::time::Timestamp;
use countersign_store::codes::{self, CodeRow};
use countersign_store::phones::{self, PendingPhone};
use countersign_store::registrations::{self, RegistrationRow};
use countersign_store::{Tx, Work, identifiers, limits};

use crate::audit::audit;
use crate::counting::{COARSE, Counter};
use crate::outgoing::Outgoing;

use countersign_model::identifier::Identifier;
use countersign_model::limit::RetryAfter;
use countersign_model::password::{Fault, Password, Rule};

use crate::{Core, Unavailable};

/// The account to be.
#[derive(Debug)]
pub struct RegisterByPhone<'a> {
    /// The username.
    pub username: Identifier,
    /// The password.
    pub password: &'a Password,
    /// The number, used for the code and never linked to the account (002-12).
    pub phone: Identifier,
    /// An e-mail address, kept as a hash.
    pub email: Option<Identifier>,
    /// Who asks.
    pub source: crate::Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterByPhoneError {
    /// The new password does not meet the rule; nothing was used up.
    #[error("the password does not meet the rule")]
    Password(Vec<Fault>),
    /// A validated account has the username.
    #[error("the username is taken")]
    UsernameTaken,
    /// The number has validated an account before (002-13).
    #[error("the phone number is used")]
    PhoneTaken,
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What is sealed under a code. Its end stands here to the moment and rounded in the row, where it would tell which
/// registration was opened at that moment (002-12).
pub(crate) struct Link {
    /// The registration's id.
    pub registration: i64,
    /// When the code stops working.
    pub until: Timestamp,
}

impl Link {
    fn bytes(&self) -> Vec<u8> {
        [self.registration.to_be_bytes(), self.until.micros().to_be_bytes()].concat()
    }

    /// `None` if it is none.
    pub(crate) fn read(bytes: &[u8]) -> Option<Link> {
        let (registration, until) = bytes.split_first_chunk()?;
        let until = Timestamp::from_micros(i64::from_be_bytes(until.try_into().ok()?));
        Some(Link { registration: i64::from_be_bytes(*registration), until })
    }
}

struct Open {
    registration: RegistrationRow,
    phone: PendingPhone,
    sms: Outgoing,
    email: Option<(CodeRow, Outgoing)>,
    /// What counted this source's tries at the codes before: the new code has tries of its own.
    tried: Option<Counter>,
    now: Timestamp,
}

impl Work for Open {
    type Output = ();
    type Error = RegisterByPhoneError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), RegisterByPhoneError> {
        registrations::insert(tx, &self.registration).await?;
        phones::insert_pending(tx, &self.phone).await?;
        self.sms.queue(tx, self.now).await?;
        if let Some(tried) = &self.tried {
            limits::clear(tx, &tried.subject).await?;
        }
        if let Some((code, message)) = &self.email {
            codes::insert(tx, code).await?;
            message.queue(tx, self.now).await?;
        }
        Ok(())
    }
}

impl Core {
    /// Opens a registration that an SMS code validates (002 `register`). Several may be open for one
    /// name; the first that is validated wins (acceptance decision 13).
    ///
    /// # Errors
    /// [`RegisterByPhoneError`].
    pub async fn register_by_phone(&self, request: RegisterByPhone<'_>) -> Result<(), RegisterByPhoneError> {
        let RegisterByPhone { username, password, phone, email, source } = request;
        self.count_registration(source).await?;
        let username_lookup = self.keyring.lookup(&username);
        let mut tx = self.store.read().await?;
        if identifiers::find(&mut tx, &username_lookup).await?.is_some() {
            return Err(RegisterByPhoneError::UsernameTaken);
        }
        let profile = Profile { username: Some(username.given().to_owned()), ..Profile::default() };
        self.check_password(Rule::Line, password, &profile).await?;
        if phones::is_spent(&mut tx, &self.keyring.spent_phone(&phone)).await? {
            return Err(RegisterByPhoneError::PhoneTaken);
        }
        drop(tx);
        let slot = self.hasher.try_reserve(source)?;
        let mut counters = self.message_counters(&phone, source);
        if let Some(email) = &email {
            counters.extend(self.message_counters(email, source));
        }
        self.count(counters).await?;
        let phc = slot.hash(password.as_bytes(), self.random.bytes()).await?;
        let now = self.clock.now();
        let registration = RegistrationRow {
            id: self.random.positive(63),
            account: AccountId::draw(&self.random),
            uuid: Uuid::draw(&self.random),
            surface: Surface::Line,
            username: Some(username_lookup.hash),
            email: email.as_ref().map(|email| self.keyring.lookup(email).hash),
            email_verified_at: None,
            phc,
            sealed: self.seal_profile(&profile)?,
            expires_at: now.after(self.settings.codes.phone).rounded_up(COARSE),
        };
        let (pending, sms) = self.draw_phone_code(&phone, &registration, now);
        let tried = self.phone_code_counter(&phone, source);
        let email = email.map(|email| self.draw_email_link(&email, registration.account, now));
        self.store.write(Open { registration, phone: pending, sms, email, tried, now }).await?;
        self.outbox_changed.notify_one();
        audit("register_by_phone", "queued", None, source);
        Ok(())
    }

    fn draw_phone_code(
        &self,
        phone: &Identifier,
        registration: &RegistrationRow,
        now: Timestamp,
    ) -> (PendingPhone, Outgoing) {
        let code = Code::draw(&self.random);
        let until = now.after(self.settings.codes.phone);
        let link = Link { registration: registration.id, until };
        let pending = PendingPhone {
            phone: self.keyring.pending_phone(phone),
            code: self.keyring.code_digest(&code),
            link: self.keyring.seal_phone_link(phone, &code, &link.bytes(), &self.random),
            expires_at: registration.expires_at,
        };
        let contents = Contents {
            to: phone.given().to_owned(),
            code: Some(code.display()),
            link: None,
            expires_at: Some(until),
        };
        (pending, self.draw_message(Channel::Sms, Template::PhoneCode, &contents))
    }

    fn draw_email_link(&self, email: &Identifier, account: AccountId, now: Timestamp) -> (CodeRow, Outgoing) {
        let secret = Token::draw_marked(Mark::PLAIN, &self.random);
        let expires_at = now.after(self.settings.codes.confirmation);
        let contents = Contents {
            to: email.given().to_owned(),
            code: None,
            link: Some(Secret::new(self.link("/verify-email/", secret.reveal()))),
            expires_at: Some(expires_at),
        };
        let code = CodeRow {
            digest: TokenDigest::of(secret.reveal()),
            purpose: CodePurpose::VerifyEmail,
            target: Some(self.keyring.lookup(email)),
            owner: Some(account.0),
            sealed: None,
            expires_at,
        };
        (code, self.draw_message(Channel::Email, Template::VerifyEmail, &contents))
    }
}
