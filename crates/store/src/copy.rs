//! Moves a store from one database to another.
//!
//! The rows are read in the order of their primary keys from one snapshot of the source, and the
//! target is read again afterwards: the copy counts only if both have the same rows.

mod digest;
mod tables;

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::{Database, OpenError, Param, Store, StoreError, Tx, Value, Work};
use countersign_model::time::Timestamp;
use digest::RowsDigest;
use tables::{TABLES, Table};

/// Rows that are read at once and written in one unit of work.
const PAGE: i64 = 500;

/// How far a copy or a backup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub doing: &'static str,
    /// How much of it has been done.
    pub done: u64,
    /// Of how much.
    pub total: u64,
    /// Of what.
    pub unit: &'static str,
}

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyReport {
    /// Every table.
    pub tables: Vec<CopiedTable>,
}

/// A table that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub name: &'static str,
    /// How many rows it has.
    pub rows: u64,
    /// A digest of its rows in any order, hexadecimal: the same on every engine.
    pub digest: String,
}

/// Why a store was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The target holds data already. Nothing was written.
    #[error("the target is not empty: its table {0} has rows")]
    NotEmpty(&'static str),
    /// One of the two lacks a migration. Nothing was written.
    #[error("a database is not of the schema of this version: migrate it first")]
    NotMigrated,
    /// What was read from the target is not what was read from the source.
    #[error("the copy of the table {0} differs from the original")]
    Differs(&'static str),
    /// The file of a backup cannot be made.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// A database cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies every row of `from` to `to`, which must be migrated and empty, and compares the two.
///
/// The source is read from one snapshot; what is written to it meanwhile is not copied, so the
/// servers should be stopped when `to` is to replace it.
///
/// # Errors
/// [`CopyError`]. After a failure in the middle, rows may stand in the target.
pub async fn copy(
    from: &Store,
    to: &Store,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<CopyReport, CopyError> {
    for store in [from, to] {
        if !store.migrate(None).await?.is_empty() {
            return Err(CopyError::NotMigrated);
        }
    }
    for table in TABLES {
        if !to.read().await?.query(table.first_page, &[Param::Int(1)]).await?.is_empty() {
            return Err(CopyError::NotEmpty(table.name));
        }
    }
    let report = read_snapshot(from, to, &mut progress).await?;
    let mut written = to.read().await?;
    let total = report.tables.iter().map(|table| table.rows).sum();
    let mut before = 0;
    for table in &report.tables {
        let found = TABLES.iter().find(|known| known.name == table.name);
        let reread = match found {
            Some(known) => {
                let tell = |rows| {
                    progress(Progress { doing: "comparing", done: before + rows, total, unit: "rows" });
                };
                Some(walk(&mut written, known, None, tell).await?)
            }
            None => None,
        };
        if reread.as_ref() != Some(table) {
            return Err(CopyError::Differs(table.name));
        }
        before += table.rows;
    }
    Ok(report)
}

impl Store {
    /// Writes a consistent copy to a new SQLite file that only its owner can read, also while the
    /// database is in use.
    ///
    /// # Errors
    /// [`CopyError`]; what this call has made of the file is gone then, and one that was there is untouched.
    pub async fn backup(
        &self,
        to: &Path,
        now: Timestamp,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<(), CopyError> {
        create_private(to)?;
        let written = self.fill(to, now, &mut progress).await;
        if written.is_err() {
            // It was made above, and half a backup is worse than none.
            let _ = std::fs::remove_file(to);
        }
        written
    }

    async fn fill(
        &self,
        to: &Path,
        now: Timestamp,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), CopyError> {
        if self.backup_file(to, progress)? {
            return Ok(());
        }
        // An open SQLite database is a file and its write-ahead log; the second step makes it one file.
        let staging = Staging::beside(to)?;
        let database = Store::open(&Database::Sqlite(staging.0.clone())).await?;
        database.migrate(Some(now)).await?;
        copy(self, &database, &mut *progress).await?;
        database.backup_file(to, progress)?;
        Ok(())
    }
}

/// Sealed or not, a backup is for its owner's eyes only.
fn create_private(path: &Path) -> Result<(), std::io::Error> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// A database that is made on the way, removed at the end.
struct Staging(PathBuf);

impl Staging {
    fn beside(path: &Path) -> Result<Staging, std::io::Error> {
        let staging = suffixed(path, ".unfinished");
        create_private(&staging)?;
        Ok(Staging(staging))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            // What cannot be removed is seen beside the backup, under its telling name.
            let _ = std::fs::remove_file(suffixed(&self.0, suffix));
        }
    }
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Copies all tables as they were at one moment.
async fn read_snapshot(
    from: &Store,
    to: &Store,
    progress: impl FnMut(Progress) + Send,
) -> Result<CopyReport, CopyError> {
    let snapshot = Snapshot { to, progress: Mutex::new(progress) };
    match from {
        Store::Sqlite(sqlite) => snapshot.copy(&mut sqlite.read_one_moment()?).await,
        Store::Postgres(postgres) => postgres.write(&snapshot).await,
    }
}

/// On PostgreSQL only a unit of work has a connection, and so a snapshot, of its own.
struct Snapshot<'a, F> {
    to: &'a Store,
    progress: Mutex<F>,
}

impl<F: FnMut(Progress) + Send> Work for Snapshot<'_, F> {
    type Output = CopyReport;
    type Error = CopyError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<CopyReport, CopyError> {
        tx.batch("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
        self.copy(tx).await
    }
}

impl<F: FnMut(Progress) + Send> Snapshot<'_, F> {
    async fn copy(&self, tx: &mut Tx<'_>) -> Result<CopyReport, CopyError> {
        let mut tables = Vec::with_capacity(TABLES.len());
        let (mut before, total) = (0, count(tx).await?);
        for table in TABLES {
            let tell = |rows| {
                let progress = Progress { doing: "copying", done: before + rows, total, unit: "rows" };
                self.progress.lock().unwrap_or_else(PoisonError::into_inner)(progress);
            };
            let copied = walk(tx, table, Some(self.to), tell).await?;
            before += copied.rows;
            tables.push(copied);
        }
        Ok(CopyReport { tables })
    }
}

/// The rows of all tables.
async fn count(tx: &mut Tx<'_>) -> Result<u64, StoreError> {
    let mut total = 0;
    for table in TABLES {
        let row = tx.query_opt(table.count, &[]).await?;
        total += row.map_or(Ok(0), |row| row.int(0))?;
    }
    Ok(u64::try_from(total).unwrap_or(0))
}

/// Reads a whole table page by page, and writes each page to another store, if there is one.
async fn walk(
    tx: &mut Tx<'_>,
    table: &'static Table,
    to: Option<&Store>,
    mut tell: impl FnMut(u64),
) -> Result<CopiedTable, StoreError> {
    let mut digest = RowsDigest::default();
    let mut last: Vec<Value> = Vec::new();
    loop {
        let page = {
            let mut params = vec![Param::Int(PAGE)];
            params.extend(last.iter().map(Value::as_param));
            tx.query(if last.is_empty() { table.first_page } else { table.next_page }, &params).await?
        };
        let rows: Vec<Vec<Value>> = page.into_iter().map(crate::Row::into_values).collect();
        rows.iter().for_each(|row| digest.add(row));
        let Some(end) = rows.last() else { break };
        last = end.iter().take(table.key_columns).cloned().collect();
        if let Some(to) = to {
            to.write(Insert { sql: table.insert, rows }).await?;
        }
        tell(digest.rows);
    }
    Ok(CopiedTable { name: table.name, rows: digest.rows, digest: digest.text() })
}

struct Insert {
    sql: &'static str,
    rows: Vec<Vec<Value>>,
}

impl Work for Insert {
    type Output = ();
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        for row in &self.rows {
            let params: Vec<Param<'_>> = row.iter().map(Value::as_param).collect();
            tx.execute(self.sql, &params).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
