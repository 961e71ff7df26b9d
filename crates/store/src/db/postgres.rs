//! PostgreSQL: reads pipelined over a few connections, each write in a transaction on one of a
//! bounded number of others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_model::secret::Secret;
use countersign_model::shard::{SHARDS, shard};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::look_up::{Gathered, LookUp, look_up};
use super::postgres_traffic::{ANSWER_WITHIN, Traffic, drive};
use super::postgres_values::{store_error, take};
use super::{Inner, Param, Row, StoreError, Tx, Unusable, Work};

/// Connections for writes at most: with one for the reads of each share of the threads, well below
/// PostgreSQL's default of 100.
const WRITERS: usize = 64;

/// How long a connection or a free writer is waited for (R153).
const CONNECT_WITHIN: Duration = Duration::from_millis(900);

/// How long the first connection of a process is waited for: nobody's request waits with it.
const START_WITHIN: Duration = Duration::from_secs(10);

/// How often a unit of work is begun again after a serialization failure or a deadlock.
const RETRIES: u32 = 8;

/// A PostgreSQL server.
#[derive(Clone)]
pub struct Postgres(Arc<Shared>);

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Postgres")
    }
}

struct Shared {
    config: Config,
    tls: MakeRustlsConnect,
    /// One for each share of the threads: what a thread asks, the same thread reads the answer to.
    readers: [tokio::sync::RwLock<Option<Arc<Connection>>>; SHARDS],
    idle_writers: Mutex<Vec<Connection>>,
    free_writers: Semaphore,
}

impl Postgres {
    /// Connects once, so that a wrong address is told at start.
    pub async fn connect(url: &str, password: Option<&Secret>) -> Result<Postgres, StoreError> {
        let mut config: Config = url.parse().map_err(|e: tokio_postgres::Error| store_error(&e))?;
        config.connect_timeout(START_WITHIN).application_name("countersign").tcp_user_timeout(ANSWER_WITHIN);
        if !url.contains("sslmode=") {
            config.ssl_mode(if is_local(&config) { SslMode::Disable } else { SslMode::Require });
        }
        let lacks_password = config.get_password().is_none() && password.is_none();
        if config.get_password().is_none() {
            // Without any the driver itself gives up, and says so in words only; the server has a code for it.
            config.password(password.map_or("", Secret::reveal));
        }
        let shared = Shared {
            config,
            tls: tls()?,
            readers: Default::default(),
            idle_writers: Mutex::default(),
            free_writers: Semaphore::new(WRITERS),
        };
        let first = shared.open(START_WITHIN).await.map_err(|error| match error {
            StoreError::Unusable(Unusable::WrongPassword, text) if lacks_password => {
                StoreError::Unusable(Unusable::PasswordMissing, text)
            }
            error @ (StoreError::Unavailable(_) | StoreError::Unusable(..) | StoreError::Broken(_)) => error,
        })?;
        shared.idle_writers.lock().unwrap_or_else(PoisonError::into_inner).push(first);
        Ok(Postgres(Arc::new(shared)))
    }

    /// Whoever waits behind another's attempt to connect waits no longer than for one of its own: a
    /// server that is silent must not hold up its readers one after the other (R153).
    pub async fn reader(&self) -> Result<Reader, StoreError> {
        let connected = timeout(CONNECT_WITHIN, self.reader_in_turn()).await;
        connected.unwrap_or_else(|_| Err(StoreError::Unavailable("no connection in time".to_owned())))
    }

    async fn reader_in_turn(&self) -> Result<Reader, StoreError> {
        let place = &self.0.readers[shard()];
        if let Some(connection) = place.read().await.as_ref().filter(|c| c.is_usable()) {
            return Ok(Reader(Arc::clone(connection)));
        }
        let mut place = place.write().await;
        if let Some(connection) = place.as_ref().filter(|c| c.is_usable()) {
            return Ok(Reader(Arc::clone(connection)));
        }
        let connection = Arc::new(self.0.open(CONNECT_WITHIN).await?);
        *place = Some(Arc::clone(&connection));
        Ok(Reader(connection))
    }

