//! The crash harness: load, SIGKILL at a random moment, restart on the same data, comparison; again and again.
//!
//! Nothing that was acknowledged may be lost, and nothing that was consumed or revoked may work again. Between two
//! rounds, a server that forgives nothing is given used tokens, which must end their sessions.

mod client;
mod codes;
mod ledger;
mod server;
mod theft;
mod verify;
mod worker;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use countersign_testkit::{Durability, Postgres};
use tokio::task::JoinSet;

use crate::Result;
use crate::random::Random;
use codes::Codes;
use ledger::Account;
use server::{Grace, Program, Server};
use verify::Extent;
use worker::Worker;

/// A start may take this long on existing data.
const START_GOAL: Duration = Duration::from_secs(2);
/// The load phase is killed at a random moment up to this.
const LOAD_MILLIS: usize = 400;
/// One start in this many is killed too, up to `START_MILLIS` after it began.
const KILLED_STARTS: usize = 8;
const START_MILLIS: usize = 60;

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

#[derive(clap::Args)]
pub struct Options {
    /// The server.
    #[arg(long)]
    binary: PathBuf,
    /// How often it is killed under load.
    #[arg(long, default_value_t = 200)]
    kills: u32,
    #[arg(long, value_enum, default_value = "sqlite")]
    database: Database,
    /// Clients at once.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Seed of everything random; taken from the clock and printed when not given.
    #[arg(long)]
    seed: Option<u64>,
}

/// What all clients share.
#[derive(Debug)]
struct Shared {
    began: Instant,
    stop: AtomicBool,
    codes: Codes,
    violations: Mutex<Vec<String>>,
    acknowledged: AtomicU64,
    refused: AtomicU64,
    lost: AtomicU64,
    compared: AtomicU64,
    stolen: AtomicU64,
}

impl Shared {
    fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            began: Instant::now(),
            stop: AtomicBool::new(false),
            codes: Codes::default(),
            violations: Mutex::new(Vec::new()),
            acknowledged: zero(),
            refused: zero(),
            lost: zero(),
            compared: zero(),
            stolen: zero(),
        }
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn acknowledged(&self) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
    }

    fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    fn lost_answer(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    fn stolen(&self) {
        self.stolen.fetch_add(1, Ordering::Relaxed);
    }

    fn compared(&self) {
        self.compared.fetch_add(1, Ordering::Relaxed);
    }

    fn violation(&self, what: String, account: &Account) {
        if let Ok(mut violations) = self.violations.lock() {
            violations.push(format!("{}: {what}\n{}", account.email, account.evidence()));
        }
    }

    fn violations(&self) -> Vec<String> {
        self.violations.lock().map(|violations| violations.clone()).unwrap_or_default()
    }
}

/// A run in progress.
struct Campaign {
    program: Arc<Program>,
    /// PostgreSQL and the URL of the server's database in it.
    cluster: Option<(Postgres, String)>,
    shared: Arc<Shared>,
    workers: Vec<Worker>,
    random: Random,
    starts: Vec<Duration>,
    killed_starts: u32,
    /// Clients that got no answer while the server was alive.
    early: u64,
    /// `lost` at the end of the last load phase.
    counted: u64,
}

