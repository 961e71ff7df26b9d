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
            None => {
                let file = self.case.server().data_dir().join("countersign.db");
                let lock = rusqlite::Connection::open(file).expect("the database");
                lock.busy_timeout(Duration::from_secs(30)).expect("a timeout");
                lock.execute_batch("BEGIN IMMEDIATE").expect("the lock");
                self.lock = Some(lock);
            }
        }
    }

    /// Back again; waits until `works` does.
    pub fn give_back(&mut self, works: impl Fn(&Case) -> bool) {
        self.lock = None;
        if let Some(cluster) = &self.cluster {
            cluster.launch();
        }
        poll::until("the server to work with its store again", || works(&self.case).then_some(()));
    }
}
