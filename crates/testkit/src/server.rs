//! Starts the real binary.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use serde::Deserialize;

use crate::{Client, LineClient, Postgres, faketime, poll, process, ready_made, scratch};

/// Which database a server runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// The embedded one.
    Sqlite,
    /// A database of its own of [`Postgres::shared`].
    Postgres,
}

/// The wishes for a server.
#[must_use]
#[derive(Clone, Debug)]
pub struct Builder {
    binary: Option<PathBuf>,
    engine: Engine,
    database: Option<String>,
    config: String,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    fake_clock: bool,
    fresh: bool,
}

/// A server, running or stopped; it is killed and its data removed when this goes away.
#[derive(Debug)]
pub struct Server {
    wishes: Builder,
    home: PathBuf,
    database: String,
    /// Made here, so removed here.
    own_database: bool,
    /// In seconds.
    clock_offset: i64,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    addresses: Addresses,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Addresses {
    http: SocketAddr,
    line: Option<SocketAddr>,
    mtls: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
}

/// Takes away settings of the environment that the tests run in: the binary would read them as its own.
pub fn without_settings(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COUNTERSIGN_") {
            command.env_remove(name);
        }
    }
    command
}

impl Builder {
    /// Runs this program instead of the `countersign` that was built.
    pub fn binary(mut self, path: &Path) -> Self {
        self.binary = Some(path.to_owned());
        self
    }

    /// Runs on this kind of database (SQLite unless told otherwise).
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    /// Runs on a given database, which is left alone at the end.
    pub fn database(mut self, url: &str) -> Self {
        self.database = Some(url.to_owned());
        self
    }

    /// Adds lines to the configuration file.
    pub fn config(mut self, toml: &str) -> Self {
        self.config.push_str(toml);
        self.config.push('\n');
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: &str, value: impl AsRef<Path>) -> Self {
        self.environment.push((name.to_owned(), value.as_ref().display().to_string()));
        self
    }

    /// Adds an argument after `serve`.
    pub fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Starts it under libfaketime, so that [`Server::advance`] works.
    pub fn fake_clock(mut self) -> Self {
        self.fake_clock = true;
        self
    }

    /// Starts it without anything: no keys, no certificate. Otherwise it finds those that the first server of the run
    /// has made, because RSA keys take most of the time of a start.
    pub fn fresh(mut self) -> Self {
        self.fresh = true;
        self
    }

    /// Starts it; panics with its log when it is not ready in time.
    pub fn start(self) -> Server {
        let home = scratch::directory("server");
        let data = home.join("data");
        scratch::make_directory(&data);
        fs::write(home.join("countersign.toml"), &self.config).expect("a file in the run's own directory");
        let made = (!self.fresh && self.database.is_none()).then(|| ready_made::copy(self.engine, &data));
        let database = match (&self.database, self.engine, made) {
            (Some(url), _, _) => url.clone(),
            (None, Engine::Sqlite, _) => format!("sqlite:{}", data.join("countersign.db").display()),
            (None, Engine::Postgres, Some(made)) => Postgres::shared().copy_of(made.database_url()),
            (None, Engine::Postgres, None) => Postgres::shared().database(),
        };
        let own_database = self.database.is_none() && self.engine == Engine::Postgres;
        let mut server =
            Server { wishes: self, home, database, own_database, clock_offset: 0, running: None };
        server.launch();
        server
    }
}

impl Server {
    /// A server with default settings on SQLite, unless told otherwise.
    pub fn builder() -> Builder {
        Builder {
            binary: None,
            engine: Engine::Sqlite,
            database: None,
            config: String::new(),
            environment: Vec::new(),
            arguments: Vec::new(),
            fake_clock: false,
            fresh: false,
        }
    }

    /// Starts it again on the same data. The ports are new ones.
    pub fn launch(&mut self) {
        self.try_launch()
            .unwrap_or_else(|reason| panic!("the server did not start: {reason}\n{}", self.log()));
    }

