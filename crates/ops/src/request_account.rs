//! Opens a registration that a link in a mail confirms (001).

use countersign_model::identifier::Identifier;
use countersign_model::ids::Uuid;
use countersign_model::limit::RetryAfter;
use countersign_model::password::{Fault, Password, Rule};

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

impl Core {
    /// Opens a registration that a link in a mail confirms (001).
    ///
    /// # Errors
    /// [`RequestAccountError`].
    pub async fn request_account(
        &self,
        request: RequestAccount<'_>,
    ) -> Result<RequestedAccount, RequestAccountError> {
        Err(Unavailable::Store.into())
    }
}
