//! What an operator does with accounts.

use countersign_model::account::{Profile, Standing};
use countersign_model::identifier::{Identifier, IdentifierKind};
use countersign_model::ids::{AccountId, SessionId, Uuid};
use countersign_model::password::{Fault, Password, Rule};
use countersign_model::session::Session;
use countersign_model::time::Timestamp;

use crate::{Core, Unavailable};

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// There is no such account, session, message or key.
    #[error("not found")]
    NotFound,
    /// Another account has one of the identifiers.
    #[error("the {0:?} is taken")]
    Taken(IdentifierKind),
    /// The password does not meet the rule.
    #[error("the password does not meet the rule")]
    Password(Vec<Fault>),
    /// The imported password hash is of no known form.
    #[error("the password hash is of no known form")]
    HashUnknown,
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

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
        Err(Unavailable::Store.into())
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
        Err(Unavailable::Store.into())
    }

    /// The account with this integer id, public id or identifier.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn find_account(&self, name: &str) -> Result<AccountRecord, AdminError> {
        Err(Unavailable::Store.into())
    }

    /// Stops an account and ends its sessions.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn suspend_account(&self, id: AccountId) -> Result<(), AdminError> {
        Err(Unavailable::Store.into())
    }

    /// Lets a suspended account be used again; its old sessions stay ended.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn restore_account(&self, id: AccountId) -> Result<(), AdminError> {
        Err(Unavailable::Store.into())
    }

    /// Ends an account for good: its identifiers are free, its ids are never given out again.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn close_account(&self, id: AccountId) -> Result<(), AdminError> {
        Err(Unavailable::Store.into())
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
        Err(Unavailable::Store.into())
    }

    /// The sessions of an account that are still valid.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn list_sessions(&self, id: AccountId) -> Result<Vec<Session>, AdminError> {
        Err(Unavailable::Store.into())
    }

    /// Ends one session.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn end_session(&self, id: AccountId, session: SessionId) -> Result<(), AdminError> {
        Err(Unavailable::Store.into())
    }

    /// Ends all sessions of an account.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn end_sessions(&self, id: AccountId) -> Result<(), AdminError> {
        Err(Unavailable::Store.into())
    }
}
