//! Removes what has expired and notes how far the clock has come.

use crate::{Core, Unavailable};

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Rows of all tables.
    pub rows: u64,
}

impl Core {
    /// Removes expired codes, tokens and registrations and old messages, a bounded number at a time.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn sweep(&self) -> Result<Swept, Unavailable> {
        Err(Unavailable::Store)
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn check_ready(&self) -> Result<(), Unavailable> {
        Err(Unavailable::Store)
    }
}
