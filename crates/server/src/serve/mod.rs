//! `countersign serve`: from the configuration to a running server, and to its end.

mod banner;
mod deadlines;
mod files_limit;
mod housekeeping;
mod http;
mod listen;
mod metrics;
mod parts;
mod surfaces;

use std::sync::Arc;
use std::time::Duration;

use countersign_delivery::Worker;
use countersign_model::time::{Clock, Stopwatch};
use countersign_ops::Core;
use countersign_wire::line::LineSettings;
use countersign_wire::{App, SurfaceSettings, WireSettings};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::config::{Config, Settings};
use crate::data_dir::{DataDir, Lock};
use crate::failure::{Failure, Outcome};
use crate::open::{self, Opener};
use crate::telemetry;
use crate::tls::{self, Certificate, Protocols};
use countersign_wire::places::Places;
use countersign_wire::workers::Workers;
use deadlines::Deadlines;
use housekeeping::Authorities;
use http::HttpListener;
use listen::Listeners;
pub use parts::Parts;
use surfaces::Surfaces;

/// Everything must have ended so long after the signal; with the last note of the time, 10 s (R160).
const STOP: Duration = Duration::from_secs(9);

/// How to tell that the server is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// To people.
    Text {
        /// The flags with which other commands find this server's data.
        place: String,
    },
    /// As one line with the addresses.
    AddressesJson,
}

/// Runs the server until it is told to stop.
///
/// # Errors
/// If it cannot start; then nothing was served.
pub async fn run(config: Config, announcement: Announcement) -> Outcome {
    let watch = Stopwatch::start();
    telemetry::start(config.settings.log);
    let parts = Parts::make(&config)?;
    // Before the listeners, so that no signal that asks a ready server to stop is missed.
    let signals = Signals::listen()?;
    let (server, lock) = Server::start(config.settings, parts).await?;
    lock.tell(&banner::addresses_json(server.listeners.addresses))?;
    server.core.make_keys();
    banner::announce(&server, &announcement, watch)?;
    server.run(signals).await;
    Ok(())
}

struct Signals {
    stop: StopSignals,
    hang_up: Signal,
}

struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Outcome<Signals> {
        let on =
            |kind| signal(kind).map_err(|error| Failure::failed(format!("cannot wait for signals: {error}")));
        let stop =
            StopSignals { terminate: on(SignalKind::terminate())?, interrupt: on(SignalKind::interrupt())? };
        Ok(Signals { stop, hang_up: on(SignalKind::hangup())? })
    }
}

impl StopSignals {
    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Everything that runs.
struct Server {
    settings: Settings,
    core: Arc<Core>,
    app: App,
    worker: Worker,
    listeners: Listeners,
    certificates: Certificates,
    workers: Arc<Workers>,
}

/// The certificates of the listeners that speak TLS, and what vouches for those of clients.
#[derive(Clone, Default)]
struct Certificates {
    authorities: Option<Authorities>,
    http: Option<Certificate>,
    mtls: Option<Certificate>,
    line: Option<Certificate>,
}

impl Certificates {
    fn all(&self) -> impl Iterator<Item = &Certificate> {
        [&self.http, &self.mtls, &self.line].into_iter().flatten()
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Certificate> {
        [&mut self.http, &mut self.mtls, &mut self.line].into_iter().flatten()
    }
}

impl Server {
    /// The lock is to be held as long as the server runs.
    async fn start(mut settings: Settings, parts: Parts) -> Outcome<(Server, Lock)> {
        files_limit::raise();
        let (data_dir, made) = DataDir::prepare_for_now(&settings.data_dir)?;
        let (lock, made) = data_dir.lock_for_now(made)?;
        let listeners = listen::bind(&settings)?;
        let public_url = settings.public_url(listeners.addresses.http);
        settings.operations.public_url = public_url;
        if let Some(address) = listeners.addresses.mtls {
            settings.operations.oauth.mtls.url.get_or_insert_with(|| format!("https://{address}"));
        }
        let (certificates, worker) = certificates(parts, &settings, &data_dir)?;
        let core = open::open(&settings, Opener::Server).await?;
        // From here on the store may open with the key in it only.
        made.keep();
        crate::cli::client::apply_configured(&core, &settings.clients).await?;
        let app = countersign_wire::router(Arc::clone(&core), wire_settings(&settings))
            .map_err(|error| Failure::usage(error.to_string()))?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = Workers::start(threads)
            .map_err(|error| Failure::failed(format!("cannot start threads: {error}")))?;
        let workers = Arc::new(workers);
        Ok((Server { settings, core, app, worker, listeners, certificates, workers }, lock))
    }

