//! The database: the only place that names an engine.
//!
//! [`Store`] and [`Tx`] are closed enums over SQLite and PostgreSQL. One SQL text serves both:
//! `?1` placeholders, which PostgreSQL gets as `$1`, integers, text and bytes only. On SQLite, reads
//! run inline on the calling thread and writes on one writer thread, many to a commit; on PostgreSQL,
//! reads are pipelined over a few connections and writes run each in a transaction of its own
//! (design 3.7).

mod address;
mod look_up;
mod postgres;
mod postgres_traffic;
mod postgres_values;
mod sqlite;
mod sqlite_backup;
mod sqlite_log;
mod sqlite_readers;
mod value;

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use crate::copy::Progress;

pub use address::{Database, InvalidDatabase};
pub use look_up::LookUp;
pub use sqlite::{Moment, wait_until_closed};
pub use value::{Param, Row, Value};

/// Something a database could not do. The text is for the log: it names no value of any row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No answer, no connection, a full disk, a full queue: trying again may help.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database cannot be used as it is: somebody has to change that first.
    #[error("{0}: {1}")]
    Unusable(Unusable, String),
    /// The database refused a statement or a row does not hold what it should: it will not help.
    #[error("the database and this program do not fit: {0}")]
    Broken(String),
}

/// Why a database cannot be used as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// PostgreSQL asks for a password, and there is none to give.
    #[error("it asks for a password, and none was given")]
    PasswordMissing,
    /// PostgreSQL does not know the user, or another password.
    #[error("it refuses the user or the password")]
    WrongPassword,
    /// PostgreSQL has no role of this name, or does not admit it from here.
    #[error("it does not admit the user")]
    NotAdmitted,
    /// PostgreSQL has no database of this name.
    #[error("there is no such database")]
    NoSuchDatabase,
    /// The user of PostgreSQL lacks a right.
    #[error("the user lacks a right")]
    NotAllowed,
    /// The file is something else.
    #[error("the file is no SQLite database")]
    NotSqlite,
    /// The SQLite file is damaged.
    #[error("the file is damaged")]
    Damaged,
}

/// A unit of work that is written as a whole or not at all.
///
/// It may be run more than once (PostgreSQL asks for that after a serialization failure), so times
/// and random values are drawn before and stand in its fields.
pub trait Work: Send + Sync {
    /// What it yields once it is durable.
    type Output: Send + 'static;
    /// Why it did nothing: an error takes back whatever it had written.
    type Error: From<StoreError> + Send + 'static;

    /// Does the work.
    fn run(&self, tx: &mut Tx<'_>) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send;
}

/// A database. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Store {
    /// An embedded SQLite file.
    Sqlite(sqlite::Sqlite),
    /// A PostgreSQL server or one that speaks its protocol.
    Postgres(postgres::Postgres),
}

impl Store {
    /// Opens the database; a SQLite file is made if it is missing.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be reached or is not usable.
    pub async fn connect(database: &Database) -> Result<Store, StoreError> {
        Ok(match database {
            Database::Sqlite(path) => Store::Sqlite(sqlite::Sqlite::open(path)?),
            Database::Postgres(url, password) => {
                Store::Postgres(postgres::Postgres::connect(url.reveal(), password.as_ref()).await?)
            }
        })
    }

