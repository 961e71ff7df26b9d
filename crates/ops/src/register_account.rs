//! Makes an account at once, with an address that is not verified yet (003, 004).

use countersign_model::account::Profile;
use countersign_model::identifier::Identifier;
use countersign_model::ids::{AccountId, Uuid};
use countersign_model::keyring::Lookup;
use countersign_model::limit::RetryAfter;
use countersign_model::oauth::claims::AMR_PASSWORD;
use countersign_model::password::{Fault, Password, Rule};
use countersign_model::session::Surface;
use countersign_model::time::Timestamp;
use countersign_store::{Tx, Work, accounts, identifiers};

use crate::audit::audit;
use crate::tokens::DrawnSession;
use crate::{Core, SessionTokens, Unavailable};

/// The new account.
#[derive(Debug)]
pub struct RegisterAccount<'a> {
    /// 003's username.
    pub username: Option<Identifier>,
    /// The e-mail address.
    pub email: Identifier,
    /// 004's `first_name`.
    pub first_name: String,
    /// 004's `last_name`.
    pub last_name: String,
    /// The password.
    pub password: &'a Password,
    /// Whose rule it must meet.
    pub rule: Rule,
    /// The door.
    pub surface: Surface,
    /// Who asks.
    pub source: crate::Source,
    /// Whether to sign in at once (003-12).
    pub start_session: bool,
}

/// The account that was made.
#[derive(Clone, Debug)]
pub struct Registered {
    /// Its integer id.
    pub account: AccountId,
    /// Its public id.
    pub uuid: Uuid,
    /// What people can read about it.
    pub profile: Profile,
    /// If a session was asked for.
    pub tokens: Option<SessionTokens>,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterAccountError {
    /// The new password does not meet the rule; nothing was used up.
    #[error("the password does not meet the rule")]
    Password(Vec<Fault>),
    /// Another account has the username.
    #[error("the username is taken")]
    UsernameTaken,
    /// Another account has the address.
    #[error("the e-mail is taken")]
    EmailTaken,
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

struct Register {
    account: AccountId,
    uuid: Uuid,
    username: Option<Lookup>,
    email: Lookup,
    profile: Vec<u8>,
    phc: String,
    session: Option<DrawnSession>,
    now: Timestamp,
}

impl Work for Register {
    type Output = ();
    type Error = RegisterAccountError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), RegisterAccountError> {
        if let Some(username) = &self.username
            && !identifiers::insert(tx, username, self.account, Some(self.now)).await?
        {
            return Err(RegisterAccountError::UsernameTaken);
        }
        if !identifiers::insert(tx, &self.email, self.account, None).await? {
            return Err(RegisterAccountError::EmailTaken);
        }
        let inserted = accounts::insert(tx, self.account, self.uuid, &self.profile, false, self.now).await;
        inserted.map_err(Unavailable::from)?;
        accounts::set_password(tx, self.account, &self.phc, self.now).await?;
        if let Some(session) = &self.session {
            session.start(tx, self.account, 0).await?;
        }
        Ok(())
    }
}

impl Core {
    /// Makes an account at once, with an address that is not verified yet (003, 004).
    ///
    /// # Errors
    /// [`RegisterAccountError`].
    pub async fn register_account(
        &self,
        request: RegisterAccount<'_>,
    ) -> Result<Registered, RegisterAccountError> {
        self.count_registration(request.source).await?;
        let readable = Profile {
            username: request.username.as_ref().map(|username| username.given().to_owned()),
            email: Some(request.email.given().to_owned()),
            phone: None,
            first_name: request.first_name,
            last_name: request.last_name,
        };
        self.check_password(request.rule, request.password, &readable).await?;
        let now = self.clock.now();
        let username = request.username.as_ref().map(|username| self.keyring.lookup(username));
        let email = self.keyring.lookup(&request.email);
        let mut tx = self.store.read().await?;
        if let Some(username) = &username
            && identifiers::find(&mut tx, username).await?.is_some()
        {
            return Err(RegisterAccountError::UsernameTaken);
        }
        if identifiers::find(&mut tx, &email).await?.is_some() {
            return Err(RegisterAccountError::EmailTaken);
        }
        drop(tx);
        let slot = self.hasher.try_reserve(request.source)?;
        let phc = slot.hash(request.password.as_bytes(), self.random.bytes()).await?;
        let (account, uuid) = (AccountId::draw(&self.random), Uuid::draw(&self.random));
        let session = request.start_session.then(|| self.draw_session(request.surface, now).by(AMR_PASSWORD));
        let tokens = session.as_ref().map(|session| session.tokens.clone());
        let profile = self.seal_profile(&readable)?;
        self.store.write(Register { account, uuid, username, email, profile, phc, session, now }).await?;
        audit("register", "made", Some(account), request.source);
        Ok(Registered { account, uuid, profile: readable, tokens })
    }
}