    async fn run(self, mut signals: Signals) {
        let (stop, shutdown) = watch::channel(false);
        let deadlines = Arc::new(Deadlines::default());
        let background = self.background(&deadlines);
        let certificates = self.certificates.clone();
        let core = Arc::clone(&self.core);
        let mut serving = self.serve(&shutdown, &deadlines);
        tokio::select! {
            () = signals.stop.received() => {}
            () = housekeeping::reload_on(&mut signals.hang_up, certificates) => {}
        }
        tracing::info!("stopping: finishing what is in flight");
        let _ = stop.send(true);
        let all_ended = async { while serving.join_next().await.is_some() {} };
        tokio::select! {
            ended = timeout(STOP, all_ended) => match ended {
                Ok(()) => tracing::info!("stopped"),
                Err(_) => tracing::warn!("stopped before everything in flight was finished"),
            },
            () = signals.stop.received() => tracing::warn!("stopped at once, as a second signal asked"),
        }
        drop(background);
        housekeeping::note_time(&core).await;
    }

    /// Tasks that end with the server and have nothing to finish.
    fn background(&self, deadlines: &Arc<Deadlines>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(deadlines).run());
        tasks.spawn(housekeeping::sweep(Arc::clone(&self.core)));
        tasks.spawn(housekeeping::keep_keys(Arc::clone(&self.core)));
        tasks.spawn(housekeeping::watch_expiry(self.certificates.clone()));
        tasks
    }

    /// The listeners and the worker; each ends once `shutdown` is true and its work is done.
    fn serve(self, shutdown: &watch::Receiver<bool>, deadlines: &Arc<Deadlines>) -> JoinSet<()> {
        let Server { settings, core, app, worker, listeners, certificates, workers } = self;
        let bounds = settings.bounds;
        let mut tasks = JoinSet::new();
        let places = Places::new(bounds.connections, bounds.connections_per_source);
        let http = |listener, certificate: Option<Certificate>| HttpListener {
            listener,
            tls: certificate.map(|certificate| certificate.current),
            answer: Surfaces(app.clone()),
            places: Arc::clone(&places),
            deadlines: Arc::clone(deadlines),
            workers: Arc::clone(&workers),
            shutdown: shutdown.clone(),
        };
        tasks.spawn(http(listeners.http, certificates.http).serve());
        if let (Some(listener), Some(certificate)) = (listeners.mtls, certificates.mtls) {
            tasks.spawn(http(listener, Some(certificate)).serve());
        }
        let metrics = HttpListener {
            listener: listeners.metrics,
            tls: None,
            answer: metrics::Metrics(app.clone()),
            places: Places::new(metrics::CONNECTIONS, metrics::CONNECTIONS),
            deadlines: Arc::clone(deadlines),
            workers: Arc::clone(&workers),
            shutdown: shutdown.clone(),
        };
        tasks.spawn(metrics.serve());
        if let (Some(listener), Some(certificate)) = (listeners.line, certificates.line) {
            let line = LineSettings {
                connections: bounds.line_connections,
                connections_per_source: bounds.line_connections_per_source,
                stop: http::STOP,
                ..LineSettings::default()
            };
            let counters = Arc::clone(app.metrics());
            let core = Arc::clone(&core);
            let shutdown = shutdown.clone();
            tasks.spawn(countersign_wire::line::serve(
                listener,
                certificate.current,
                core,
                line,
                counters,
                workers,
                shutdown,
            ));
        }
        let mut stop = shutdown.clone();
        tasks.spawn(worker.run(core, async move { http::stopped(&mut stop).await }));
        tasks
    }
}

/// Listeners that always speak TLS have a certificate of our own until the operator gives them one.
fn certificates(parts: Parts, settings: &Settings, data_dir: &DataDir) -> Outcome<(Certificates, Worker)> {
    let Parts { http, mtls, line, worker } = parts;
    let or_own = |given: Option<Certificate>, protocols| match given {
        Some(certificate) => Ok(certificate),
        None => own_certificate(data_dir, protocols),
    };
    let mtls = settings.mtls.listen.map(|_| or_own(mtls, Protocols::Mtls)).transpose()?;
    let line = settings.line.enabled.then(|| or_own(line, Protocols::Line)).transpose()?;
    let authorities =
        settings.mtls.authorities.clone().zip(settings.operations.oauth.mtls.authorities.clone());
    let authorities = authorities.map(|(files, loaded)| Authorities { files, loaded });
    Ok((Certificates { authorities, http, mtls, line }, worker))
}

fn own_certificate(data_dir: &DataDir, protocols: Protocols) -> Outcome<Certificate> {
    let files = tls::make(data_dir, Clock::system().now())?;
    Certificate::load(&files, protocols).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::failed(format!("cannot use our own certificate: {}", errors.join("; ")))
            .advice("remove both files, and the next start makes them anew")
    })
}

fn wire_settings(settings: &Settings) -> WireSettings {
    let surface = SurfaceSettings::clone;
    WireSettings {
        trusted_proxies: settings.trusted_proxies.clone(),
        client_certificate_header: settings.mtls.proxy_header.clone(),
        body_bytes: settings.bounds.body_bytes,
        over_tls: settings.tls.is_some() || settings.tls_terminated_by_proxy,
        ouser: surface(&settings.ouser),
        ouser_accept_query: settings.ouser_accept_query,
        authd: surface(&settings.authd),
        authv1: surface(&settings.authv1),
        rest: surface(&settings.rest),
        oauth: surface(&settings.oauth),
        ..WireSettings::default()
    }
}
