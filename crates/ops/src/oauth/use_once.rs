//! What works once: assertions, proofs and request objects, by the ids that their makers gave them.

use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;
use countersign_store::oauth::seen;
use countersign_store::{StoreError, Tx, Work};

use crate::{Core, Unavailable};

struct Note {
    id: TokenDigest,
    until: Timestamp,
}

impl Work for Note {
    type Output = bool;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        seen::insert(tx, &self.id, self.until).await
    }
}

impl Core {
    /// Uses an id up: of any number of callers at once one gets `true`. It is remembered until the moment
    /// from which what bears it is refused anyway.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(crate) async fn use_once(&self, id: TokenDigest, until: Timestamp) -> Result<bool, Unavailable> {
        Ok(self.store.write(Note { id, until }).await?)
    }
}
