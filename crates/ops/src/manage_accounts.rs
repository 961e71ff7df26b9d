//! What an operator does with accounts.

use countersign_model::account::{Profile, Standing};
use countersign_model::identifier::{Identifier, IdentifierKind};
use countersign_model::ids::{AccountId, SessionId, Uuid};
use countersign_model::keyring::Lookup;
use countersign_model::password::{Password, Rule};
use countersign_model::session::{ListedSession, Surface};
use countersign_model::time::Timestamp;
use countersign_store::accounts::{self, AccountRow};
use countersign_store::oauth::groups;
use countersign_store::{StoreError, Tx, Work, codes, identifiers, limits, registrations, sessions};

use crate::claim::Claim;
use crate::{AdminError, Core, Unavailable, hasher};

/// A new account, made by an operator.
#[derive(Debug, Default)]
pub struct AddAccount<'a> {
    /// At least one of the three; they count as verified.
    pub username: Option<Identifier>,
    /// See `username`.
    pub email: Option<Identifier>,
    /// See `username`.
    pub phone: Option<Identifier>,
    /// 004's `first_name`.
    pub first_name: String,
    /// 004's `last_name`.
    pub last_name: String,
    /// A password that meets the strict rule; none: the owner resets it.
    pub password: Option<&'a Password>,
    /// Instead: a hash from another system (Argon2, bcrypt, scrypt, PBKDF2, Django's forms).
    pub password_hash: Option<String>,
}

/// An account as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// The integer id.
    pub id: AccountId,
    /// The public id.
    pub uuid: Uuid,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it may be used.
    pub standing: Standing,
    /// What people can read about it.
    pub profile: Profile,
    /// What it is found by, and since when that is verified.
    pub identifiers: Vec<(IdentifierKind, Option<Timestamp>)>,
    /// Whether a password is set.
    pub has_password: bool,
}

impl Core {
    /// Makes an account.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn add_account(&self, request: AddAccount<'_>) -> Result<AccountId, AdminError> {
        let given = |identifier: &Option<Identifier>| identifier.as_ref().map(|it| it.given().to_owned());
        let profile = Profile {
            username: given(&request.username),
            email: given(&request.email),
            phone: given(&request.phone),
            first_name: request.first_name,
            last_name: request.last_name,
        };
        let phc = match (request.password, request.password_hash) {
            (Some(password), _) => Some(self.hash_accepted(password, Rule::Strict, &profile).await?),
            (None, Some(hash)) if hasher::is_known_form(&hash) => Some(hash),
            (None, Some(_)) => return Err(AdminError::HashUnknown),
            (None, None) => None,
        };
        let all = [request.username, request.email, request.phone];
        let lookups: Vec<Lookup> =
            all.iter().flatten().map(|identifier| self.keyring.lookup(identifier)).collect();
        let add = Add {
            id: AccountId::draw(&self.random),
            uuid: Uuid::draw(&self.random),
            profile: self.seal_profile(&profile)?,
            claims: self.mere_claims(&lookups).await?,
            lookups,
            phc,
            now: self.clock.now(),
        };
        self.store.write(add).await
    }

    /// What gives way to an operator's word as it does to a proof (decision 0006): claims of accounts that have another
    /// address or number.
    async fn mere_claims(&self, lookups: &[Lookup]) -> Result<Vec<Claim>, Unavailable> {
        let mut tx = self.store.read().await?;
        let mut claims = Vec::new();
        for lookup in lookups {
            match identifiers::find(&mut tx, lookup).await? {
                Some(owner) if owner.is_mere_claim => {
                    claims.extend(self.gather_claim(&mut tx, *lookup, owner).await?);
                }
                Some(_) | None => {}
            }
        }
        Ok(claims)
    }

    /// Accounts in the order of their ids, those behind `after`.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn list_accounts(
        &self,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<AccountRecord>, AdminError> {
        let mut tx = self.store.read().await?;
        let mut records = Vec::new();
        for row in accounts::list(&mut tx, after.unwrap_or(AccountId(0)), limit).await? {
            records.push(self.account_record(&mut tx, row).await?);
        }
        Ok(records)
    }

    /// The account with this integer id, public id or identifier.
    ///
    /// A number that is no account's id may still be a phone number or a name.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn find_account(&self, name: &str) -> Result<AccountRecord, AdminError> {
        let mut tx = self.store.read().await?;
        let by_id = match (name.parse().map(AccountId), Uuid::parse(name)) {
            (Ok(id), _) => accounts::find(&mut tx, id).await?,
            (Err(_), Some(uuid)) => accounts::find_by_uuid(&mut tx, uuid).await?,
            (Err(_), None) => None,
        };
        let row = match (by_id, Identifier::any(name, self.settings.phone_region)) {
            (Some(row), _) => Some(row),
            (None, Some(identifier)) => {
                match identifiers::find(&mut tx, &self.keyring.lookup(&identifier)).await? {
                    Some(owner) => accounts::find(&mut tx, owner.account).await?,
                    None => None,
                }
            }
            (None, None) => None,
        };
        self.account_record(&mut tx, row.ok_or(AdminError::NotFound)?).await
    }

    /// Stops an account and ends its sessions.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn suspend_account(&self, id: AccountId) -> Result<(), AdminError> {
        self.change_account(id, Change::Suspend).await
    }

    /// Lets a suspended account be used again; its old sessions stay ended.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn restore_account(&self, id: AccountId) -> Result<(), AdminError> {
        self.change_account(id, Change::Restore).await
    }

    /// Ends an account for good: its identifiers are free, its ids are never given out again.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn close_account(&self, id: AccountId) -> Result<(), AdminError> {
        let empty_profile = self.seal_profile(&Profile::default())?;
        self.change_account(id, Change::Close { empty_profile }).await
    }

    /// Sets a password and ends all sessions.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn set_password(
        &self,
        id: AccountId,
        password: &Password,
        rule: Rule,
    ) -> Result<(), AdminError> {
        let row = accounts::find(&mut self.store.read().await?, id).await?;
        let row = row.filter(|row| row.standing != Standing::Closed).ok_or(AdminError::NotFound)?;
        let profile = self.open_profile(&row.profile)?;
        let phc = self.hash_accepted(password, rule, &profile).await?;
        self.change_account(id, Change::SetPassword { phc }).await
    }

    /// The sessions of an account that are still valid.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn list_sessions(&self, id: AccountId) -> Result<Vec<ListedSession>, AdminError> {
        let mut tx = self.store.read().await?;
        accounts::find(&mut tx, id).await?.ok_or(AdminError::NotFound)?;
        Ok(sessions::list(&mut tx, id, self.clock.now()).await?)
    }

    /// Ends one session.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn end_session(&self, id: AccountId, session: SessionId) -> Result<(), AdminError> {
        self.change_account(id, Change::EndSession { session }).await
    }

    /// Ends all sessions of an account.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn end_sessions(&self, id: AccountId) -> Result<(), AdminError> {
        self.change_account(id, Change::EndSessions).await
    }

    async fn change_account(&self, id: AccountId, change: Change) -> Result<(), AdminError> {
        let done = self.store.write(ChangeAccount { id, change, now: self.clock.now() }).await?;
        self.outbox_changed.notify_one();
        if done { Ok(()) } else { Err(AdminError::NotFound) }
    }

    /// Hashes a password that meets the rule.
    async fn hash_accepted(
        &self,
        password: &Password,
        rule: Rule,
        profile: &Profile,
    ) -> Result<String, AdminError> {
        self.check_password(rule, password, profile).await?;
        let slot = self.hasher.try_reserve(crate::Source::Local).map_err(Unavailable::from)?;
        Ok(slot.hash(password.as_bytes(), self.random.bytes()).await.map_err(Unavailable::from)?)
    }

    async fn account_record(&self, tx: &mut Tx<'_>, row: AccountRow) -> Result<AccountRecord, AdminError> {
        Ok(AccountRecord {
            id: row.id,
            uuid: row.uuid,
            created_at: row.created_at,
            standing: row.standing,
            profile: self.open_profile(&row.profile)?,
            identifiers: identifiers::of_account(tx, row.id).await?,
            has_password: row.phc.is_some(),
        })
    }
}

