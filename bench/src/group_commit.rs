//! The SQLite reference: durable rotations of tokens by many submitters, gathered by one writer thread into
//! as few commits as there is waiting work for.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use tokio::sync::oneshot;

use crate::Result;
use crate::random::Random;

/// The most rotations of one commit.
const BATCH: usize = 256;

// What the server does for POST /refresh, and nothing else: the same tables, the same statements.
const SCHEMA: &str = "
    CREATE TABLE accounts (id INTEGER NOT NULL PRIMARY KEY, uuid BLOB NOT NULL UNIQUE,
        created_at INTEGER NOT NULL, suspended_at INTEGER, closed_at INTEGER, awaits_email_at INTEGER,
        epoch INTEGER NOT NULL, version INTEGER NOT NULL, profile BLOB NOT NULL) STRICT;
    CREATE TABLE tokens (id INTEGER NOT NULL PRIMARY KEY, digest BLOB NOT NULL, account_id INTEGER NOT NULL,
        session_id INTEGER NOT NULL, epoch INTEGER NOT NULL, purpose INTEGER NOT NULL,
        issued_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, used_at INTEGER) STRICT;
    CREATE INDEX tokens_by_session ON tokens (account_id, session_id);";
const ACCOUNT: &str = "INSERT INTO accounts (id, uuid, created_at, epoch, version, profile)
    VALUES (?1, ?2, 0, 0, 0, zeroblob(110))";
const CONSUME: &str = "UPDATE tokens SET used_at = ?4
    WHERE id = ?1 AND digest = ?2 AND purpose = ?3 AND used_at IS NULL AND expires_at > ?4
        AND EXISTS (SELECT 1 FROM accounts a WHERE a.id = tokens.account_id AND a.epoch = tokens.epoch
                    AND a.suspended_at IS NULL AND a.closed_at IS NULL)
    RETURNING account_id, session_id, epoch";
const INSERT: &str =
    "INSERT INTO tokens (id, digest, account_id, session_id, epoch, purpose, issued_at, expires_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const PURPOSE: i64 = 1;
const NOW: i64 = 1_800_000_000_000_000;
const EXPIRY: i64 = 1_802_592_000_000_000;
/// Sessions of each account.
const SESSIONS: u64 = 10;

#[derive(clap::Args)]
pub struct Options {
    /// Folder of the database; a new one in the system's folder for such things by default.
    #[arg(long)]
    dir: Option<PathBuf>,
    #[arg(long, default_value_t = 64)]
    callers: usize,
    /// Sessions that stand in the table from the start.
    #[arg(long, default_value_t = 100_000)]
    rows: u64,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

type Digest = [u8; 32];

/// One rotation: the old token, the new one, and where the outcome goes after the commit.
struct Job {
    old: Digest,
    new: Digest,
    done: oneshot::Sender<bool>,
}

pub fn run(options: &Options) -> Result<ExitCode> {
    let dir = match &options.dir {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    let mut database = open(&dir.path().join("reference.db"))?;
    fill(&mut database, options.callers as u64, options.rows)?;
    let (sender, jobs) = channel();
    let writer = std::thread::spawn(move || write(&database, &jobs));
    let per_second = submit(options, sender)?;
    writer.join().map_err(|_| "the writer died")??;
    println!("{}", serde_json::json!({ "per_second": per_second }));
    Ok(ExitCode::SUCCESS)
}

fn open(path: &std::path::Path) -> Result<Connection> {
    let database = Connection::open(path)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "FULL")?;
    database.pragma_update(None, "wal_autocheckpoint", 4000)?;
    database.execute_batch(SCHEMA)?;
    Ok(database)
}

fn digest(random: &mut Random) -> Digest {
    let mut digest = Digest::default();
    for eight in digest.chunks_exact_mut(8) {
        eight.copy_from_slice(&random.next().to_be_bytes());
    }
    digest
}

/// The number of a digest's row, as the server has it.
fn number(digest: &Digest) -> i64 {
    digest.iter().take(8).fold(0, |number, byte| number << 8 | i64::from(*byte))
}

/// One token for every caller, made from the caller's own generator, and `rows` more for the size.
fn fill(database: &mut Connection, callers: u64, rows: u64) -> Result<()> {
    let transaction = database.transaction()?;
    for part in 0..callers + rows {
        let mut random = Random::split(1, part);
        let digest = digest(&mut random);
        // Ids are drawn at random by the server too; several neighbours share an account.
        let account = id(&mut Random::split(2, part / SESSIONS));
        if part % SESSIONS == 0 {
            let uuid = Random::split(3, part).next().to_be_bytes();
            transaction.prepare_cached(ACCOUNT)?.execute(params![account, uuid])?;
        }
        let row = params![number(&digest), digest, account, id(&mut random), 0, PURPOSE, NOW, EXPIRY];
        transaction.prepare_cached(INSERT)?.execute(row)?;
    }
    transaction.commit()?;
    Ok(())
}

/// A positive number of 53 bits.
fn id(random: &mut Random) -> i64 {
    i64::try_from(random.next() >> 11).unwrap_or(1)
}

/// Callers that each rotate a token of their own, and wait for the commit each time.
fn submit(options: &Options, sender: Sender<Job>) -> Result<f64> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let began = Instant::now();
        let deadline = began + Duration::from_secs_f64(options.seconds);
        let callers = (0..options.callers as u64).map(|part| {
            let sender = sender.clone();
            tokio::spawn(async move {
                let mut random = Random::split(1, part);
                let mut old = digest(&mut random);
                let mut count = 0_u64;
                while Instant::now() < deadline {
                    let (new, (done, outcome)) = (digest(&mut random), oneshot::channel());
                    sender.send(Job { old, new, done }).map_err(|_| "the writer is gone")?;
                    if !outcome.await.map_err(|_| "a commit failed")? {
                        return Err("a rotation found no session");
                    }
                    (old, count) = (new, count + 1);
                }
                Ok(count)
            })
        });
        let counts = try_join_all(callers).await?.into_iter().collect::<std::result::Result<Vec<_>, _>>()?;
        drop(sender);
        Ok(counts.iter().sum::<u64>() as f64 / began.elapsed().as_secs_f64())
    })
}

/// The writer thread: whatever waits, up to `BATCH`, becomes one commit. It never waits for more.
fn write(database: &Connection, jobs: &Receiver<Job>) -> Result<()> {
    let mut statements = (database.prepare_cached(CONSUME)?, database.prepare_cached(INSERT)?);
    while let Ok(first) = jobs.recv() {
        let batch: Vec<Job> = std::iter::once(first).chain(jobs.try_iter()).take(BATCH).collect();
        database.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let outcomes = batch.iter().map(|job| rotate(&mut statements, job)).collect::<Result<Vec<bool>>>()?;
        database.prepare_cached("COMMIT")?.execute([])?;
        for (job, outcome) in batch.into_iter().zip(outcomes) {
            let _ = job.done.send(outcome);
        }
    }
    Ok(())
}

fn rotate((consume, insert): &mut (CachedStatement<'_>, CachedStatement<'_>), job: &Job) -> Result<bool> {
    let columns = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let holder: Option<(i64, i64, i64)> =
        consume.query_row(params![number(&job.old), job.old, PURPOSE, NOW], columns).optional()?;
    let Some((account, session, epoch)) = holder else { return Ok(false) };
    insert.execute(params![number(&job.new), job.new, account, session, epoch, PURPOSE, NOW, EXPIRY])?;
    Ok(true)
}
