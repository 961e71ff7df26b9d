//! The server that the tour walks through.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use countersign_ops::Core;
use http::Uri;
use http::uri::Authority;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::line::LineConnection;
use crate::cli::args::Tour;
use crate::config::{self, Settings};
use crate::data_dir::DataDir;
use crate::failure::{Failure, Outcome};
use crate::open::{self, Opener};
use crate::telemetry;

/// A server of the tour's own must be ready in this time.
const START: Duration = Duration::from_secs(30);
/// And gone in this.
const STOP: Duration = Duration::from_secs(10);

/// A running server whose outbox we can read.
pub struct Target {
    /// The URL of its HTTP listener.
    pub base: String,
    /// The address of its line listener, `host:port`.
    pub line: Authority,
    /// Its settings.
    pub settings: Settings,
    /// Its data.
    pub core: Arc<Core>,
    /// What it is.
    pub described: String,
    own: Option<Own>,
}

/// A server of the tour's own.
struct Own {
    child: Child,
    // Removed with everything in it when the tour is over.
    _folder: TempDir,
}

impl Target {
    /// The one at `--url`, else the running one whose data directory is here, else one of our own.
    ///
    /// # Errors
    /// If there is none that can be walked through.
    pub async fn choose(arguments: &Tour) -> Outcome<Target> {
        telemetry::start_for_command();
        let settings = config::load(arguments.place.flags())?.settings;
        if let Some(url) = &arguments.url {
            let line = match &arguments.line {
                Some(line) => {
                    line.parse().ok().filter(|line: &Authority| line.port().is_some()).ok_or_else(|| {
                        Failure::usage(format!("--line {line:?} must be like 127.0.0.1:8081"))
                    })?
                }
                None => beside(url, addresses_of_running(&settings).line.port())?,
            };
            if let Some(reason) = unsuitable(&settings) {
                return Err(Failure::failed(format!("the tour cannot use this server: {reason}")));
            }
            let base = url.trim_end_matches('/').to_owned();
            return Target::running(settings, base, line).await;
        }
        if is_running(&settings) {
            match unsuitable(&settings) {
                None => {
                    let Addresses { http, line } = addresses_of_running(&settings);
                    let base = match &settings.public_url {
                        Some(url) if settings.tls.is_some() => url.clone(),
                        Some(_) | None => format!("http://{}", reachable(http)),
                    };
                    let line = authority(reachable(line))?;
                    return Target::running(settings, base, line).await;
                }
                Some(reason) => {
                    crate::cli::output::note(&format!("not at the running server, since {reason}"))
                }
            }
        }
        Target::own().await
    }

    async fn running(settings: Settings, base: String, line: Authority) -> Outcome<Target> {
        let core = open::open(&settings, Opener::Command).await?;
        let described = format!("a running server; its data is in {}", settings.data_dir.display());
        Ok(Target { base, line, settings, core, described, own: None })
    }

    async fn own() -> Outcome<Target> {
        let folder = TempDir::with_prefix("countersign-tour-")
            .map_err(|error| Failure::failed(format!("cannot make a temporary folder: {error}")))?;
        let data_dir = folder.path().join("data");
        let (child, addresses) = start(folder.path(), &data_dir).await?;
        let settings = config::defaults(data_dir)?;
        let core = open::open(&settings, Opener::Command).await?;
        Ok(Target {
            base: format!("http://{}", addresses.http),
            line: authority(addresses.line)?,
            settings,
            core,
            described: "a server of its own on a temporary folder, gone when the tour is over".to_owned(),
            own: Some(Own { child, _folder: folder }),
        })
    }

    /// Whether it is there for the tour only.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Connects to its line listener.
    ///
    /// # Errors
    /// If it cannot.
    pub async fn line_connection(&self) -> Outcome<LineConnection> {
        LineConnection::open(&self.line, &self.line_certificate()).await
    }

    fn line_certificate(&self) -> PathBuf {
        let given = self.settings.line.certificate.as_ref().or(self.settings.tls.as_ref());
        let made = || self.settings.data_dir.join(crate::tls::CERTIFICATE);
        given.map_or_else(made, |files| files.certificate.clone())
    }