/// A new account, with all that is drawn and sealed before.
struct Add {
    id: AccountId,
    uuid: Uuid,
    profile: Vec<u8>,
    lookups: Vec<Lookup>,
    /// Who has one of them without having proven it.
    claims: Vec<Claim>,
    phc: Option<String>,
    now: Timestamp,
}

impl Work for Add {
    type Output = AccountId;
    type Error = AdminError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<AccountId, AdminError> {
        let inserted = accounts::insert(tx, self.id, self.uuid, &self.profile, false, self.now).await;
        inserted.map_err(Unavailable::from)?;
        for claim in &self.claims {
            claim.give_way(tx).await?;
        }
        for lookup in &self.lookups {
            if !identifiers::insert(tx, lookup, self.id, Some(self.now)).await? {
                return Err(AdminError::Taken(lookup.kind));
            }
            match lookup.kind {
                IdentifierKind::Username => registrations::lapse_username(tx, &lookup.hash).await?,
                IdentifierKind::Email => {
                    registrations::lapse_email(tx, Surface::Authd, &lookup.hash).await?;
                }
                IdentifierKind::Phone => {}
            }
        }
        if let Some(phc) = &self.phc {
            accounts::set_password(tx, self.id, phc, self.now).await?;
        }
        Ok(self.id)
    }
}

enum Change {
    Suspend,
    Restore,
    Close { empty_profile: Vec<u8> },
    SetPassword { phc: String },
    EndSession { session: SessionId },
    EndSessions,
}

/// A change of an account; yields `false` if there is none in use to change.
struct ChangeAccount {
    id: AccountId,
    change: Change,
    now: Timestamp,
}

impl Work for ChangeAccount {
    type Output = bool;
    type Error = StoreError;

    /// The account's row is written first: where it raises the epoch, sessions that are being started
    /// or refreshed at this moment end too.
    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let (id, now) = (self.id, self.now);
        let changed = match &self.change {
            Change::Suspend => accounts::suspend(tx, id, now).await?,
            Change::Restore => return accounts::restore(tx, id).await,
            Change::Close { empty_profile } => accounts::close(tx, id, empty_profile, now).await?,
            Change::EndSession { session } => return sessions::end(tx, id, *session, now).await,
            Change::SetPassword { .. } | Change::EndSessions => {
                accounts::raise_epoch(tx, id).await?.is_some()
            }
        };
        if !changed {
            return Ok(false);
        }
        sessions::clear(tx, id, now).await?;
        match &self.change {
            // Codes that are out keep working: they are about the account's addresses.
            Change::EndSessions | Change::Restore | Change::EndSession { .. } => return Ok(true),
            Change::Suspend => {}
            Change::SetPassword { phc } => accounts::set_password(tx, id, phc, now).await?,
            Change::Close { .. } => {
                accounts::remove_password(tx, id).await?;
                identifiers::remove_all(tx, id).await?;
                limits::forget_sources(tx, id).await?;
                groups::forget_account(tx, id).await?;
            }
        }
        codes::void_owner(tx, id, now).await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
