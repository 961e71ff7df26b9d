//! Reference programs and load generators for `scripts/bench`, and the crash harness for `scripts/crash`.
//!
//! Every reference does one thing the server must do and nothing else, so that the ratio between the two
//! is the price of everything around it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what these programs are for")]

mod crash;
mod echo;
mod group_commit;
mod hashing;
mod http;
mod load;
mod pg_select;
mod postgres;
mod random;
mod seed;
mod signing;

use clap::{Parser, Subcommand};

/// Anything that stops a benchmark; the text is all that is ever done with it.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Parser)]
#[command(name = "countersign-bench", about, version)]
struct Arguments {
    #[command(subcommand)]
    program: Program,
}

#[derive(Subcommand)]
enum Program {
    /// HTTP reference: an axum handler that answers a constant JSON.
    Echo(echo::Options),
    /// Argon2id reference: the plain call of the `argon2` crate on every thread.
    Argon2(hashing::Options),
    /// Argon2id in the server's own pool, with nothing around it.
    HashPool(hashing::Options),
    /// SQLite reference: durable token rotations, many to a commit.
    GroupCommit(group_commit::Options),
    /// ES256 reference: the plain call of aws-lc on every thread.
    Sign(signing::Options),
    /// PostgreSQL reference: pipelined selects by primary key.
    PgSelect(pg_select::Options),
    /// A private, durable PostgreSQL until the end of the input.
    Postgres,
    /// Load: keep-alive HTTP/1.1 from pinned threads.
    Load(load::Options),
    /// Register accounts and sign them in, so that `load` has something to send.
    Prepare(load::prepare::Options),
    /// Fill a store with accounts and sessions.
    Seed(seed::Options),
    /// Kill the server under load again and again, and compare it with what it acknowledged.
    Crash(crash::Options),
}

fn main() -> std::process::ExitCode {
    let outcome = match Arguments::parse().program {
        Program::Echo(options) => echo::run(&options),
        Program::Argon2(options) => hashing::run(&options),
        Program::HashPool(options) => hashing::run_pool(&options),
        Program::GroupCommit(options) => group_commit::run(&options),
        Program::Sign(options) => signing::run(&options),
        Program::PgSelect(options) => pg_select::run(&options),
        Program::Postgres => postgres::run(),
        Program::Load(options) => load::run(&options),
        Program::Prepare(options) => load::prepare::run(&options),
        Program::Seed(options) => seed::run(&options),
        Program::Crash(options) => crash::run(options),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("countersign-bench: {error}");
            std::process::ExitCode::from(2)
        }
    }
}
