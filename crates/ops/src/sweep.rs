//! Removes what has expired and notes how far the clock has come.

use std::sync::atomic::Ordering;

use countersign_model::time::Timestamp;
use countersign_store::{StoreError, Tx, Work, meta, sweep};

use crate::{Core, Unavailable};

/// Token slices per sweep: with a sweep a minute, all [`sweep::SLICES`] take a quarter of an hour.
const SLICES_AT_ONCE: u8 = 16;

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
        let now = self.clock.now();
        let mut rows = self.store.write(Expired(now)).await?;
        let first = self.sweep_slice.fetch_add(SLICES_AT_ONCE, Ordering::Relaxed);
        // Each slice is a unit of its own, so that sign-ins get in between.
        for step in 0..SLICES_AT_ONCE {
            rows += self.store.write(Slice { slice: first.wrapping_add(step), now }).await?;
        }
        Ok(Swept { rows })
    }

    /// Whether the store answers, with the schema in place.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn check_ready(&self) -> Result<(), Unavailable> {
        meta::find(&mut self.store.read().await?, "clock").await?;
        Ok(())
    }
}

struct Expired(Timestamp);

impl Work for Expired {
    type Output = u64;
    type Error = StoreError;

    /// The mark only rises: another node's clock may be ahead of this one's (R156).
    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        let micros = self.0.micros();
        let mark = meta::find(tx, "clock").await?.and_then(|bytes| bytes.try_into().ok());
        if mark.map(i64::from_be_bytes).is_none_or(|mark| mark < micros) {
            meta::set(tx, "clock", &micros.to_be_bytes()).await?;
        }
        sweep::expired(tx, self.0).await
    }
}

struct Slice {
    slice: u8,
    now: Timestamp,
}

impl Work for Slice {
    type Output = u64;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        sweep::tokens(tx, self.slice, self.now).await
    }
}
