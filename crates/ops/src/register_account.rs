//! Makes an account at once, with an address that is not verified yet (003, 004).

use countersign_model::account::Profile;
use countersign_model::identifier::Identifier;
use countersign_model::ids::{AccountId, Uuid};
use countersign_model::limit::RetryAfter;
use countersign_model::password::{Fault, Password, Rule};
use countersign_model::session::Surface;

use crate::SessionTokens;
use crate::{Core, Unavailable};

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

impl Core {
    /// Makes an account at once, with an address that is not verified yet (003, 004).
    ///
    /// # Errors
    /// [`RegisterAccountError`].
    pub async fn register_account(
        &self,
        request: RegisterAccount<'_>,
    ) -> Result<Registered, RegisterAccountError> {
        Err(Unavailable::Store.into())
    }
}
