//! SQLite: readers that run inline, and one writer thread that gathers many units of work into
//! each durable commit.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use countersign_model::time::Stopwatch;
pub use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, ToSql};
use tokio::sync::{mpsc, oneshot};

use crate::copy::Progress;

pub use super::sqlite_readers::{Moment, Reader};
use super::sqlite_readers::{Readers, SNAPSHOT};
use super::{Inner, Param, Row, StoreError, Tx, Unusable, Value, Work};
use super::{sqlite_backup, sqlite_log};

/// Before this version a WAL could be corrupted by two connections (R150).
const OLDEST_VERSION: i32 = 3_051_003;

/// Units of work in one commit at most.
const BATCH: usize = 256;

/// Units of work that may wait; more are refused, so that the queue cannot grow without bound.
const QUEUE: usize = 8192;

/// How long another process (an operator's command) may hold the file before a unit of work is
/// refused (R153).
const BUSY_WITHIN: Duration = Duration::from_millis(900);

/// A SQLite file.
#[derive(Clone, Debug)]
pub struct Sqlite {
    // Before the writer, which closes the file for good after them.
    readers: Arc<Readers>,
    writer: mpsc::Sender<Box<dyn Job>>,
    /// How much longer than [`BUSY_WITHIN`] it waits, in milliseconds.
    patience: Arc<AtomicU64>,
}

impl Sqlite {
    /// Opens the file, makes it if it is missing, and starts its writer thread.
    pub fn open(path: &Path) -> Result<Sqlite, StoreError> {
        let version = rusqlite::version_number();
        if version < OLDEST_VERSION {
            return Err(StoreError::Broken(format!("SQLite {version} is older than {OLDEST_VERSION}")));
        }
        let connection = open_writer(path)?;
        let (writer, jobs) = mpsc::channel(QUEUE);
        let readers = Arc::new(Readers::of(path));
        let (file, told) = (path.to_owned(), Arc::downgrade(&readers));
        let patience = Arc::new(AtomicU64::new(0));
        let patient = Arc::clone(&patience);
        let writing = Writing::begin();
        std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || {
                write_loop(&file, connection, jobs, &told, &patient);
                drop(writing);
            })
            .map_err(|error| StoreError::Unavailable(format!("no writer thread: {error}")))?;
        Ok(Sqlite { readers, writer, patience })
    }

    pub fn wait_longer(&self, longer: Duration) {
        let millis = u64::try_from(longer.as_millis()).unwrap_or(u64::MAX);
        self.patience.store(millis, Ordering::Relaxed);
    }

    pub fn moment(&self) -> Moment {
        self.readers.moment()
    }

    pub fn reader(&self) -> Result<Reader, StoreError> {
        self.readers.take()
    }

    /// All statements see the same moment, however long it takes.
    pub fn read_one_moment(&self) -> Result<Tx<'static>, StoreError> {
        Ok(Tx(Inner::SqliteReader(self.readers.take()?.staying())))
    }

    /// Ends the snapshots that idle readers hold.
    pub fn rest(&self) {
        self.readers.rest();
    }

    pub async fn write<W: Work + 'static>(&self, work: W) -> Result<W::Output, W::Error> {
        let (reply, outcome) = oneshot::channel();
        let job = Pending { work, outcome: None, reply };
        if self.writer.try_send(Box::new(job)).is_err() {
            return Err(StoreError::Unavailable("the write queue is full".to_owned()).into());
        }
        match outcome.await {
            Ok(outcome) => outcome,
            Err(_) => Err(StoreError::Unavailable("the writer thread ended".to_owned()).into()),
        }
    }

    pub fn backup(&self, to: &Path, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<(), StoreError> {
        let mut reader = self.reader()?;
        sqlite_backup::write(reader.connection()?, to, progress)
    }

    pub fn check_integrity(&self) -> Result<Vec<String>, StoreError> {
        let found = query(self.reader()?.connection()?, "PRAGMA integrity_check", &[])?;
        let lines = found.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }
}

/// Writer threads that have a file open.
static WRITERS: Mutex<usize> = Mutex::new(0);
static WRITER_ENDED: Condvar = Condvar::new();

/// While this is there, a writer thread is at work.
struct Writing;

impl Writing {
    fn begin() -> Writing {
        *WRITERS.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Writing
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        *WRITERS.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        WRITER_ENDED.notify_all();
    }
}

/// Waits until every store that was dropped has closed its file, which leaves one file behind without a
/// write-ahead log; at most so long.
pub fn wait_until_closed(at_most: Duration) {
    let writers = WRITERS.lock().unwrap_or_else(PoisonError::into_inner);
    // Whatever comes of it: what was committed is on disk, and the next one to open the file tidies up.
    let _ = WRITER_ENDED.wait_timeout_while(writers, at_most, |writers| *writers > 0);
    // By the time that this process has ended, a server in another one sees what it has committed.
    std::thread::sleep(SNAPSHOT);
}

fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path).map_err(store_error)?;
    prepare(&connection)?;
    // FULL: a commit returns after the WAL is on disk (design 3.5).
    // Rows are small and asked for at random: smaller pages are less to copy (docs/decisions/0008-hot-path.md).
    let settings = "PRAGMA page_size = 2048; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                    PRAGMA journal_size_limit = 67108864; PRAGMA foreign_keys = OFF;";
    connection.execute_batch(settings).map_err(store_error)?;
    sqlite_log::watch(&mut connection).map_err(store_error)?;
    Ok(connection)
}

pub(super) fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_WITHIN).map_err(store_error)?;
    connection.set_prepared_statement_cache_capacity(128);
    // Without it SQLite plans a statement anew for every new value of a parameter that might change the plan,
    // which costs several times what the statement does.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(store_error)?;
    connection.execute_batch("PRAGMA cache_size = -4000; PRAGMA trusted_schema = OFF;").map_err(store_error)
}

/// A unit of work on its way through the writer thread.
trait Job: Send {
    /// Does the work inside a savepoint.
    fn run(&mut self, connection: &mut Connection);
    /// Tells the caller, after the commit.
    fn answer(self: Box<Self>, committed: &Result<(), StoreError>);
}

struct Pending<W: Work> {
    work: W,
    outcome: Option<Result<W::Output, W::Error>>,
    reply: oneshot::Sender<Result<W::Output, W::Error>>,
}

impl<W: Work> Job for Pending<W> {
    fn run(&mut self, connection: &mut Connection) {
        let outcome = in_savepoint(connection, &self.work);
        self.outcome = Some(outcome);
    }

    fn answer(self: Box<Self>, committed: &Result<(), StoreError>) {
        let outcome = match (self.outcome, committed) {
            (Some(Ok(_)), Err(error)) => Err(error.clone().into()),
            (Some(outcome), _) => outcome,
            (None, _) => Err(StoreError::Unavailable("the work was not begun".to_owned()).into()),
        };
        // The caller may be gone; what was written stays written.
        let _ = self.reply.send(outcome);
    }
}

fn in_savepoint<W: Work>(connection: &mut Connection, work: &W) -> Result<W::Output, W::Error> {
    run_cached(connection, "SAVEPOINT job")?;
    let done = catch_unwind(AssertUnwindSafe(|| {
        let mut tx = Tx(Inner::SqliteWriter(connection));
        now_or_never(work.run(&mut tx))
    }));
    let outcome = match done {
        Ok(Some(outcome)) => outcome,
        Ok(None) => Err(StoreError::Broken("a unit of work waited for something".to_owned()).into()),
        Err(_) => Err(StoreError::Broken("a unit of work panicked".to_owned()).into()),
    };
    if outcome.is_err() {
        run_cached(connection, "ROLLBACK TO job")?;
    }
    run_cached(connection, "RELEASE job")?;
    outcome
}

/// The result of a future that never waits: on SQLite no statement does.
fn now_or_never<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn write_loop(
    path: &Path,
    mut connection: Connection,
    mut jobs: mpsc::Receiver<Box<dyn Job>>,
    readers: &Weak<Readers>,
    patience: &AtomicU64,
) {
    let mut batch: Vec<Box<dyn Job>> = Vec::with_capacity(BATCH);
    while let Some(first) = jobs.blocking_recv() {
        batch.push(first);
        while batch.len() < BATCH {
            match jobs.try_recv() {
                Ok(job) => batch.push(job),
                Err(_) => break,
            }
        }
        let readers = readers.upgrade();
        sqlite_log::make_way(readers.as_deref());
        let longer = Duration::from_millis(patience.load(Ordering::Relaxed));
        let committed = commit_batch(&mut connection, &mut batch, longer);
        if let Err(error) = &committed {
            tracing::error!(%error, "a commit failed");
            // After a failed write nothing is known about the connection's state: a new one reads
            // the file afresh (R152).
            match open_writer(path) {
                Ok(fresh) => connection = fresh,
                Err(error) => tracing::error!(%error, "the database does not open again"),
            }
        }
        if let Some(readers) = &readers {
            readers.told_of_commit();
        }
        for job in batch.drain(..) {
            job.answer(&committed);
        }
        sqlite_log::shorten(&connection, readers.as_deref());
    }
}

fn commit_batch(
    connection: &mut Connection,
    batch: &mut [Box<dyn Job>],
    longer: Duration,
) -> Result<(), StoreError> {
    let watch = Stopwatch::start();
    while let Err(error) = run_cached(connection, "BEGIN IMMEDIATE") {
        let may_help = matches!(error, StoreError::Unavailable(_));
        if !may_help || watch.elapsed() >= longer {
            return Err(error);
        }
    }
    for job in batch.iter_mut() {
        job.run(connection);
    }
    run_cached(connection, "COMMIT").inspect_err(|_| {
        let _ = run_cached(connection, "ROLLBACK");
    })
}

