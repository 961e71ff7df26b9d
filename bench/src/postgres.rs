//! A private PostgreSQL for the length of a run, durable as in production.

use std::process::ExitCode;

use countersign_testkit::{Durability, Postgres};

use crate::Result;

/// Starts a cluster, says where it is, and stops it at the end of the input.
pub fn run() -> Result<ExitCode> {
    let cluster = Postgres::start(Durability::Durable);
    println!("{}", serde_json::json!({ "url": cluster.url("postgres") }));
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(ExitCode::SUCCESS)
}
