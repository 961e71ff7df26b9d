//! The load generator: keep-alive HTTP/1.1 over many connections from threads pinned to one core each.
//!
//! Closed loop by default (each connection sends its next request when it has the answer to the last).
//! With `--rate` requests are due at fixed times whether or not the server keeps up, and a latency counts
//! from the time its request was due, so that a server that stalls cannot hide it by being asked less.

mod pacing;
pub mod prepare;
mod report;
mod requests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::Result;
use crate::http::Connection;
use crate::random::Random;
use pacing::Pace;
use report::{Report, Samples};
use requests::{Kind, Material, Requests};

#[derive(clap::Args)]
pub struct Options {
    /// Address of the server.
    #[arg(long)]
    address: SocketAddr,
    /// What to send.
    #[arg(long, value_enum)]
    kind: Kind,
    /// Where to send it, if it is not this server's path; what to `get`.
    #[arg(long)]
    path: Option<String>,
    /// Tokens, one on a line (`profile`, `refresh`, `refresh-token`, `introspect`); of clients, what stands behind
    /// `Basic` (`client-token`).
    #[arg(long)]
    tokens: Option<PathBuf>,
    /// What stands behind `Basic` of the client that asks (`introspect`, `refresh-token`).
    #[arg(long)]
    client: Option<PathBuf>,
    /// Accounts, e-mail and password separated by a tab, one on a line (`login`).
    #[arg(long)]
    accounts: Option<PathBuf>,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Threads; by default one per core this process may use.
    #[arg(long)]
    threads: Option<usize>,
    /// Seconds that count.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Seconds before them that do not.
    #[arg(long, default_value_t = 1.0)]
    warmup: f64,
    /// Requests offered per second over all connections; without it, as many as the server answers.
    #[arg(long)]
    rate: Option<f64>,
    /// Seed of the random choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Times that all connections share.
#[derive(Clone, Copy)]
struct Window {
    began: Instant,
    counts_from: Instant,
    ends: Instant,
}

pub fn run(options: &Options) -> Result<ExitCode> {
    let material = Arc::new(Material::read(options)?);
    let cores = pacing::usable_cores()?;
    let threads = options.threads.unwrap_or(cores.len()).clamp(1, options.connections.max(1));
    // Connecting takes a moment; the clock starts when every thread has had the time for it.
    let began = Instant::now() + Duration::from_millis(200);
    let counts_from = began + Duration::from_secs_f64(options.warmup);
    let window = Window { began, counts_from, ends: counts_from + Duration::from_secs_f64(options.seconds) };
    let samples = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let material = Arc::clone(&material);
                let core = cores[thread % cores.len()];
                scope.spawn(move || {
                    pacing::pin_to(core);
                    drive_thread(options, thread, threads, window, &material)
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().map_err(|_| "a load thread died")?)
            .collect::<Result<Vec<_>>>()
    })?;
    let report = Report::of(samples.into_iter().flatten(), options.seconds);
    println!("{}", serde_json::to_string(&report)?);
    Ok(ExitCode::SUCCESS)
}

/// Runs this thread's share of the connections on a runtime of its own.
fn drive_thread(
    options: &Options,
    thread: usize,
    threads: usize,
    window: Window,
    material: &Arc<Material>,
) -> Result<Vec<Samples>> {
    // Paced connections spin between requests, so sockets must be looked at on every turn.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .event_interval(if options.rate.is_some() { 2 } else { 61 })
        .build()?;
    runtime.block_on(async {
        let mut connections = Vec::new();
        for index in (thread..options.connections).step_by(threads) {
            let requests = Requests::new(options.kind, Arc::clone(material), index, options.connections)?;
            let pace = Pace::new(options.rate, index, options.connections, window.began);
            let random = Random::split(options.seed, index as u64);
            connections.push(tokio::spawn(drive_connection(options.address, requests, pace, window, random)));
        }
        join_all(connections)
            .await
            .into_iter()
            .map(|joined| joined.map_err(|error| error.to_string().into()))
            .collect()
    })
}

/// One connection until the end of the window; reconnects after an error.
async fn drive_connection(
    address: SocketAddr,
    mut requests: Requests,
    mut pace: Pace,
    window: Window,
    mut random: Random,
) -> Samples {
    let mut samples = Samples::default();
    let mut connection = Connection::open(address).await.ok();
    loop {
        let due = pace.next_due().await;
        if due >= window.ends {
            return samples;
        }
        let counted = due >= window.counts_from;
        let Some(open) = connection.as_mut().filter(|open| open.is_reusable()) else {
            connection = Connection::open(address).await.ok();
            if connection.is_none() {
                samples.record_error(counted);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            pace.again(due);
            continue;
        };
        match open.exchange(requests.next(&mut random)).await {
            Ok(answer) => {
                requests.answered(answer.status, answer.body);
                samples.record(counted, answer.status, due.elapsed());
            }
            Err(_) => samples.record_error(counted),
        }
    }
}
