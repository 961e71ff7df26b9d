//! What a test gets: a server on one of the engines, a source address, and identifiers that nobody else uses.

use std::net::Ipv4Addr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use countersign_testkit::http::Request;
use countersign_testkit::{Builder, Client, Engine, LineClient, Response, Server, poll, source};
use serde_json::Value;

/// One test on one engine.
pub struct Case {
    engine: Engine,
    server: Handle,
    source: Ipv4Addr,
}

enum Handle {
    Shared(&'static Server),
    Own(Box<Server>),
}

impl Case {
    /// On the server with default settings that all tests of the engine share.
    pub fn new(engine: Engine) -> Self {
        static SQLITE: OnceLock<Server> = OnceLock::new();
        static POSTGRES: OnceLock<Server> = OnceLock::new();
        let shared = match engine {
            Engine::Sqlite => &SQLITE,
            Engine::Postgres => &POSTGRES,
        };
        let server = shared.get_or_init(|| Server::builder().engine(engine).start());
        Self { engine, server: Handle::Shared(server), source: source::fresh() }
    }

    /// On a server of its own, of the same engine, as `wishes` say.
    pub fn with_own(&self, wishes: Builder) -> Self {
        let server = wishes.engine(self.engine).start();
        Self { engine: self.engine, server: Handle::Own(Box::new(server)), source: source::fresh() }
    }

    /// On a server of its own whose clock can be moved.
    pub fn with_clock(&self) -> Self {
        self.with_own(Server::builder().fake_clock())
    }

    /// On a server of its own with these settings.
    pub fn with_config(&self, toml: &str) -> Self {
        self.with_own(Server::builder().config(toml))
    }

    /// The server.
    pub fn server(&self) -> &Server {
        match &self.server {
            Handle::Shared(server) => server,
            Handle::Own(server) => server,
        }
    }

    /// The server, to stop it or to move its clock. Only one's own.
    pub fn server_mut(&mut self) -> &mut Server {
        match &mut self.server {
            Handle::Shared(_) => panic!("other tests use this server too"),
            Handle::Own(server) => server,
        }
    }

    /// Which engine this is about.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The HTTP client of this test.
    pub fn http(&self) -> Client {
        Client::from_source(self.server().http_address(), self.source)
    }

    /// A connection to the line listener from the source address of this test.
    pub fn line(&self) -> LineClient {
        LineClient::connect_from(self.source, self.server().line_address())
    }

    /// POSTs JSON.
    pub fn post(&self, path: &str, body: Value) -> Response {
        self.http().post_json(path, &body)
    }

    /// GETs.
    pub fn get(&self, path: &str) -> Response {
        self.http().get(path).send()
    }

    /// An address that no other test uses.
    pub fn email(&self) -> String {
        format!("user-{}@example.com", unique())
    }

    /// A username that no other test uses.
    pub fn username(&self) -> String {
        format!("user{}", unique())
    }

    /// A phone number that no other test uses.
    pub fn phone(&self) -> String {
        format!("888{:07}", unique())
    }
}

/// A password that every surface accepts, different each time.
pub fn password() -> String {
    format!("Tr0mbone-yellow-{}", unique())
}

/// A number that was not given out before in this run.
pub fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Runs `count` copies of `work` at the same moment, each with its number; their results in order.
pub fn at_once<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let gate = std::sync::Barrier::new(count);
    let run = |number| {
        gate.wait();
        work(number)
    };
    thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = (0..count).map(|number| scope.spawn(move || run(number))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic in a racing thread")).collect()
    })
}

/// Keeps `count` connections, on which `run` may send one request at one moment, as often as it likes.
pub fn racing<T>(case: &Case, count: usize, run: impl FnOnce(&dyn Fn(&Request) -> Vec<Response>) -> T) -> T {
    let gate = std::sync::Barrier::new(count);
    thread::scope(|scope| {
        let racer = |_| {
            let (to, requests) = channel::<Request>();
            let (answers, from) = channel();
            let (mut connection, gate) = (case.http().keep(), &gate);
            scope.spawn(move || {
                for request in requests {
                    gate.wait();
                    // Nobody reads it if another one has failed.
                    let _ = answers.send(connection.exchange(&request));
                }
            });
            (to, from)
        };
        let racers: Vec<_> = (0..count).map(racer).collect();
        run(&|request: &Request| {
            for (to, _) in &racers {
                to.send(request.clone()).expect("it listens");
            }
            racers.iter().map(|(_, from)| from.recv().expect("an answer")).collect()
        })
    })
}

/// What a stranger can tell answers apart by: all but the header fields that differ from one request to the next.
pub fn visible(response: &Response) -> (u16, Vec<(String, String)>, String) {
    let changing = ["date", "x-request-id", "request-id"];
    let headers = response.headers.iter().filter(|(name, _)| !changing.contains(&name.as_str()));
    (response.status, headers.cloned().collect(), response.text().to_owned())
}

/// Waits until all of these lines of a log in JSON, which anybody can repeat, are there or in the sums of what was left
/// out, and checks that no second had more of them than it may: how many that are depends on how fast the machine is.
/// `line` is a member and its value, `sum` how the message of a sum ends.
pub fn told_or_counted(case: &Case, since: Instant, all: u64, line: (&str, &str), sum: &str) {
    let told = poll::until("every line is told or counted", || {
        let log = case.server().log();
        let (mut told, mut counted) = (0, 0);
        for entry in log.lines().filter_map(|entry| serde_json::from_str::<Value>(entry).ok()) {
            told += u64::from(entry[line.0] == line.1);
            if entry["message"].as_str().is_some_and(|message| message.ends_with(sum)) {
                counted += entry["more"].as_u64().unwrap_or(0);
            }
        }
        (told + counted == all).then_some(told)
    });
    let seconds = since.elapsed().as_secs() + 1;
    assert!(told <= 20 * seconds, "{told} lines in {seconds} seconds");
}

/// Makes a test module of each function's name, with one test per engine.
macro_rules! on_both_engines {
    ($($name:ident)*) => {$(
        mod $name {
            use crate::case::Case;
            use countersign_testkit::Engine;

            #[test]
            fn sqlite() {
                super::$name(&Case::new(Engine::Sqlite));
            }

            #[test]
            fn postgres() {
                super::$name(&Case::new(Engine::Postgres));
            }
        }
    )*};
}
pub(crate) use on_both_engines;
