//! A server whose store can be taken away and given back.

use std::time::Duration;

use countersign_testkit::postgres::Durability;
use countersign_testkit::{Engine, Postgres, Server, poll};

use crate::case::Case;

/// A server of its own with a store of its own.
pub struct Away {
    // Before the store, so that it is gone when the store goes.
    case: Case,
    cluster: Option<Postgres>,
    lock: Option<rusqlite::Connection>,
}

impl Away {
    /// Starts one on the engine of `case`.
    pub fn start(case: &Case) -> Self {
        match case.engine() {
            Engine::Sqlite => Self { case: case.with_config(""), cluster: None, lock: None },
            Engine::Postgres => {
                // What was acknowledged before the crash must be there after it.
                let cluster = Postgres::start(Durability::Durable);
                let case = case.with_own(Server::builder().database(&cluster.empty_database()));
                Self { case, cluster: Some(cluster), lock: None }
            }
        }
    }

    /// What a test needs.
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// PostgreSQL crashes; the SQLite file is locked by a stranger who does not let go.
    pub fn take(&mut self) {
        match &self.cluster {
            Some(cluster) => cluster.crash(),
            None => self.lock = Some(self.locked()),
        }
    }

    /// It can be read and not written: PostgreSQL as in a standby that was not promoted, the SQLite file is locked.
    pub fn freeze(&mut self) {
        match &self.cluster {
            Some(_) => self.set_read_only("SET default_transaction_read_only = on"),
            None => self.lock = Some(self.locked()),
        }
    }

    /// It can be written again; waits until `works` does.
    pub fn thaw(&mut self, works: impl Fn(&Case) -> bool) {
        self.lock = None;
        if self.cluster.is_some() {
            self.set_read_only("RESET default_transaction_read_only");
        }
        self.wait(works);
    }

    /// Back again; waits until `works` does.
    pub fn give_back(&mut self, works: impl Fn(&Case) -> bool) {
        self.lock = None;
        if let Some(cluster) = &self.cluster {
            cluster.launch();
        }
        self.wait(works);
    }

    fn locked(&self) -> rusqlite::Connection {
        let file = self.case.server().data_dir().join("countersign.db");
        let lock = rusqlite::Connection::open(file).expect("the database");
        lock.busy_timeout(Duration::from_secs(30)).expect("a timeout");
        lock.execute_batch("BEGIN IMMEDIATE").expect("the lock");
        lock
    }

    /// For all connections that the server opens from now on; it must open new ones.
    fn set_read_only(&self, setting: &str) {
        let cluster = self.cluster.as_ref().expect("a cluster");
        let name = self.case.server().database_url().rsplit('/').next().expect("a name");
        cluster.psql("postgres", &format!("ALTER DATABASE {name} {setting}"));
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity";
        cluster.psql("postgres", &format!("{end} WHERE datname = '{name}'"));
    }

    fn wait(&self, works: impl Fn(&Case) -> bool) {
        poll::until("the server to work with its store again", || works(&self.case).then_some(()));
    }
}
