//! Accounts and sessions for the load, made through the documented surfaces.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::requests::text_of;
use crate::Result;
use crate::http::{Connection, post_json};

const PASSWORD: &str = "correct horse battery staple";

#[derive(clap::Args)]
pub struct Options {
    /// Address of the server.
    #[arg(long)]
    address: SocketAddr,
    /// Accounts to make, each with one session.
    #[arg(long, default_value_t = 64)]
    count: usize,
    /// Where the session tokens go, one on a line.
    #[arg(long)]
    tokens: PathBuf,
    /// Where the accounts go, e-mail and password separated by a tab.
    #[arg(long)]
    accounts: PathBuf,
    /// Part of the e-mail addresses, so that a second run on the same store makes new ones.
    #[arg(long, default_value = "load")]
    label: String,
}

pub fn run(options: &Options) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(prepare(options))?;
    Ok(ExitCode::SUCCESS)
}

async fn prepare(options: &Options) -> Result<()> {
    let mut connection = Connection::open(options.address).await?;
    let mut tokens = std::fs::File::create(&options.tokens)?;
    let mut accounts = std::fs::File::create(&options.accounts)?;
    for number in 0..options.count {
        let email = format!("{}-{number}@example.com", options.label);
        let body =
            json!({ "email": email, "password": PASSWORD, "first_name": "First", "last_name": "Last" });
        expect(&mut connection, "/auth/register/", &body, 201).await?;
        let body = json!({ "identifier": email, "identifier_type": "email", "password": PASSWORD });
        let answer = expect(&mut connection, "/login", &body, 200).await?;
        let token = text_of(&answer, "session_token").ok_or("/login answered no session_token")?;
        writeln!(tokens, "{token}")?;
        writeln!(accounts, "{email}\t{PASSWORD}")?;
    }
    Ok(())
}

async fn expect(
    connection: &mut Connection,
    path: &str,
    body: &serde_json::Value,
    status: u16,
) -> Result<Vec<u8>> {
    let answer = connection.exchange(&post_json(path, body)).await?;
    if answer.status == status {
        return Ok(answer.body.to_vec());
    }
    let text = String::from_utf8_lossy(answer.body);
    Err(format!("{path} answered {} instead of {status}: {text}", answer.status).into())
}
