//! Prints how many passwords a second the pool hashes, against the plain call of the `argon2` crate
//! on as many threads: `cargo run --release -p countersign-ops --example hash_rate [memory_kib [iterations]]`.
//!
//! The two take turns, a second each, and the median of the ratios of the turns is printed, since
//! what else the machine does changes from second to second.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use countersign_ops::hasher::{Hasher, HasherSettings, SALT_LENGTH};

/// As the server has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PASSWORD: &[u8] = b"correct horse battery staple";
const SALT: [u8; SALT_LENGTH] = *b"0123456789abcdef";
const TURN: Duration = Duration::from_secs(1);
const TURNS: usize = 9;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let defaults = HasherSettings::default();
    let memory_kib = arguments.next().map_or(Ok(defaults.memory_kib), |text| text.parse())?;
    let iterations = arguments.next().map_or(Ok(defaults.iterations), |text| text.parse())?;
    println!("{memory_kib} KiB, {iterations} passes; {} at rest", resident()?);
    for threads in [1, 2, 4] {
        let threads = NonZeroUsize::new(threads);
        let settings = HasherSettings { memory_kib, iterations, threads, ..defaults.clone() };
        compare(settings)?;
    }
    Ok(())
}

fn compare(settings: HasherSettings) -> Result<(), Box<dyn Error>> {
    let threads = settings.threads.map_or(1, NonZeroUsize::get);
    let params = Params::new(settings.memory_kib, settings.iterations, settings.parallelism, None)?;
    let hasher = Arc::new(Hasher::new(settings)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(pooled(&hasher, threads));
    let mut turns = Vec::new();
    for _ in 0..TURNS {
        turns.push((plain(&params, threads), runtime.block_on(pooled(&hasher, threads))));
    }
    let median = |of: fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = turns.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[TURNS / 2]
    };
    println!(
        "{threads} threads: plain {:.1}/s, pool {:.1}/s, ratio {:.2}; {}",
        median(|turn| turn.0),
        median(|turn| turn.1),
        median(|turn| turn.1 / turn.0),
        resident()?
    );
    Ok(())
}

fn plain(params: &Params, threads: usize) -> f64 {
    let start = Instant::now();
    let count: u64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut count = 0;
                    while start.elapsed() < TURN {
                        let mut tag = [0; 32];
                        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
                        if argon2.hash_password_into(PASSWORD, &SALT, &mut tag).is_ok() {
                            count += 1;
                        }
                        black_box(tag);
                    }
                    count
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
    });
    count as f64 / start.elapsed().as_secs_f64()
}

/// One request more than there are threads, so that none of them waits for the next request.
async fn pooled(hasher: &Arc<Hasher>, threads: usize) -> f64 {
    let start = Instant::now();
    let count = Arc::new(AtomicU64::new(0));
    let mut clients = Vec::new();
    for _ in 0..=threads {
        let (hasher, count) = (Arc::clone(hasher), Arc::clone(&count));
        clients.push(tokio::spawn(async move {
            while start.elapsed() < TURN {
                if let Ok(slot) = hasher.try_reserve(countersign_ops::Source::Local)
                    && slot.hash(PASSWORD, SALT).await.is_ok()
                {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        }));
    }
    for client in clients {
        // A client that panicked has counted less, which shows.
        let _ = client.await;
    }
    count.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64()
}

/// The memory of this process, where the system tells.
fn resident() -> Result<String, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(format!("{} MiB resident", kib / 1024))
}