    /// Starts it again; what happened when it does not become ready.
    pub fn try_launch(&mut self) -> Result<(), String> {
        assert!(self.running.is_none(), "the server is running already");
        let log =
            OpenOptions::new().create(true).append(true).open(self.log_path()).map_err(|e| e.to_string())?;
        let mut command = process::mortal(self.binary());
        command.arg("serve").arg("--config").arg(self.home.join("countersign.toml"));
        command.args([
            "--listen",
            "127.0.0.1:0",
            "--line-listen",
            "127.0.0.1:0",
            "--metrics-listen",
            "127.0.0.1:0",
        ]);
        command.arg("--print-addresses-json").args(&self.wishes.arguments);
        self.prepare(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = process::spawn(command).map_err(|error| error.to_string())?;
        match first_line(&mut child) {
            Ok(addresses) => {
                self.running = Some(Running { child, addresses });
                Ok(())
            }
            Err(reason) => {
                let _ = child.kill();
                let status = child.wait();
                Err(format!("{reason} ({status:?})"))
            }
        }
    }

    /// The address of the HTTP listener.
    pub fn http_address(&self) -> SocketAddr {
        self.addresses().http
    }

    /// The address of the line listener.
    pub fn line_address(&self) -> SocketAddr {
        self.addresses().line.expect("the line listener is on")
    }

    /// The address of the listener for clients with certificates.
    pub fn mtls_address(&self) -> SocketAddr {
        self.addresses().mtls.expect("the listener for certificates is on")
    }

    /// The address of the metrics listener.
    pub fn metrics_address(&self) -> SocketAddr {
        self.addresses().metrics.expect("the metrics listener is on")
    }

    /// An HTTP client with a source address of its own.
    pub fn client(&self) -> Client {
        Client::new(self.http_address())
    }

    /// A connection to the line listener from a source address of its own.
    pub fn line(&self) -> LineClient {
        LineClient::connect(self.line_address())
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("a running server").child.id()
    }

    /// Which engine it was asked to run on.
    pub fn engine(&self) -> Engine {
        self.wishes.engine
    }

    /// Its data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.home.join("data")
    }

    /// Its `--database`.
    pub fn database_url(&self) -> &str {
        &self.database
    }

    /// Everything it has logged so far, over all its starts.
    pub fn log(&self) -> String {
        fs::read(self.log_path())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// SIGKILL, and wait for the end.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.child.kill();
            let _ = running.child.wait();
            if self.wishes.fake_clock {
                faketime::tidy_up_after(running.child.id());
            }
        }
    }

    /// SIGTERM, and how it ended; `None` (and SIGKILL) when it takes longer than `deadline`.
    pub fn terminate(&mut self, deadline: Duration) -> Option<ExitStatus> {
        let running = self.running.as_mut().expect("a running server");
        process::signal(&running.child, "TERM");
        let status = process::wait(&mut running.child, deadline);
        self.kill();
        status
    }

    /// SIGTERM and a new start on the same data.
    pub fn restart(&mut self) {
        let status = self.terminate(poll::PATIENCE).expect("the server ends at SIGTERM");
        assert!(status.success(), "the server ended with {status}\n{}", self.log());
        self.launch();
    }

    /// Whether the process is still there.
    pub fn is_alive(&mut self) -> bool {
        self.running.as_mut().is_some_and(|running| running.child.try_wait().expect("a child").is_none())
    }

    /// Moves its wall clock forward. Needs [`Builder::fake_clock`].
    pub fn advance(&mut self, by: Duration) {
        self.move_clock(i64::try_from(by.as_secs()).expect("less than the age of the universe"));
    }

    /// Sets its wall clock back. Needs [`Builder::fake_clock`].
    pub fn retreat(&mut self, by: Duration) {
        self.move_clock(-i64::try_from(by.as_secs()).expect("less than the age of the universe"));
    }

    fn move_clock(&mut self, seconds: i64) {
        assert!(self.wishes.fake_clock, "this server runs on the real clock");
        self.clock_offset += seconds;
        self.write_clock();
    }

    /// Sends it a signal by name (`HUP` …).
    pub fn signal(&self, name: &str) {
        process::signal(&self.running.as_ref().expect("a running server").child, name);
    }

    /// Runs another command of the binary (`outbox list` …) on the data of this server.
    pub fn command(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.binary());
        command.args(arguments);
        self.prepare(&mut command);
        command.stdin(Stdio::null()).output().expect("the countersign binary")
    }

    /// The same as a command line for programs that are not ours.
    pub fn command_line(&self, arguments: &[&str]) -> Vec<String> {
        let mut line = vec![self.binary().display().to_string()];
        line.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        line.extend(["--data-dir".to_owned(), self.data_dir().display().to_string()]);
        line.extend(["--database".to_owned(), self.database.clone()]);
        line
    }

    fn binary(&self) -> PathBuf {
        self.wishes.binary.clone().unwrap_or_else(process::countersign)
    }

    fn addresses(&self) -> Addresses {
        self.running.as_ref().expect("a running server").addresses
    }

    fn log_path(&self) -> PathBuf {
        self.home.join("server.log")
    }

    fn prepare(&self, command: &mut Command) {
        without_settings(command);
        command.arg("--data-dir").arg(self.data_dir()).args(["--database", &self.database]);
        command
            .current_dir(&self.home)
            .envs(self.wishes.environment.iter().map(|(name, value)| (name, value)));
        if self.wishes.fake_clock {
            self.write_clock();
            faketime::follow(command, &self.clock_path());
        }
    }

    fn clock_path(&self) -> PathBuf {
        self.home.join("clock")
    }

    /// Replaces the file in one step, since the server may be reading it.
    fn write_clock(&self) {
        let fresh = self.home.join("clock.new");
        fs::write(&fresh, format!("{:+}s\n", self.clock_offset)).expect("a file of our own");
        fs::rename(fresh, self.clock_path()).expect("a file of our own");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- log of the server ({}):\n{}", self.home.display(), self.log());
        }
        if self.own_database {
            Postgres::shared().drop_database(&self.database);
        }
        if !scratch::kept() {
            let _ = fs::remove_dir_all(&self.home);
        }
    }
}

