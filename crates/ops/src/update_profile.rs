//! Changes what people can read about an account (004 `PATCH /auth/profile/`).

use countersign_model::identifier::Identifier;

use crate::check_session::Principal;
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

impl Core {
    /// Changes what people can read about an account (004 `PATCH /auth/profile/`).
    ///
    /// # Errors
    /// [`UpdateProfileError`].
    pub async fn update_profile(&self, request: UpdateProfile<'_>) -> Result<Principal, UpdateProfileError> {
        Err(Unavailable::Store.into())
    }
}
