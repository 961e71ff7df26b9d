//! SQLite's write-ahead log: brings it into the file when it is long, so that it begins anew.
//!
//! SQLite would do so inside the commit that everybody waits for, and while readers hold the state before it.

use std::cell::Cell;
use std::ffi::c_int;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::sqlite::store_error;
use super::sqlite_readers::Readers;

/// From so many pages on the log is brought into the file.
const LONG: i32 = 8000;

/// From so many pages on it must be.
const VERY_LONG: i32 = 4 * LONG;

thread_local! {
    /// Pages in the log after this thread's last commit.
    static LOG: Cell<i32> = const { Cell::new(0) };
}

/// Notes after each commit of this connection how long the log is.
pub fn watch(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.wal_hook(Some(note))
}

fn note(_: &mut Wal, pages: c_int) -> rusqlite::Result<()> {
    LOG.set(pages);
    Ok(())
}

/// To be called before a commit: a log that is in the file as a whole begins anew with the next one, unless a reader
/// that is free holds a state in it.
pub fn make_way(readers: Option<&Readers>) {
    if LOG.get() >= LONG
        && let Some(readers) = readers
    {
        readers.rest();
    }
}

/// Shortens the log if it is long. Nobody waits for it but the next batch.
///
/// That takes a moment in which no reader is at a state before the last commit; where the log gets very long,
/// such a moment is waited for, but not for long: somebody may be reading a backup.
pub fn shorten(connection: &Connection, readers: Option<&Readers>) {
    let tries = match LOG.get() {
        ..LONG => return,
        LONG..VERY_LONG => 1,
        VERY_LONG.. => 20,
    };
    for _ in 0..tries {
        if let Some(readers) = readers {
            readers.rest();
        }
        let is_done = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            Ok(row.get::<_, i64>(1)? == row.get::<_, i64>(2)?)
        });
        match is_done {
            Ok(true) => return,
            Ok(false) => std::thread::yield_now(),
            Err(error) => {
                tracing::warn!(error = %store_error(error), "the log of the database could not be shortened");
                return;
            }
        }
    }
}