pub fn run(options: Options) -> Result<ExitCode> {
    let seed = match options.seed {
        Some(seed) => seed,
        None => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    };
    println!("crash: {} kills on {:?}, seed {seed}", options.kills, options.database);
    let cluster = match options.database {
        Database::Sqlite => None,
        Database::Postgres => Some(Postgres::start(Durability::Durable)),
    };
    let dir = tempfile::Builder::new().prefix("countersign-crash-").tempdir()?;
    let url = cluster.as_ref().map(Postgres::empty_database);
    let program = Program::new(std::path::absolute(&options.binary)?, dir.path().to_owned(), url.clone())?;
    let mut campaign = Campaign {
        program: Arc::new(program),
        cluster: cluster.zip(url),
        shared: Arc::new(Shared::new()),
        workers: (0..options.clients).map(|number| Worker::new(number, seed)).collect(),
        random: Random::new(seed),
        starts: Vec::new(),
        killed_starts: 0,
        early: 0,
        counted: 0,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(campaign.run(options.kills));
    let violations = campaign.shared.violations();
    if outcome.is_err() || !violations.is_empty() {
        println!("the data directory and the server's log stay in {}", dir.keep().display());
    }
    outcome?;
    campaign.report(&violations, seed);
    Ok(if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Campaign {
    async fn run(&mut self, kills: u32) -> Result<()> {
        for kill in 1..=kills {
            let server = self.start().await?;
            self.verify(server.address, Extent::Touched).await?;
            self.load(server).await?;
            self.wait_for_last_commits()?;
            self.bring_used_tokens_back().await?;
            if let Some(complaint) = self.program.check_integrity()? {
                let violation = format!("integrity_check after kill {kill}: {complaint}");
                self.shared.violations.lock().map_err(|_| "a client died")?.push(violation);
            }
            if !self.shared.violations().is_empty() {
                return Ok(());
            }
            if kill % 20 == 0 || kill == kills {
                println!("  {kill} kills, {} acknowledged", self.shared.acknowledged.load(Ordering::Relaxed));
            }
        }
        let server = self.start().await?;
        self.verify(server.address, Extent::Everything).await?;
        server.kill().await
    }

    /// Starts the server, now and then after killing it during a start.
    async fn start(&mut self) -> Result<Server> {
        while self.random.one_in(KILLED_STARTS) {
            self.killed_starts += 1;
            self.program
                .start_and_kill(Duration::from_millis(self.random.below(START_MILLIS) as u64))
                .await?;
        }
        let server = self.program.start(Grace::Ample).await?;
        self.starts.push(server.start);
        Ok(server)
    }

    /// Starts a server that takes a used token for a stolen one, gives it some, and kills it.
    async fn bring_used_tokens_back(&mut self) -> Result<()> {
        let server = self.program.start(Grace::None).await?;
        let mut tasks = JoinSet::new();
        for mut worker in std::mem::take(&mut self.workers) {
            let (shared, address) = (Arc::clone(&self.shared), server.address);
            tasks.spawn(async move {
                let outcome = worker.theft.present(address, &shared).await;
                (worker, outcome)
            });
        }
        for (worker, outcome) in tasks.join_all().await {
            self.workers.push(worker);
            outcome.map_err(|_| "the server went away by itself while used tokens came back")?;
        }
        server.kill().await?;
        self.wait_for_last_commits()
    }

    async fn verify(&mut self, address: SocketAddr, extent: Extent) -> Result<()> {
        let mut tasks = JoinSet::new();
        for mut worker in std::mem::take(&mut self.workers) {
            let shared = Arc::clone(&self.shared);
            tasks.spawn(async move {
                let outcome = verify::verify(&mut worker, address, &shared, extent).await;
                (worker, outcome)
            });
        }
        for (worker, outcome) in tasks.join_all().await {
            self.workers.push(worker);
            outcome.map_err(|_| "the server went away by itself during a comparison")?;
        }
        Ok(())
    }

    /// Lets the clients work, kills the server at a random moment, and waits until every client has noticed.
    async fn load(&mut self, server: Server) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        shared.stop.store(false, Ordering::Relaxed);
        let address = server.address;
        let mut tasks = JoinSet::new();
        for mut worker in std::mem::take(&mut self.workers) {
            let shared = Arc::clone(&shared);
            tasks.spawn(async move {
                worker.work(address, &shared).await;
                worker
            });
        }
        let (reader, program) = (Arc::clone(&shared), Arc::clone(&self.program));
        let collector =
            tokio::spawn(async move { reader.codes.collect(&program, || reader.stopped()).await });
        tokio::time::sleep(Duration::from_millis(1 + self.random.below(LOAD_MILLIS) as u64)).await;
        let early = shared.lost.load(Ordering::Relaxed);
        server.kill().await?;
        shared.stop.store(true, Ordering::Relaxed);
        self.workers = tasks.join_all().await;
        collector.await??;
        self.early += early - self.counted;
        self.counted = shared.lost.load(Ordering::Relaxed);
        Ok(())
    }

    /// PostgreSQL ends what a killed client had already asked for. Until then the outcome of a request without
    /// an answer is open, and a comparison would see it change.
    fn wait_for_last_commits(&self) -> Result<()> {
        let Some((cluster, url)) = &self.cluster else { return Ok(()) };
        let name = url.rsplit('/').next().unwrap_or_default();
        let others = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'");
        let deadline = Instant::now() + Duration::from_secs(10);
        while cluster.psql("postgres", &others) != "0" {
            if Instant::now() > deadline {
                return Err("PostgreSQL still holds connections of the killed server".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn report(&self, violations: &[String], seed: u64) {
        let mut starts = self.starts.clone();
        starts.sort_unstable();
        let at = |rank: usize| starts.get(rank).map_or(0, Duration::as_millis);
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let shared = &self.shared;
        println!(
            "{} starts ({} more killed on the way): median {} ms, slowest {} ms (goal {} ms)",
            starts.len(),
            self.killed_starts,
            at(starts.len() / 2),
            at(starts.len().saturating_sub(1)),
            START_GOAL.as_millis()
        );
        println!("{} sessions ended by a used token that came back", count(&shared.stolen));
        println!(
            "{} requests acknowledged, {} cut off by a kill, {} without an answer before it, {} refused for now; \
             {} comparisons in {:.0} s",
            count(&shared.acknowledged),
            count(&shared.lost) - self.early,
            self.early,
            count(&shared.refused),
            count(&shared.compared),
            shared.elapsed().as_secs_f64()
        );
        for violation in violations {
            println!("VIOLATION {violation}");
        }
        match violations.len() {
            0 => println!("ok: nothing acknowledged was lost, nothing consumed or revoked works again"),
            many => println!("{many} violations; repeat with --seed {seed}"),
        }
    }
}
