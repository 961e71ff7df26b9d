//! The PostgreSQL reference: selects by primary key, pipelined over a few connections.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use tokio_postgres::{Client, NoTls};

use crate::Result;
use crate::random::Random;

#[derive(clap::Args)]
pub struct Options {
    /// Server and database, as libpq writes them.
    #[arg(long)]
    url: String,
    /// Rows of the table; made first if it is missing or of another size.
    #[arg(long, default_value_t = 1_000_000)]
    rows: i64,
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Callers that wait for one row each.
    #[arg(long, default_value_t = 64)]
    callers: usize,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

pub fn run(options: &Options) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(select(options))?;
    Ok(ExitCode::SUCCESS)
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn select(options: &Options) -> Result<()> {
    fill(&connect(&options.url).await?, options.rows).await?;
    let mut clients = Vec::new();
    for _ in 0..options.connections.max(1) {
        let client = connect(&options.url).await?;
        let statement = client.prepare(SELECT).await?;
        clients.push(Arc::new((client, statement)));
    }
    let began = Instant::now();
    let deadline = began + Duration::from_secs_f64(options.seconds);
    let callers = (0..options.callers).map(|caller| {
        let client = Arc::clone(&clients[caller % clients.len()]);
        let (rows, mut random) = (options.rows, Random::split(1, caller as u64));
        tokio::spawn(async move {
            let mut count = 0_u64;
            while Instant::now() < deadline {
                let row = i64::try_from(random.next() % rows.unsigned_abs().max(1)).unwrap_or(0);
                let found = client.0.query_one(&client.1, &[&key(row)]).await?;
                std::hint::black_box(found.get::<_, i64>(0));
                count += 1;
            }
            Ok::<u64, tokio_postgres::Error>(count)
        })
    });
    let counts = try_join_all(callers).await?.into_iter().collect::<std::result::Result<Vec<_>, _>>()?;
    let per_second = counts.iter().sum::<u64>() as f64 / began.elapsed().as_secs_f64();
    println!("{}", serde_json::json!({ "per_second": per_second }));
    Ok(())
}

const SELECT: &str = "SELECT account, expires_at FROM reference_session WHERE digest = $1";

/// 32 bytes that look like a digest; the same that `fill` writes.
fn key(row: i64) -> Vec<u8> {
    let mut random = Random::split(0x5E55_1014, row.unsigned_abs());
    (0..4).flat_map(|_| random.next().to_be_bytes()).collect()
}

async fn fill(client: &Client, rows: i64) -> Result<()> {
    client
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS reference_session (digest BYTEA PRIMARY KEY,
             account BIGINT NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL)",
        )
        .await?;
    let present: i64 = client.query_one("SELECT count(*) FROM reference_session", &[]).await?.get(0);
    if present == rows {
        return Ok(());
    }
    client.execute("TRUNCATE reference_session", &[]).await?;
    let insert = client
        .prepare("INSERT INTO reference_session SELECT digest, 1, 0, 0 FROM UNNEST($1::BYTEA[]) AS digest")
        .await?;
    for chunk in (0..rows).collect::<Vec<_>>().chunks(10_000) {
        let keys: Vec<Vec<u8>> = chunk.iter().map(|row| key(*row)).collect();
        client.execute(&insert, &[&keys]).await?;
    }
    client.batch_execute("VACUUM ANALYZE reference_session").await?;
    Ok(())
}