pub(super) fn run_cached(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.raw_execute()).map_err(store_error)?;
    Ok(())
}

pub fn execute(connection: &Connection, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    bind(&mut statement, params)?;
    let changed = statement.raw_execute().map_err(store_error)?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

pub fn query(connection: &Connection, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    bind(&mut statement, params)?;
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    let mut out = Vec::new();
    while let Some(row) = rows.next().map_err(store_error)? {
        out.push(values(row, columns)?);
    }
    Ok(out)
}

/// The first row. What the statement would still do is not done, so it must be one that only reads or that
/// changes one row at most.
pub fn query_opt(
    connection: &Connection,
    sql: &str,
    params: &[Param<'_>],
) -> Result<Option<Row>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    bind(&mut statement, params)?;
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    rows.next().map_err(store_error)?.map(|row| values(row, columns)).transpose()
}

fn values(row: &rusqlite::Row<'_>, columns: usize) -> Result<Row, StoreError> {
    let mut values = Vec::with_capacity(columns);
    for column in 0..columns {
        values.push(take(row.get_ref(column).map_err(store_error)?)?);
    }
    Ok(Row(values))
}

pub fn batch(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.execute_batch(sql).map_err(store_error)
}

/// Parameter `?1` is the first one for SQLite, wherever the text names it.
fn bind(statement: &mut rusqlite::CachedStatement<'_>, params: &[Param<'_>]) -> Result<(), StoreError> {
    for number in 1..=statement.parameter_count() {
        debug_assert!(
            statement.parameter_name(number).is_none_or(|name| name.starts_with('?')),
            "SQLite numbers what is not called ?1 by where it first appears"
        );
        let param = params.get(number - 1);
        let param = param.ok_or_else(|| StoreError::Broken(format!("no value for parameter {number}")))?;
        statement.raw_bind_parameter(number, param).map_err(store_error)?;
    }
    Ok(())
}

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Param::Null => ValueRef::Null,
            Param::Int(number) => ValueRef::Integer(*number),
            Param::Text(text) => ValueRef::Text(text.as_bytes()),
            Param::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn take(value: ValueRef<'_>) -> Result<Value, StoreError> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => Value::Text(text_of(text)),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Real(_) => return Err(StoreError::Broken("a column holds a fraction".to_owned())),
    })
}

/// What this program has written is UTF-8, which is checked faster than it is mended.
fn text_of(text: &[u8]) -> String {
    std::str::from_utf8(text).map_or_else(|_| String::from_utf8_lossy(text).into_owned(), str::to_owned)
}

/// SQLite's messages name tables and columns, never values.
pub(super) fn store_error(error: rusqlite::Error) -> StoreError {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed,
        ) => StoreError::Unavailable(text),
        Some(ErrorCode::NotADatabase) => StoreError::Unusable(Unusable::NotSqlite, text),
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Unusable(Unusable::Damaged, text),
        _ => StoreError::Broken(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_goes_where_its_number_stands() {
        let connection = Connection::open_in_memory().unwrap();
        let mixed = "SELECT ?3, ?1, ?2, ?3, CASE WHEN ?1 = 7 THEN ?2 END";
        let expected = Row(vec![
            Value::Bytes(vec![9]),
            Value::Int(7),
            Value::Text("two".to_owned()),
            Value::Bytes(vec![9]),
            Value::Text("two".to_owned()),
        ]);
        // The second time the statement comes from the cache.
        for _ in 0..2 {
            let found = query_opt(&connection, mixed, &[7.into(), "two".into(), (&[9]).into()]);
            assert_eq!(found.unwrap().unwrap(), expected);
        }
        let ten = "SELECT ?10, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9";
        let params: Vec<Param<'_>> = (1..=10).map(Param::Int).collect();
        let found = query_opt(&connection, ten, &params).unwrap().unwrap();
        assert_eq!(found.into_values(), [10, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(Value::Int));
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic = "not called ?1"]
    fn no_statement_calls_its_parameters_otherwise() {
        let connection = Connection::open_in_memory().unwrap();
        let _ = query_opt(&connection, "SELECT $2, $1", &[1.into(), 2.into()]);
    }

    #[test]
    fn a_statement_that_lacks_a_value_is_not_run() {
        let connection = Connection::open_in_memory().unwrap();
        batch(&connection, "CREATE TABLE t (a INTEGER, b INTEGER)").unwrap();
        let done = execute(&connection, "INSERT INTO t VALUES (?2, ?1)", &[1.into()]);
        assert!(matches!(done, Err(StoreError::Broken(_))), "{done:?}");
        assert_eq!(query(&connection, "SELECT a FROM t", &[]).unwrap(), []);
    }
}
