//! Opens a registration that a link in a mail confirms (001).

use countersign_model::account::Profile;
use countersign_model::code::CodePurpose;
use countersign_model::identifier::Identifier;
use countersign_model::ids::{AccountId, Uuid};
use countersign_model::limit::RetryAfter;
use countersign_model::message::{Channel, Contents, Template};
use countersign_model::password::{Fault, Password, Rule};
use countersign_model::secret::Secret;
use countersign_model::session::{Surface, Token, TokenDigest};
use countersign_model::time::Timestamp;
use countersign_store::codes::{self, CodeRow};
use countersign_store::registrations::{self, RegistrationRow};
use countersign_store::{Tx, Work, accounts, identifiers};

use crate::audit::audit;
use crate::outgoing::Outgoing;
use crate::{Core, Unavailable};

/// The account to be.
#[derive(Debug)]
pub struct RequestAccount<'a> {
    /// The address.
    pub email: Identifier,
    /// The password.
    pub password: &'a Password,
    /// Whose rule it must meet.
    pub rule: Rule,
    /// Who asks.
    pub source: crate::Source,
}

/// The registration that awaits its confirmation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedAccount {
    /// The public id that the account will have.
    pub uuid: Uuid,
    /// The address as given.
    pub email: String,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestAccountError {
    /// The new password does not meet the rule; nothing was used up.
    #[error("the password does not meet the rule")]
    Password(Vec<Fault>),
    /// An account has the address.
    #[error("the e-mail is taken")]
    EmailTaken,
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

struct Open {
    registration: RegistrationRow,
    /// What confirms it; none where the address is an account's already.
    code: Option<CodeRow>,
    message: Option<Outgoing>,
    now: Timestamp,
}

impl Work for Open {
    type Output = ();
    type Error = RequestAccountError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), RequestAccountError> {
        registrations::insert(tx, &self.registration).await?;
        if let Some(code) = &self.code {
            codes::insert(tx, code).await?;
        }
        if let Some(message) = &self.message {
            message.queue(tx, self.now).await?;
        }
        Ok(())
    }
}

impl Core {
    /// Opens a registration that a link in a mail confirms (001). Several may be open for one
    /// address; the first that is confirmed wins (acceptance decision 13).
    ///
    /// # Errors
    /// [`RequestAccountError`].
    pub async fn request_account(
        &self,
        request: RequestAccount<'_>,
    ) -> Result<RequestedAccount, RequestAccountError> {
        let RequestAccount { email, password, rule, source } = request;
        self.count_registration(source).await?;
        let profile = Profile { email: Some(email.given().to_owned()), ..Profile::default() };
        self.check_password(rule, password, &profile).await?;
        let now = self.clock.now();
        let lookup = self.keyring.lookup(&email);
        let mut tx = self.store.read().await?;
        let owner = match identifiers::find(&mut tx, &lookup).await? {
            // The confirmation takes the address from who merely claims it.
            Some(owner) if !owner.is_mere_claim => accounts::find(&mut tx, owner.account).await?,
            Some(_) | None => None,
        };
        if owner.is_some() && !self.settings.conceal_accounts {
            return Err(RequestAccountError::EmailTaken);
        }
        let open = registrations::newest_by_email(&mut tx, Surface::Authd, &lookup.hash, now).await?;
        drop(tx);
        let slot = self.hasher.try_reserve(source)?;
        self.count(self.message_counters(&email, source)).await?;
        let phc = slot.hash(password.as_bytes(), self.random.bytes()).await?;
        // One account to be, however often it is asked for.
        let (account, uuid) = open.map_or_else(
            || (AccountId::draw(&self.random), Uuid::draw(&self.random)),
            |open| (open.account, open.uuid),
        );
        // Kept for a taken address too, where nothing ever confirms it: asked for again, it must answer
        // with the same public id as a free one does (acceptance decision 9).
        let registration = RegistrationRow {
            id: self.random.positive(63),
            account,
            uuid,
            surface: Surface::Authd,
            username: None,
            email: Some(lookup.hash),
            email_verified_at: None,
            phc,
            sealed: self.seal_profile(&profile)?,
            expires_at: now.after(self.settings.codes.confirmation),
        };
        let (code, message) = match owner {
            Some(owner) => {
                let kept = self.open_profile(&owner.profile)?.email;
                (None, self.draw_notice(Template::AddressTaken, kept.as_ref()))
            }
            None => {
                let (code, message) = self.draw_confirmation(&email, &registration);
                (Some(code), Some(message))
            }
        };
        self.store.write(Open { registration, code, message, now }).await?;
        self.outbox_changed.notify_one();
        audit("request_account", "queued", None, source);
        Ok(RequestedAccount { uuid, email: email.given().to_owned() })
    }

    fn draw_confirmation(&self, email: &Identifier, registration: &RegistrationRow) -> (CodeRow, Outgoing) {
        let id = Token::draw_uuid(&self.random);
        let path = format!("{}/v1/requests/accounts/", self.settings.authd_prefix);
        let contents = Contents {
            to: email.given().to_owned(),
            link: Some(Secret::new(self.link(&path, id.reveal()))),
            code: Some(id.clone()),
            expires_at: Some(registration.expires_at),
        };
        let code = CodeRow {
            digest: TokenDigest::of(id.reveal()),
            purpose: CodePurpose::ConfirmAccount,
            target: Some(self.keyring.lookup(email)),
            owner: Some(registration.id),
            sealed: None,
            expires_at: registration.expires_at,
        };
        (code, self.draw_message(Channel::Email, Template::ConfirmAccount, &contents))
    }
}
