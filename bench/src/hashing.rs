//! The Argon2id references: the plain call of the `argon2` crate on every thread, memory allocated anew for
//! each hash as the call does by itself; and the server's own hash pool with nothing around it.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use countersign_ops::hasher::{Hasher, HasherSettings};
use futures_util::future::try_join_all;

use crate::Result;

#[derive(clap::Args)]
pub struct Options {
    /// Threads that hash at once; by default one per core this process may use.
    #[arg(long)]
    threads: Option<usize>,
    /// Seconds to run.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Memory of one hash in KiB.
    #[arg(long, default_value_t = 19_456)]
    memory_kib: u32,
    /// Passes over the memory.
    #[arg(long, default_value_t = 2)]
    iterations: u32,
}

impl Options {
    fn threads(&self) -> Result<usize> {
        Ok(match self.threads {
            Some(threads) => threads,
            None => std::thread::available_parallelism()?.get(),
        })
    }
}

pub fn run(options: &Options) -> Result<ExitCode> {
    let params =
        Params::new(options.memory_kib, options.iterations, 1, Some(32)).map_err(|e| e.to_string())?;
    let threads = options.threads()?;
    let began = Instant::now();
    let deadline = began + Duration::from_secs_f64(options.seconds);
    let hashes: u64 = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| hash_until(deadline, &params))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or(0)).sum()
    });
    let per_second = hashes as f64 / began.elapsed().as_secs_f64();
    println!("{}", serde_json::json!({ "threads": threads, "per_second": per_second }));
    Ok(ExitCode::SUCCESS)
}

/// The server's pool, kept busy by twice as many callers as it has threads.
pub fn run_pool(options: &Options) -> Result<ExitCode> {
    let threads = options.threads()?;
    let settings = HasherSettings {
        memory_kib: options.memory_kib,
        iterations: options.iterations,
        threads: NonZeroUsize::new(threads),
        ..HasherSettings::default()
    };
    let hasher = Arc::new(Hasher::new(settings)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let per_second = runtime.block_on(async {
        let began = Instant::now();
        let deadline = began + Duration::from_secs_f64(options.seconds);
        let callers = (0..2 * threads).map(|_| {
            let hasher = Arc::clone(&hasher);
            tokio::spawn(async move {
                let mut hashes = 0_u64;
                while Instant::now() < deadline {
                    let slot =
                        hasher.try_reserve(countersign_ops::Source::Local).map_err(|_| "the pool is busy")?;
                    slot.hash(b"correct horse battery", *b"sixteen byte slt")
                        .await
                        .map_err(|e| e.to_string())?;
                    hashes += 1;
                }
                Result::Ok(hashes)
            })
        });
        let hashes = try_join_all(callers).await?.into_iter().sum::<Result<u64>>()?;
        Result::Ok(hashes as f64 / began.elapsed().as_secs_f64())
    })?;
    println!("{}", serde_json::json!({ "threads": threads, "per_second": per_second }));
    Ok(ExitCode::SUCCESS)
}

fn hash_until(deadline: Instant, params: &Params) -> u64 {
    let mut hashes = 0;
    let mut output = [0_u8; 32];
    while Instant::now() < deadline {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        if argon2.hash_password_into(b"correct horse battery", b"sixteen byte slt", &mut output).is_err() {
            return hashes;
        }
        std::hint::black_box(&output);
        hashes += 1;
    }
    hashes
}
