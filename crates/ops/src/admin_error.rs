//! Why what an operator asked for was not done.

use countersign_model::identifier::IdentifierKind;
use countersign_model::password::Fault;
use countersign_store::StoreError;

use crate::Unavailable;

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// There is no such account, session, message or key.
    #[error("not found")]
    NotFound,
    /// The operator has set this key by configuration: it is changed there.
    #[error("the key is set by configuration")]
    KeyFromFile,
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

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> AdminError {
        AdminError::Unavailable(error.into())
    }
}
