//! Changes what people can read about an account (004 `PATCH /auth/profile/`).

use countersign_model::identifier::{Identifier, IdentifierKind};
use countersign_model::ids::AccountId;
use countersign_model::keyring::Lookup;
use countersign_model::message::Template;
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;
use countersign_store::{StoreError, Tx, Work, accounts, codes, identifiers, tokens};

use crate::check_session::Principal;
use crate::outgoing::Outgoing;
use crate::{Core, Unavailable};

/// The changes; what is `None` stays.
#[derive(Debug)]
pub struct UpdateProfile<'a> {
    /// A token of the account.
    pub token: &'a str,
    /// The new address; not verified until proven.
    pub email: Option<Identifier>,
    /// The new first name.
    pub first_name: Option<String>,
    /// The new last name.
    pub last_name: Option<String>,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateProfileError {
    /// The token is not valid.
    #[error("the session is not valid")]
    SessionInvalid,
    /// Another account has the address.
    #[error("the e-mail is taken")]
    EmailTaken,
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

struct Update {
    digest: TokenDigest,
    account: AccountId,
    version: i64,
    profile: Vec<u8>,
    email: Option<Lookup>,
    notice: Option<Outgoing>,
    now: Timestamp,
}

impl Work for Update {
    /// Whether the profile was still the one that was read.
    type Output = bool;
    type Error = UpdateProfileError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, UpdateProfileError> {
        if !accounts::set_profile(tx, self.account, self.version, &self.profile).await? {
            return Ok(false);
        }
        // Now that the account's row is held, nobody raises its epoch: a session that was ended since
        // it was looked up changes nothing any more (R065).
        tokens::find_valid(tx, &self.digest, self.now).await?.ok_or(UpdateProfileError::SessionInvalid)?;
        let Some(email) = &self.email else { return Ok(true) };
        let owner = identifiers::find(tx, email).await?.map(|found| found.account);
        if owner == Some(self.account) {
            return Ok(true);
        }
        identifiers::remove(tx, self.account, IdentifierKind::Email).await?;
        if !identifiers::insert(tx, email, self.account, None).await? {
            return Err(UpdateProfileError::EmailTaken);
        }
        codes::void_owner(tx, self.account, self.now).await?;
        if let Some(notice) = &self.notice {
            notice.queue(tx, self.now).await?;
        }
        Ok(true)
    }
}

/// How often a change is begun again because another one came first.
const TRIES: u32 = 16;

impl Core {
    /// Changes what people can read about an account (004 `PATCH /auth/profile/`).
    ///
    /// # Errors
    /// [`UpdateProfileError`].
    pub async fn update_profile(&self, request: UpdateProfile<'_>) -> Result<Principal, UpdateProfileError> {
        for _ in 0..TRIES {
            if let Some(done) = self.try_update(&request).await? {
                return Ok(done);
            }
        }
        Err(StoreError::Unavailable("the profile changes all the time".to_owned()).into())
    }

    async fn try_update(&self, request: &UpdateProfile<'_>) -> Result<Option<Principal>, UpdateProfileError> {
        let now = self.clock.now();
        let mut tx = self.store.read().await?;
        let digest = TokenDigest::of(request.token);
        let found = tokens::find_valid(&mut tx, &digest, now).await?;
        let found = found.filter(|found| found.purpose.grants_access());
        let found = found.ok_or(UpdateProfileError::SessionInvalid)?;
        let of_account = identifiers::of_account(&mut tx, found.account).await?;
        drop(tx);
        let before = self.open_profile(&found.profile)?;
        let mut profile = before.clone();
        let mut notice = None;
        if let Some(email) = &request.email {
            profile.email = Some(email.given().to_owned());
            let was_verified = of_account
                .iter()
                .any(|(kind, verified_at)| *kind == IdentifierKind::Email && verified_at.is_some());
            notice = self.draw_notice(Template::EmailChanged, before.email.as_ref().filter(|_| was_verified));
        }
        profile.first_name = request.first_name.clone().unwrap_or(profile.first_name);
        profile.last_name = request.last_name.clone().unwrap_or(profile.last_name);
        let work = Update {
            digest,
            account: found.account,
            version: found.version,
            profile: self.seal_profile(&profile)?,
            email: request.email.as_ref().map(|email| self.keyring.lookup(email)),
            notice,
            now,
        };
        if !self.store.write(work).await? {
            return Ok(None);
        }
        self.outbox_changed.notify_one();
        Ok(Some(Principal {
            account: found.account,
            uuid: found.uuid,
            session: found.session,
            purpose: found.purpose,
            issued_at: found.issued_at,
            expires_at: found.expires_at,
            profile,
        }))
    }
}
