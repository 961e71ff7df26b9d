//! The SQLite reference: durable rotations of tokens by many submitters, gathered by one writer thread into
//! as few commits as there is waiting work for.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use rusqlite::{CachedStatement, Connection, params};
use tokio::sync::oneshot;

use crate::Result;
use crate::random::Random;

/// The most rotations of one commit.
const BATCH: usize = 256;

// What the server does for POST /refresh, and nothing else.
const SCHEMA: &str = "CREATE TABLE session (digest BLOB PRIMARY KEY, account INTEGER NOT NULL,
    created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, ended_at INTEGER) WITHOUT ROWID";
const SELECT: &str = "SELECT account, expires_at FROM session WHERE digest = ?1 AND ended_at IS NULL";
const END: &str = "UPDATE session SET ended_at = ?2 WHERE digest = ?1 AND ended_at IS NULL";
const INSERT: &str = "INSERT INTO session (digest, account, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)";

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

/// One row for every caller, made from the caller's own generator, and `rows` more for the size.
fn fill(database: &mut Connection, callers: u64, rows: u64) -> Result<()> {
    let transaction = database.transaction()?;
    for part in 0..callers + rows {
        transaction.prepare_cached(INSERT)?.execute(params![digest(&mut Random::split(1, part)), 1, 0, 1])?;
    }
    transaction.commit()?;
    Ok(())
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
    let mut statements =
        (database.prepare_cached(SELECT)?, database.prepare_cached(END)?, database.prepare_cached(INSERT)?);
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

fn rotate(
    statements: &mut (CachedStatement<'_>, CachedStatement<'_>, CachedStatement<'_>),
    job: &Job,
) -> Result<bool> {
    let (select, end, insert) = statements;
    let account: i64 = select.query_row(params![job.old], |row| row.get(0))?;
    let ended = end.execute(params![job.old, 1])? == 1;
    if ended {
        insert.execute(params![job.new, account, 1, 2])?;
    }
    Ok(ended)
}
