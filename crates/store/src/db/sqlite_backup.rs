//! A copy of a SQLite file while it is in use.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::StoreError;
use super::sqlite::store_error;
use crate::copy::Progress;

/// Pages that are copied at once.
const STEP: i32 = 1024;

/// Writes it to a new file.
pub fn write(
    from: &Connection,
    to: &Path,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), StoreError> {
    let mut target = Connection::open(to).map_err(store_error)?;
    let backup = Backup::new(from, &mut target).map_err(store_error)?;
    loop {
        let step = backup.step(STEP).map_err(store_error)?;
        let at = backup.progress();
        let [left, total] = [at.remaining, at.pagecount].map(|pages| u64::try_from(pages).unwrap_or(0));
        progress(Progress { doing: "writing", done: total.saturating_sub(left), total, unit: "pages" });
        if step == StepResult::Done {
            return Ok(());
        }
        // Others who write the file get their turn.
        std::thread::sleep(Duration::from_millis(1));
    }
}