    /// Stops a server of the tour's own.
    pub async fn end(self) {
        let Some(mut own) = self.own else { return };
        if let Some(id) = own.child.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGTERM);
        }
        // What does not end by itself is killed when the child is dropped.
        let _ = timeout(STOP, own.child.wait()).await;
    }
}

/// Why the tour cannot walk through a server with these settings.
fn unsuitable(settings: &Settings) -> Option<&'static str> {
    let delivery = &settings.delivery;
    if delivery.smtp.is_some() || delivery.sms.is_some() {
        return Some("it sends its messages away, and the tour reads codes in the outbox");
    }
    let all_on = [&settings.ouser, &settings.authd, &settings.authv1, &settings.rest, &settings.oauth];
    if !settings.line.enabled || all_on.iter().any(|surface| !surface.enabled) {
        return Some("some of its surfaces are off");
    }
    None
}

/// Whether a server has its data in this directory: it holds the lock.
fn is_running(settings: &Settings) -> bool {
    settings.data_dir.is_dir()
        && DataDir::prepare(&settings.data_dir).is_ok_and(|directory| directory.is_locked())
}

/// Where it said that it listens; flags may have put it elsewhere than the configuration says.
fn addresses_of_running(settings: &Settings) -> Addresses {
    let told = DataDir::prepare(&settings.data_dir).ok().and_then(|directory| directory.told());
    told.unwrap_or(Addresses { http: settings.listen, line: settings.line.listen })
}

/// The line listener of the server at a URL, unless it is told: on the same host, at the port that is configured.
fn beside(url: &str, port: u16) -> Outcome<Authority> {
    let uri: Option<Uri> = url.parse().ok();
    let host = uri.as_ref().filter(|uri| uri.scheme().is_some()).and_then(Uri::host);
    let line = host.and_then(|host| format!("{host}:{port}").parse().ok());
    line.ok_or_else(|| Failure::usage(format!("--url {url:?} must be like http://127.0.0.1:8080")))
}

fn authority(address: SocketAddr) -> Outcome<Authority> {
    address.to_string().parse().map_err(|error| Failure::failed(format!("{address}: {error}")))
}

/// Where a listener on all addresses can be reached from here.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[derive(Deserialize)]
struct Addresses {
    http: SocketAddr,
    line: SocketAddr,
}

/// Starts this same program as a server without any of our settings.
async fn start(folder: &Path, data_dir: &Path) -> Outcome<(Child, Addresses)> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::failed(format!("cannot start a server for the tour: {error}"))
    };
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    let mut command = Command::new(program);
    command.args(["serve", "--listen", "127.0.0.1:0", "--line-listen", "127.0.0.1:0"]);
    command.args(["--metrics-listen", "127.0.0.1:0", "--print-addresses-json", "--data-dir"]).arg(data_dir);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with(config::PREFIX) {
            command.env_remove(name);
        }
    }
    command.env("COUNTERSIGN_LOG_LEVEL", "warn").current_dir(folder).kill_on_drop(true);
    // Its log would stand between the steps; it is told only if the server does not start.
    let log_path = folder.join("server.log");
    let log = std::fs::File::create(&log_path).map_err(|error| failed(&error))?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    let stdout = child.stdout.take().ok_or_else(|| failed(&"it has no output"))?;
    let mut line = String::new();
    let read = timeout(START, BufReader::new(stdout).read_line(&mut line)).await;
    read.map_err(|_| failed(&"it was not ready in time"))?.map_err(|error| failed(&error))?;
    let addresses = serde_json::from_str(&line).map_err(|_| {
        let log = std::fs::read_to_string(&log_path).unwrap_or_default();
        failed(&format!("it ended before it was ready\n{}", log.trim_end()))
    })?;
    Ok((child, addresses))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_listener_is_on_the_host_of_the_url() {
        let found = |url| beside(url, 8081).map(|line| line.to_string()).ok();
        for (url, line) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8081"),
            ("https://accounts.example.com/", "accounts.example.com:8081"),
            ("http://[::1]:8080", "[::1]:8081"),
        ] {
            assert_eq!(found(url).as_deref(), Some(line), "{url}");
        }
        for url in ["accounts.example.com", "127.0.0.1:8080", "/", ""] {
            assert_eq!(found(url), None, "{url}");
        }
    }
}
