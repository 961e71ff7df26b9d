//! The server as a program: started, killed, and its database looked at from outside.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use countersign_testkit::server::without_settings;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::Result;

/// More than the two seconds that a start may take, so that a slow start is reported rather than cut off.
const PATIENCE: Duration = Duration::from_secs(20);
const DATABASE: &str = "countersign.db";

/// Hashes as cheap as they get and limits out of reach: this run is about durability. Comparisons present used
/// tokens on purpose, which outside the grace would end the sessions that came of them; see [`Grace`].
const SETTINGS: &str = r#"
[password]
memory_kib = 8192
iterations = 1

[codes]
lifetime = "24h"

[sessions]
reuse_grace = "24h"

[limits]
sign_in_per_account_burst = 1000000000
sign_in_per_source_burst = 1000000000
messages_per_target_burst = 1000000000
messages_per_source_burst = 1000000000
registrations_per_source_burst = 1000000000
messages_per_hour = 1000000000
connections = 10000
connections_per_source = 10000

[log]
level = "warn"
"#;

/// How long a used token is forgiven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// As long as the run takes.
    Ample,
    /// Not at all.
    None,
}

/// The binary, its data directory and its database.
#[derive(Debug)]
pub struct Program {
    binary: PathBuf,
    dir: PathBuf,
    database: Option<String>,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    pub start: Duration,
}

impl Program {
    pub fn new(binary: PathBuf, dir: PathBuf, database: Option<String>) -> Result<Self> {
        std::fs::write(dir.join("countersign.toml"), SETTINGS)?;
        Ok(Self { binary, dir, database })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        without_settings(command.as_std_mut());
        command.args(arguments).arg("--data-dir").arg(self.dir.join("data"));
        command.arg("--config").arg(self.dir.join("countersign.toml"));
        if let Some(database) = &self.database {
            command.arg("--database").arg(database);
        }
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    fn spawn(&self, grace: Grace) -> Result<Child> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.join("server.log"))?;
        let ports =
            ["--listen", "127.0.0.1:0", "--line-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
        let mut command = self.command(&["serve"]);
        if grace == Grace::None {
            command.env("COUNTERSIGN_SESSIONS_REUSE_GRACE", "0s");
        }
        command.args(ports).arg("--print-addresses-json").stdout(Stdio::piped()).stderr(log);
        Ok(command.spawn()?)
    }

    /// Starts the server and measures how long it takes until it is ready.
    pub async fn start(&self, grace: Grace) -> Result<Server> {
        let began = Instant::now();
        let mut child = self.spawn(grace)?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut lines = BufReader::new(output).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let start = began.elapsed();
        let Ok(Ok(Some(line))) = line else {
            return Err(format!(
                "the server did not start; its log is {}",
                self.dir.join("server.log").display()
            )
            .into());
        };
        let addresses: serde_json::Value = serde_json::from_str(&line)?;
        let address =
            addresses.get("http").and_then(|http| http.as_str()).ok_or("no HTTP address")?.parse()?;
        Ok(Server { child, address, start })
    }

    /// Starts the server and kills it before it may be ready: recovery itself must survive a crash.
    pub async fn start_and_kill(&self, after: Duration) -> Result<()> {
        let mut child = self.spawn(Grace::Ample)?;
        tokio::time::sleep(after).await;
        child.kill().await?;
        Ok(())
    }

    /// Runs another command of the binary and returns what it prints.
    pub async fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments).output().await?;
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr);
            return Err(format!("countersign {} failed: {error}", arguments.join(" ")).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// `PRAGMA integrity_check` on a copy of what the kill left behind. On a copy, because opening the
    /// database would do the recovery that the server has to do itself.
    pub fn check_integrity(&self) -> Result<Option<String>> {
        if self.database.is_some() {
            return Ok(None);
        }
        let copy = tempfile::tempdir_in(&self.dir)?;
        for suffix in ["", "-wal"] {
            let name = format!("{DATABASE}{suffix}");
            let from = self.dir.join("data").join(&name);
            if from.exists() {
                std::fs::copy(from, copy.path().join(&name))?;
            }
        }
        integrity_of(&copy.path().join(DATABASE))
    }
}

/// The complaint of SQLite about a database, if it has one.
fn integrity_of(path: &Path) -> Result<Option<String>> {
    let database = rusqlite::Connection::open(path)?;
    let verdict: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    let orphan = database.prepare("PRAGMA foreign_key_check")?.exists([])?;
    Ok(match verdict.as_str() {
        "ok" if orphan => Some("a row refers to one that is missing (foreign_key_check)".to_owned()),
        "ok" => None,
        _ => Some(verdict),
    })
}

impl Server {
    /// SIGKILL: no handler runs, nothing is flushed.
    pub async fn kill(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}
