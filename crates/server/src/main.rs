//! The `countersign` binary: command line, configuration, listeners.

mod cli;
mod config;
mod data_dir;
mod doctor;
mod failure;
mod master_key;
mod open;
mod serve;
mod telemetry;
mod tls;
mod tour;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use countersign_model::random::Random;
use nix::sys::stat::{Mode, umask};

use cli::args::{Arguments, joined};
use failure::Outcome;

/// Uses the buffers of password hashes again, where glibc's allocator keeps many times their size
/// (docs/decisions/0003-password-hash-pool.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long background tasks may take to end: making an RSA key takes about a second.
const LAST_TASKS: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments = Arguments::parse_from(joined(std::env::args_os()));
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if failure.is_worth_telling() {
                // Nobody listens if this fails.
                let _ = writeln!(std::io::stderr(), "{failure}");
            }
            failure.exit_code()
        }
    }
}

fn run(arguments: Arguments) -> Outcome {
    // Whatever we make holds secrets or personal data: for the owner only.
    umask(Mode::S_IRWXG | Mode::S_IRWXO);
    // The first random bytes take tens of milliseconds, in which aws-lc measures the processor's jitter;
    // the configuration is read and the database opened meanwhile.
    let warm_up = std::thread::spawn(|| Random::System.bytes::<1>());
    // Commands need no more; the server serves connections on threads of their own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failure::Failure::failed(format!("cannot start threads: {error}")))?;
    let outcome = runtime.block_on(cli::run(arguments.command));
    // aws-lc aborts a process that exits while another thread is inside it: a key that is being made
    // and the warm-up come to their end first.
    runtime.shutdown_timeout(LAST_TASKS);
    countersign_store::wait_until_closed(LAST_TASKS);
    // It cannot have panicked, and the process ends anyway.
    let _ = warm_up.join();
    outcome
}