/// Waits for the line of addresses; then keeps reading, so that the server never blocks on a full pipe.
fn first_line(child: &mut Child) -> Result<Addresses, String> {
    let stdout = child.stdout.take().ok_or("standard output is not piped")?;
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    loop {
        match lines.recv_timeout(poll::PATIENCE) {
            Ok(line) if line.starts_with('{') => {
                return serde_json::from_str(&line).map_err(|error| format!("{error} in {line}"));
            }
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => return Err(format!("not ready after {:?}", poll::PATIENCE)),
            Err(RecvTimeoutError::Disconnected) => return Err("it ended before it was ready".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Answers with its wall clock; its outbox is one message.
    const STAND_IN: &str = r#"#!/usr/bin/env python3
import http.server, json, os, sys, time
if sys.argv[1] == "outbox":
    print('[{"channel":"email","to":"A@b.c","template":"t","code":"x","state":"waiting","attempts":0}]')
    sys.exit()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(time.time()).encode())
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(json.dumps({"http": "127.0.0.1:%d" % server.server_port, "line": None, "metrics": None}), flush=True)
server.serve_forever()
"#;

    #[test]
    fn a_server_can_be_restarted_killed_and_moved_in_time() {
        let program = scratch::directory("stand-in").join("program");
        fs::write(&program, STAND_IN).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let mut server = Server::builder().binary(&program).fake_clock().start();
        let seconds = |server: &Server| server.client().get("/").send().text().parse::<f64>().unwrap();
        let before = seconds(&server);
        server.advance(Duration::from_secs(86_400));
        let ahead = seconds(&server) - before;
        assert!((86_400.0..86_460.0).contains(&ahead), "{ahead}");
        server.kill();
        assert!(!server.is_alive());
        server.launch();
        assert!(seconds(&server) - before > 86_400.0, "the clock stays where it was moved to");
        assert!(!server.terminate(poll::PATIENCE).expect("it ends").success(), "it was ended by a signal");
        server.launch();
        assert!(server.is_alive());
        assert_eq!(server.latest_to("a@B.c").code(), "x");
    }

    #[test]
    fn a_program_that_ends_at_once_is_reported() {
        let server = Server::builder().binary(Path::new("/bin/true"));
        let outcome = std::panic::catch_unwind(|| server.start());
        assert!(outcome.is_err());
    }
}
