//! A private PostgreSQL cluster, and fresh databases in it.
//!
//! `COUNTERSIGN_TEST_POSTGRES` (`postgres://user@host:port`) names a cluster to use instead; `scripts/test` starts
//! one and sets it. Otherwise the first test that needs one starts it, and it dies with the run.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use crate::{poll, process, scratch};

/// The superuser of the clusters started here.
const SUPERUSER: &str = "postgres";

/// Whether a commit survives the loss of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// `fsync = off`: enough for everything that does not pull the plug.
    Fast,
    /// As in production.
    Durable,
}

/// A running cluster.
#[derive(Debug)]
pub struct Postgres {
    /// `postgres://user@host:port`, without a database.
    base: String,
    data: Option<PathBuf>,
    durability: Durability,
    server: Mutex<Option<Child>>,
    template: OnceLock<String>,
}

impl Postgres {
    /// The cluster that the tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var("COUNTERSIGN_TEST_POSTGRES") {
            Ok(base) => Self {
                base: base.trim_end_matches('/').to_owned(),
                data: None,
                durability: Durability::Fast,
                server: Mutex::new(None),
                template: OnceLock::new(),
            },
            Err(_) => Self::start(Durability::Fast),
        })
    }

    /// Makes and starts a cluster on a free loopback port.
    pub fn start(durability: Durability) -> Self {
        let home = scratch::directory("postgres");
        fs::set_permissions(&home, fs::Permissions::from_mode(0o777)).expect("a directory of our own");
        let data = home.join("data");
        let made = as_postgres("KILL", &tool("initdb"))
            .args([
                "--auth=trust",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
                "--username",
                SUPERUSER,
                "-D",
            ])
            .arg(&data)
            .current_dir("/")
            .output()
            .expect("initdb");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let cluster = Self {
            base: format!("postgres://{SUPERUSER}@127.0.0.1:{port}"),
            data: Some(data),
            durability,
            server: Mutex::new(None),
            template: OnceLock::new(),
        };
        cluster.launch();
        cluster
    }

    /// The URL of a database of this cluster.
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.base)
    }

    /// A new database with nothing in it.
    pub fn empty_database(&self) -> String {
        let name = fresh_name("empty");
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// A new database, migrated by the real binary (once; the others are copies).
    pub fn database(&self) -> String {
        let template = self.template.get_or_init(|| {
            let name = fresh_name("template");
            self.psql("postgres", &format!("CREATE DATABASE {name}"));
            migrate(&self.url(&name));
            name
        });
        let name = fresh_name("test");
        self.psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        self.url(&name)
    }

    /// A new database with what is in another one, to which nobody is connected.
    pub fn copy_of(&self, url: &str) -> String {
        let template = url.rsplit('/').next().unwrap_or_default();
        let name = fresh_name("test");
        self.psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        self.url(&name)
    }

    /// Removes a database, connected or not.
    pub fn drop_database(&self, url: &str) {
        let name = url.rsplit('/').next().unwrap_or_default();
        self.psql("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    }

    /// Runs one SQL statement and gives psql's unaligned output.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        // CREATE DATABASE of one template from two sessions at once is refused.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let done = Command::new(tool("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database), "-c", sql])
            .stdin(Stdio::null())
            .output()
            .expect("psql");
        assert!(done.status.success(), "psql {sql}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    /// Everything in a database, as pg_dump writes it.
    pub fn dump(&self, url: &str) -> Vec<u8> {
        let done = Command::new(tool("pg_dump")).args(["--inserts", "-d", url]).output().expect("pg_dump");
        assert!(done.status.success(), "pg_dump: {}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }

    /// Ends the cluster's processes as a crash would. Only for clusters of one's own.
    pub fn crash(&self) {
        self.stop("QUIT");
    }

    /// Starts it again on the same data and port.
    pub fn launch(&self) {
        let data = self.data.as_ref().expect("a cluster that was started here");
        let port = self.base.rsplit(':').next().unwrap_or_default();
        let log = fs::File::create(data.with_file_name("postgres.log")).expect("a log file");
        // SIGQUIT is PostgreSQL's immediate stop; it then takes its workers along, which SIGKILL would not.
        let mut command = as_postgres("QUIT", &tool("postgres"));
        command.arg("-D").arg(data).args(["-p", port, "-c", "listen_addresses=127.0.0.1"]);
        command.args(["-c", "unix_socket_directories=", "-c", "max_connections=500"]);
        if self.durability == Durability::Fast {
            command.args(["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off"]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).current_dir("/");
        *self.server.lock().expect("no panic while held") = Some(process::spawn(command).expect("postgres"));
        poll::until("PostgreSQL to accept connections", || {
            let mut probe = Command::new(tool("pg_isready"));
            let ready = probe.args(["-q", "-d", &self.url("postgres")]).status().expect("pg_isready");
            ready.success().then_some(())
        });
    }

    fn stop(&self, signal: &str) {
        if let Some(mut server) = self.server.lock().expect("no panic while held").take() {
            process::signal(&server, signal);
            process::wait(&mut server, Duration::from_secs(30)).expect("PostgreSQL stops");
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop("QUIT");
        if let Some(home) = self.data.as_deref().and_then(Path::parent)
            && !scratch::kept()
        {
            let _ = fs::remove_dir_all(home);
        }
    }
}

/// Where Debian keeps the programs that are not on the search path.
fn tool(name: &str) -> PathBuf {
    if let Some(directory) = std::env::var_os("COUNTERSIGN_PG_BIN") {
        return PathBuf::from(directory).join(name);
    }
    // Before the search path, where Debian has a wrapper that takes four times as long as psql itself.
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut places: Vec<_> = versions.map(|entry| entry.path().join("bin")).collect();
    places.sort();
    places.reverse();
    places.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let found = places.into_iter().map(|place| place.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed (Debian: postgresql)"))
}

/// A command as a user that PostgreSQL agrees to run as: it refuses root.
fn as_postgres(death_signal: &str, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", death_signal]);
    if process::is_root() {
        command.args(["--reuid", SUPERUSER, "--regid", SUPERUSER, "--init-groups"]);
    }
    command.arg("--").arg(program);
    command
}

fn migrate(url: &str) {
    let data = scratch::directory("migrate");
    let mut command = Command::new(process::countersign());
    command.args(["migrate", "--apply", "--database", url, "--data-dir"]).arg(data);
    let done = crate::server::without_settings(&mut command).output().expect("the countersign binary");
    assert!(done.status.success(), "migrate: {}", String::from_utf8_lossy(&done.stderr));
}

fn fresh_name(kind: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{kind}_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A port that was free a moment ago. PostgreSQL cannot be told to choose one itself.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
    listener.local_addr().expect("an address").port()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_survives_a_crash_and_ends_with_its_owner() {
        let cluster = Postgres::start(Durability::Durable);
        let url = cluster.empty_database();
        let name = url.rsplit('/').next().unwrap().to_owned();
        cluster.psql(&name, "CREATE TABLE t (a INT); INSERT INTO t VALUES (7)");
        cluster.crash();
        cluster.launch();
        assert_eq!(cluster.psql(&name, "SELECT a FROM t"), "7");
        assert!(String::from_utf8(cluster.dump(&url)).unwrap().contains("INSERT INTO public.t VALUES (7)"));
        let home = cluster.data.as_deref().and_then(Path::parent).unwrap().to_owned();
        drop(cluster);
        assert!(!home.exists());
    }
}
