//! SQLite's readers: connections that are used again, each on the thread that asks.
//!
//! Beginning and ending a transaction costs a fifth of a session check, so a reader that is free holds its
//! snapshot for the next statement, as long as it is the present one: until this process has committed
//! something, which it counts, or until [`SNAPSHOT`] is over, since another process may have.

use std::array::from_fn;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_model::shard::{SHARDS, shard};
use countersign_model::time::Stopwatch;
use rusqlite::{Connection, OpenFlags};

use super::StoreError;
use super::sqlite::{prepare, run_cached, store_error};

/// How long what another process (an operator's command) has committed may stay unseen.
pub const SNAPSHOT: Duration = Duration::from_millis(1);

/// Kept open for each share of the threads.
const IDLE: usize = 4;

/// How often this process has committed something.
#[derive(Clone, Debug, Default)]
struct Commits(Arc<AtomicU64>);

impl Commits {
    fn one_more(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A moment of the database: what was read since it was taken would be read again the same.
#[derive(Debug)]
pub struct Moment {
    commits: Commits,
    count: u64,
    age: Stopwatch,
}

impl Moment {
    /// Whether it is present still: nothing was committed since, but for what another process has within
    /// [`SNAPSHOT`].
    pub fn is_present(&self) -> bool {
        self.count == self.commits.count() && self.age.elapsed() < SNAPSHOT
    }
}

/// The readers of a file.
#[derive(Debug)]
pub struct Readers {
    commits: Commits,
    homes: [Arc<Home>; SHARDS],
}

/// The readers of a share of the threads.
#[derive(Debug)]
struct Home {
    path: PathBuf,
    commits: Commits,
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    snapshot: Option<Snapshot>,
}

#[derive(Debug)]
struct Snapshot {
    commits: u64,
    age: Stopwatch,
}

impl Readers {
    pub fn of(path: &Path) -> Readers {
        let commits = Commits::default();
        let home = |_| Home { path: path.to_owned(), commits: commits.clone(), idle: Mutex::default() };
        Readers { homes: from_fn(|shard| Arc::new(home(shard))), commits }
    }

    pub fn moment(&self) -> Moment {
        Moment { count: self.commits.count(), commits: self.commits.clone(), age: Stopwatch::start() }
    }

    pub fn take(&self) -> Result<Reader, StoreError> {
        let home = &self.homes[shard()];
        let idle = home.idle().pop();
        let Idle { connection, snapshot } = match idle {
            Some(idle) => idle,
            None => Idle { connection: open(&home.path)?, snapshot: None },
        };
        Ok(Reader { connection: Some(connection), snapshot, stays: false, home: Arc::clone(home) })
    }

    /// Something was committed, and nobody has been told so yet: from now on no statement sees the
    /// state before.
    pub fn told_of_commit(&self) {
        self.commits.one_more();
    }

    /// Ends all snapshots that wait for another statement: the log can begin anew only while nobody reads
    /// it, and would grow for ever under reads that never pause.
    pub fn rest(&self) {
        for home in &self.homes {
            home.idle().retain_mut(|idle| {
                idle.snapshot.take().is_none() || run_cached(&idle.connection, "COMMIT").is_ok()
            });
        }
    }
}

impl Home {
    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A read-only connection, given back when dropped.
pub struct Reader {
    connection: Option<Connection>,
    snapshot: Option<Snapshot>,
    /// Whether the first snapshot serves all statements.
    stays: bool,
    home: Arc<Home>,
}

impl Reader {
    /// With one snapshot for all statements, which begins with the first one.
    pub fn staying(mut self) -> Reader {
        self.end_snapshot();
        self.stays = true;
        self
    }

    /// The connection, which sees all that was committed before.
    pub fn connection(&mut self) -> Result<&Connection, StoreError> {
        // Before the snapshot is taken: it shows at least as many commits.
        let commits = self.home.commits.count();
        let is_present = self.snapshot.as_ref().is_some_and(|snapshot| {
            self.stays || snapshot.commits == commits && snapshot.age.elapsed() < SNAPSHOT
        });
        if !is_present {
            self.end_snapshot();
            let connection = self.connection.take().map_or_else(|| open(&self.home.path), Ok)?;
            // A connection that cannot begin is not used again.
            run_cached(&connection, "BEGIN")?;
            self.connection = Some(connection);
            self.snapshot = Some(Snapshot { commits, age: Stopwatch::start() });
        }
        self.connection.as_ref().ok_or_else(|| StoreError::Unavailable("no connection".to_owned()))
    }

    fn end_snapshot(&mut self) {
        if self.snapshot.take().is_some() {
            // A connection that cannot end is not used again.
            self.connection = self.connection.take().filter(|it| run_cached(it, "COMMIT").is_ok());
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let is_present = |snapshot: &Snapshot| snapshot.commits == self.home.commits.count() && !self.stays;
        if !self.snapshot.as_ref().is_some_and(is_present) {
            self.end_snapshot();
        }
        if let Some(connection) = self.connection.take() {
            let mut idle = self.home.idle();
            if idle.len() < IDLE {
                idle.push(Idle { connection, snapshot: self.snapshot.take() });
            }
        }
    }
}

fn open(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(store_error)?;
    prepare(&connection)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::super::sqlite::query;
    use super::super::{Database, Store, Tx, Work};
    use super::*;

    fn count(reader: &mut Reader) -> i64 {
        query(reader.connection().unwrap(), "SELECT COUNT(*) FROM t", &[]).unwrap()[0].int(0).unwrap()
    }

    fn wait() {
        let watch = Stopwatch::start();
        while watch.elapsed() < SNAPSHOT {
            std::thread::yield_now();
        }
    }

    /// What another connection commits is what another process commits: nobody counts it here.
    #[test]
    fn a_snapshot_is_held_and_given_up() {
        let folder = std::env::temp_dir().join(format!("countersign-readers-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("file.db");
        let writer = Connection::open(&path).unwrap();
        writer.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER)").unwrap();
        let readers = Readers::of(&path);
        let insert = || writer.execute_batch("INSERT INTO t VALUES (1)").unwrap();

        let mut reader = readers.take().unwrap();
        assert_eq!(count(&mut reader), 0);
        insert();
        readers.told_of_commit();
        assert_eq!(count(&mut reader), 1, "a commit of this process is seen at once");
        insert();
        wait();
        assert_eq!(count(&mut reader), 2, "a commit of another process is seen after a moment");
        drop(reader);

        let mut reader = readers.take().unwrap().staying();
        assert_eq!(count(&mut reader), 2);
        insert();
        readers.told_of_commit();
        wait();
        assert_eq!(count(&mut reader), 2, "who stays sees one moment");
        drop(reader);
        assert_eq!(count(&mut readers.take().unwrap()), 3, "and nobody else does");

        let moment = readers.moment();
        assert!(moment.is_present());
        readers.told_of_commit();
        assert!(!moment.is_present(), "a commit ends the moment");
        let moment = readers.moment();
        wait();
        assert!(!moment.is_present(), "and so does time: another process may have committed");

        readers.rest();
        let busy: i64 = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
        assert_eq!(busy, 0, "idle readers hold nothing after a rest");
        drop(readers);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    /// A unit of work of a hundred pages.
    struct Large;

    impl Work for Large {
        type Output = ();
        type Error = StoreError;

        async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
            tx.execute("DELETE FROM meta", &[]).await?;
            let sql = "INSERT INTO meta (name, value) VALUES ('large', ?1)";
            tx.execute(sql, &[(&vec![7; 200_000]).into()]).await.map(drop)
        }
    }

    #[tokio::test]
    async fn the_log_begins_anew_however_often_somebody_reads() {
        let folder = std::env::temp_dir().join(format!("countersign-log-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("file.db");
        let store = Store::open(&Database::Sqlite(path.clone())).await.unwrap();
        store.migrate(Some(countersign_model::time::Timestamp::from_micros(1))).await.unwrap();
        for _ in 0..400 {
            store.write(Large).await.unwrap();
            // The reader is free again and holds what it saw.
            store.read().await.unwrap().query("SELECT name FROM meta", &[]).await.unwrap();
        }
        let log = std::fs::metadata(path.with_extension("db-wal")).unwrap().len();
        assert!(log < 40_000_000, "{log} bytes of log after 80 MB in units of 200 kB");
        drop(store);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