    pub async fn write<W: Work>(&self, work: &W) -> Result<W::Output, W::Error> {
        let waited = timeout(CONNECT_WITHIN, self.0.free_writers.acquire()).await;
        let Ok(Ok(_permit)) = waited else {
            return Err(StoreError::Unavailable("no free connection in time".to_owned()).into());
        };
        let mut attempt = 0;
        loop {
            let mut writer = Writer::new(self.0.writer().await?);
            let outcome = attempt_once(&mut writer, work).await;
            let again = writer.retry && attempt < RETRIES;
            if let Some(connection) = writer.into_clean() {
                self.0.idle_writers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            }
            if !(again && outcome.is_err()) {
                return outcome;
            }
            tokio::time::sleep(Duration::from_millis(1 << attempt)).await;
            attempt += 1;
        }
    }
}

async fn attempt_once<W: Work>(writer: &mut Writer, work: &W) -> Result<W::Output, W::Error> {
    let outcome = work.run(&mut Tx(Inner::PostgresWriter(writer))).await;
    match outcome {
        Ok(output) => {
            writer.finish("COMMIT").await?;
            Ok(output)
        }
        Err(error) => {
            writer.finish("ROLLBACK").await?;
            Err(error)
        }
    }
}

impl Shared {
    async fn open(&self, within: Duration) -> Result<Connection, StoreError> {
        let connecting = self.config.connect(self.tls.clone());
        let opened = timeout(within, connecting).await;
        let (client, connection) = match opened {
            Ok(opened) => opened.map_err(|e| store_error(&e))?,
            Err(_) => return Err(StoreError::Unavailable("no connection in time".to_owned())),
        };
        let traffic = Arc::new(Traffic::default());
        tokio::spawn(drive(connection, Arc::clone(&traffic)));
        Ok(Connection { client, gathered: Gathered::default(), statements: Mutex::default(), traffic })
    }

    async fn writer(&self) -> Result<Connection, StoreError> {
        loop {
            let idle = self.idle_writers.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match idle {
                Some(connection) if connection.client.is_closed() => {}
                Some(connection) => return Ok(connection),
                None => return self.open(CONNECT_WITHIN).await,
            }
        }
    }
}

fn is_local(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    })
}

fn tls() -> Result<MakeRustlsConnect, StoreError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Broken(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

pub(super) struct Connection {
    client: Client,
    pub(super) gathered: Gathered,
    /// By the address and length of the statement's text, which lives as long as the program.
    statements: Mutex<HashMap<(usize, usize), Statement>>,
    traffic: Arc<Traffic>,
}

impl Connection {
    fn is_usable(&self) -> bool {
        !self.client.is_closed()
    }

    async fn prepared(&self, sql: &'static str) -> Result<Statement, tokio_postgres::Error> {
        let address = (sql.as_ptr().addr(), sql.len());
        let known = self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(&address).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let _waiting = self.traffic.wait();
        // Its parameters are SQLite's `?1`, of which each is bound by its number. No text has another question mark.
        let statement = self.client.prepare(&sql.replace('?', "$")).await?;
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).insert(address, statement.clone());
        Ok(statement)
    }

    async fn query(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let _waiting = self.traffic.wait();
        let statement = self.prepared(sql).await?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
        let rows = self.client.query(&statement, &params).await?;
        rows.iter().map(take).collect()
    }

    /// The only row.
    pub(super) async fn query_opt(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Option<Row>, StoreError> {
        let rows = self.query(sql, params).await.map_err(|error| store_error(&error))?;
        Ok(rows.into_iter().next())
    }

    /// The rows of a look-up of many.
    pub(super) async fn query_many(
        &self,
        sql: &'static str,
        ids: &[i64],
        digests: &[&[u8]],
        now: i64,
    ) -> Result<Vec<Row>, StoreError> {
        let _waiting = self.traffic.wait();
        let found: Result<Vec<Row>, tokio_postgres::Error> = async {
            let statement = self.prepared(sql).await?;
            self.client.query(&statement, &[&ids, &digests, &now]).await?.iter().map(take).collect()
        }
        .await;
        found.map_err(|error| store_error(&error))
    }

    async fn execute(&self, sql: &'static str, params: &[Param<'_>]) -> Result<u64, tokio_postgres::Error> {
        let _waiting = self.traffic.wait();
        let statement = self.prepared(sql).await?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
        self.client.execute(&statement, &params).await
    }

    async fn batch(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        let _waiting = self.traffic.wait();
        self.client.batch_execute(sql).await
    }
}