    /// For reading: every statement sees what was committed before it.
    ///
    /// # Errors
    /// [`StoreError`] if there is no connection.
    pub async fn read(&self) -> Result<Tx<'static>, StoreError> {
        Ok(Tx(match self {
            Store::Sqlite(sqlite) => Inner::SqliteReader(sqlite.reader()?),
            Store::Postgres(postgres) => Inner::PostgresReader(postgres.reader().await?),
        }))
    }

    /// The present moment, for who reads the same row again and again: while it lasts, reading again would show
    /// the same. `None` on PostgreSQL, where nobody is told what other nodes commit.
    pub fn moment(&self) -> Option<Moment> {
        match self {
            Store::Sqlite(sqlite) => Some(sqlite.moment()),
            Store::Postgres(_) => None,
        }
    }

    /// Runs the work and answers when it is durable.
    ///
    /// # Errors
    /// The work's own, after which nothing of it is written; or a [`StoreError`].
    pub async fn write<W: Work + 'static>(&self, work: W) -> Result<W::Output, W::Error> {
        match self {
            Store::Sqlite(sqlite) => sqlite.write(work).await,
            Store::Postgres(postgres) => {
                let postgres = postgres.clone();
                // As on SQLite, what was begun is finished though nobody waits for it any more: a connection in the
                // midst of a transaction could not be used again, and clients that go away would cost one each.
                let writing = tokio::spawn(async move { postgres.write(&work).await });
                let ended = |_| Err(StoreError::Unavailable("a unit of work ended early".to_owned()).into());
                writing.await.unwrap_or_else(ended)
            }
        }
    }

    /// Lets units of work wait longer for another process that writes the same file. A server must answer soon
    /// (R153); a command may wait for a slow disk, whose other user is the server.
    pub fn wait_longer(&self, longer: Duration) {
        match self {
            Store::Sqlite(sqlite) => sqlite.wait_longer(longer),
            Store::Postgres(_) => {}
        }
    }

    /// Lets go of what idle readers hold; to be called each second or so, by who has a clock.
    pub fn rest(&self) {
        match self {
            Store::Sqlite(sqlite) => sqlite.rest(),
            Store::Postgres(_) => {}
        }
    }

    /// Writes a consistent copy of a SQLite database to a new file while it is in use; `false` if
    /// this database is no file.
    ///
    /// # Errors
    /// [`StoreError`] if the copy cannot be written.
    pub fn backup_file(
        &self,
        to: &Path,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<bool, StoreError> {
        match self {
            Store::Sqlite(sqlite) => sqlite.backup(to, progress).map(|()| true),
            Store::Postgres(_) => Ok(false),
        }
    }

    /// What is wrong with the file, as SQLite's integrity check tells it; empty if nothing.
    ///
    /// # Errors
    /// [`StoreError`] if the check cannot run.
    pub async fn check_integrity(&self) -> Result<Vec<String>, StoreError> {
        match self {
            Store::Sqlite(sqlite) => sqlite.check_integrity(),
            Store::Postgres(_) => self.read().await?.query("SELECT 1", &[]).await.map(|_| Vec::new()),
        }
    }

    /// A schema statement in this engine's words. Migrations are written in SQLite's.
    pub(crate) fn schema_text(&self, text: &str) -> String {
        match self {
            Store::Sqlite(_) => text.to_owned(),
            Store::Postgres(_) => text
                .replace(" STRICT, WITHOUT ROWID;", ";")
                .replace(" STRICT;", ";")
                .replace(" INTEGER", " BIGINT")
                .replace(" BLOB", " BYTEA"),
        }
    }
}

/// A place to run statements: inside a unit of work, or for reading.
pub struct Tx<'c>(Inner<'c>);

enum Inner<'c> {
    SqliteReader(sqlite::Reader),
    SqliteWriter(&'c mut sqlite::Connection),
    PostgresReader(postgres::Reader),
    PostgresWriter(&'c mut postgres::Writer),
}

impl Tx<'_> {
    /// Runs a statement; answers how many rows it changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        match &mut self.0 {
            Inner::SqliteReader(reader) => sqlite::execute(reader.connection()?, sql, params),
            Inner::SqliteWriter(connection) => sqlite::execute(connection, sql, params),
            Inner::PostgresReader(reader) => reader.execute(sql, params).await,
            Inner::PostgresWriter(writer) => writer.execute(sql, params).await,
        }
    }

    /// Runs a statement; answers its rows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn query(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        match &mut self.0 {
            Inner::SqliteReader(reader) => sqlite::query(reader.connection()?, sql, params),
            Inner::SqliteWriter(connection) => sqlite::query(connection, sql, params),
            Inner::PostgresReader(reader) => reader.query(sql, params).await,
            Inner::PostgresWriter(writer) => writer.query(sql, params).await,
        }
    }

    /// Runs a statement; answers its only row, if there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn query_opt(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Option<Row>, StoreError> {
        match &mut self.0 {
            Inner::SqliteReader(reader) => sqlite::query_opt(reader.connection()?, sql, params),
            Inner::SqliteWriter(_) | Inner::PostgresReader(_) | Inner::PostgresWriter(_) => {
                Ok(self.query(sql, params).await?.into_iter().next())
            }
        }
    }

    /// Looks a row up by its number and digest, as valid at `now`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn look_up(
        &mut self,
        look_up: &'static LookUp,
        id: i64,
        digest: &[u8; 32],
        now: i64,
    ) -> Result<Option<Row>, StoreError> {
        match &self.0 {
            Inner::PostgresReader(reader) => reader.look_up(look_up, id, digest, now).await,
            Inner::SqliteReader(_) | Inner::SqliteWriter(_) | Inner::PostgresWriter(_) => {
                self.query_opt(look_up.one, &[id.into(), digest.into(), now.into()]).await
            }
        }
    }

    /// Runs several statements without parameters.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        match &mut self.0 {
            Inner::SqliteReader(reader) => sqlite::batch(reader.connection()?, sql),
            Inner::SqliteWriter(connection) => sqlite::batch(connection, sql),
            Inner::PostgresReader(reader) => reader.batch(sql).await,
            Inner::PostgresWriter(writer) => writer.batch(sql).await,
        }
    }
}
