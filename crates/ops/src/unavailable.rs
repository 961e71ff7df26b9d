//! The server cannot do its work just now.

use std::time::Duration;

use countersign_model::limit::RetryAfter;

/// Why an operation could not be done at all. Nothing was changed; the same request may be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The database does not answer or failed. The reason is in the log, not here.
    #[error("the store is not available")]
    Store,
    /// More passwords wait to be hashed than can be served soon.
    #[error("too many sign-ins at once; {0}")]
    Busy(RetryAfter),
}

impl Unavailable {
    /// When to try again.
    pub fn retry_after(self) -> RetryAfter {
        match self {
            Unavailable::Store => RetryAfter(Duration::from_secs(1)),
            Unavailable::Busy(after) => after,
        }
    }
}

impl From<countersign_store::StoreError> for Unavailable {
    /// The reason goes to the log: it names no value of any row.
    fn from(error: countersign_store::StoreError) -> Unavailable {
        tracing::error!(%error, "the store failed");
        Unavailable::Store
    }
}

impl From<crate::hasher::Busy> for Unavailable {
    fn from(busy: crate::hasher::Busy) -> Unavailable {
        Unavailable::Busy(RetryAfter(busy.retry_after))
    }
}

impl From<crate::hasher::HashError> for Unavailable {
    fn from(error: crate::hasher::HashError) -> Unavailable {
        tracing::error!(%error, "a password was not hashed");
        Unavailable::Busy(RetryAfter(Duration::from_secs(1)))
    }
}