/// A connection that many readers share at once.
pub struct Reader(Arc<Connection>);

impl Reader {
    pub async fn look_up(
        &self,
        texts: &'static LookUp,
        id: i64,
        digest: &[u8; 32],
        now: i64,
    ) -> Result<Option<Row>, StoreError> {
        look_up(&self.0, texts, id, digest, now).await
    }

    pub async fn query(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        self.0.query(sql, params).await.map_err(|error| store_error(&error))
    }

    pub async fn execute(&self, sql: &'static str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        self.0.execute(sql, params).await.map_err(|error| store_error(&error))
    }

    pub async fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.0.batch(sql).await.map_err(|error| store_error(&error))
    }
}

/// A connection in a transaction. The transaction begins with the first statement, in the same
/// round trip.
pub struct Writer {
    connection: Connection,
    begun: bool,
    /// In the middle of something whose end is not known: not to be used again.
    dirty: bool,
    /// The last error asks for another attempt.
    retry: bool,
}

impl Writer {
    fn new(connection: Connection) -> Writer {
        Writer { connection, begun: false, dirty: false, retry: false }
    }

    fn into_clean(self) -> Option<Connection> {
        (!self.dirty && !self.connection.client.is_closed()).then_some(self.connection)
    }

    async fn finish(&mut self, how: &'static str) -> Result<(), StoreError> {
        if !self.begun {
            return Ok(());
        }
        let done = self.connection.batch(how).await;
        self.judge(done)?;
        self.dirty = false;
        Ok(())
    }

    pub async fn query(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        let first = !std::mem::replace(&mut self.begun, true);
        self.dirty = true;
        let connection = &self.connection;
        let done = if first {
            begin_and(connection, sql, connection.query(sql, params)).await
        } else {
            connection.query(sql, params).await
        };
        self.judge(done)
    }

    pub async fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        let first = !std::mem::replace(&mut self.begun, true);
        self.dirty = true;
        let connection = &self.connection;
        let done = if first {
            begin_and(connection, sql, connection.execute(sql, params)).await
        } else {
            connection.execute(sql, params).await
        };
        self.judge(done)
    }

    pub async fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        let begin = if std::mem::replace(&mut self.begun, true) { "" } else { "BEGIN;" };
        self.dirty = true;
        let done = self.connection.batch(&format!("{begin}{sql}")).await;
        self.judge(done)
    }

    fn judge<T>(&mut self, done: Result<T, tokio_postgres::Error>) -> Result<T, StoreError> {
        let error = match done {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let asks_again = [&SqlState::T_R_SERIALIZATION_FAILURE, &SqlState::T_R_DEADLOCK_DETECTED];
        self.retry = error.code().is_some_and(|code| asks_again.contains(&code));
        Err(store_error(&error))
    }
}

/// Sends BEGIN and the first statement together. The statement is prepared before, outside the
/// transaction, so that a statement the server does not know costs nothing but its own error.
async fn begin_and<T>(
    connection: &Connection,
    sql: &'static str,
    statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, tokio_postgres::Error> {
    connection.prepared(sql).await?;
    let (begun, done) = tokio::join!(biased; connection.client.batch_execute("BEGIN"), statement);
    begun?;
    done
}
