//! Removes what has expired and notes how far the clock has come.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use countersign_model::time::Timestamp;
use countersign_store::oauth::clients;
use countersign_store::sweep::{self, Indexed, Place, Range, WALKED, Walked};
use countersign_store::{StoreError, Tx, Work, meta};

use crate::{Core, Unavailable};

/// Pages of each table that a sweep looks at, besides those of which it removes much: at a sweep a
/// minute, 128,000 rows a minute. However many expire, a sweep goes on until they are few.
const PAGES: usize = 256;

/// A page was worth its reading if so many rows of it went.
const MUCH: u64 = sweep::PAGE / 10;

/// How far the walk through each table has come. In memory only: a restart begins anew.
#[derive(Debug)]
pub(crate) struct Places(Mutex<Vec<Place>>);

impl Default for Places {
    fn default() -> Places {
        Places(Mutex::new(WALKED.iter().map(Walked::start).collect()))
    }
}

impl Places {
    fn get(&self, table: usize) -> Option<Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(table).cloned()
    }

    fn set(&self, table: usize, place: Place) {
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(table) {
            *known = place;
        }
    }
}

/// How long a client of a metadata document is known after the document was needed last.
const DOCUMENTS_FOR: Duration = Duration::from_secs(90 * 86_400);

/// The same for one that nobody has allowed anything: anybody can name addresses. Longer than somebody may take for
/// the pages.
const UNUSED_DOCUMENTS_FOR: Duration = Duration::from_secs(3600);

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Rows of all tables.
    pub rows: u64,
}

impl Core {
    /// Removes expired codes, tokens, registrations and counters and old messages. Each unit of work
    /// removes a bounded number of rows, so that sign-ins get in between.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn sweep(&self) -> Result<Swept, Unavailable> {
        let now = self.clock.now();
        self.store.write(Mark(now)).await?;
        let mut rows = 0;
        for table in sweep::INDEXED {
            loop {
                let removed = self.store.write(Expired { table, now }).await?;
                rows += removed;
                if removed < sweep::UNIT {
                    break;
                }
            }
        }
        rows += self
            .store
            .write(ForgetDocuments {
                before: now.before(DOCUMENTS_FOR),
                unused: now.before(UNUSED_DOCUMENTS_FOR),
            })
            .await?;
        for number in 0..WALKED.len() {
            rows += self.walk(number, now).await?;
        }
        Ok(Swept { rows })
    }

    /// Goes on where the last walk through this table ended, to its end at most.
    async fn walk(&self, number: usize, now: Timestamp) -> Result<u64, Unavailable> {
        let (mut rows, mut pages) = (0, 0);
        let Some(table) = WALKED.get(number) else { return Ok(rows) };
        while let Some(place) = self.sweep_places.get(number).filter(|_| pages < PAGES) {
            let kept = self.settings.keep_messages;
            let page = table.look(&mut self.store.read().await?, place, now, kept).await?;
            let before = rows;
            for range in page.expired {
                rows += self.store.write(Clear { table, range }).await?;
            }
            pages += usize::from(rows - before < MUCH);
            let Some(end) = page.end else {
                self.sweep_places.set(number, table.start());
                break;
            };
            self.sweep_places.set(number, end);
            // On SQLite a read runs on this thread: others get a turn on it.
            tokio::task::yield_now().await;
        }
        Ok(rows)
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

struct Mark(Timestamp);

impl Work for Mark {
    type Output = ();
    type Error = StoreError;

    /// The mark only rises: another node's clock may be ahead of this one's (R156).
    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let micros = self.0.micros();
        let mark = meta::find(tx, "clock").await?.and_then(|bytes| bytes.try_into().ok());
        if mark.map(i64::from_be_bytes).is_none_or(|mark| mark < micros) {
            meta::set(tx, "clock", &micros.to_be_bytes()).await?;
        }
        Ok(())
    }
}

struct ForgetDocuments {
    before: Timestamp,
    unused: Timestamp,
}

impl Work for ForgetDocuments {
    type Output = u64;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        clients::remove_lapsed(tx, self.before, self.unused).await
    }
}

struct Expired {
    table: &'static Indexed,
    now: Timestamp,
}

impl Work for Expired {
    type Output = u64;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        sweep::expired(tx, self.table, self.now).await
    }
}

struct Clear {
    table: &'static Walked,
    range: Range,
}

impl Work for Clear {
    type Output = u64;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        self.table.clear(tx, &self.range).await
    }
}
