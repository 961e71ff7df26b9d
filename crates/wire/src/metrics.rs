//! Counters, and the text in which Prometheus reads them (exposition format 0.0.4).
//!
//! Plain atomic numbers in arrays that each share of the threads makes once: counting a request takes no lock
//! and no memory.

use std::array::from_fn;
use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use countersign_model::session::Surface;
use countersign_model::shard::{Apart, SHARDS, shard};
use countersign_ops::sign_in::{SignIn, SignInError};
use countersign_ops::sign_in_with_code::{SignInWithCode, SignInWithCodeError};
use countersign_ops::{Core, SignedIn};
use http::StatusCode;

use crate::line::LineCounters;

/// The statuses that have a series of their own; the rest is counted as `other`.
const STATUSES: [u16; 21] =
    [200, 201, 202, 204, 302, 303, 400, 401, 403, 404, 405, 408, 409, 410, 413, 414, 415, 429, 431, 500, 503];

/// Where people sign in. An application does not: it acts for who has signed in at the pages.
const DOORS: [Surface; 6] =
    [Surface::Ouser, Surface::Authd, Surface::Line, Surface::AuthV1, Surface::Rest, Surface::Browser];

/// Upper bounds of the latency buckets, in microseconds: from a token check to a queued hash.
const BOUNDS: [u64; 12] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_500_000];

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    routes: Vec<Route>,
    surfaces: Vec<&'static str>,
    /// Requests, as each share of the threads counted them.
    requests: [Apart<OnceLock<Requests>>; SHARDS],
    sign_ins: [[AtomicU64; Outcome::ALL.len()]; DOORS.len()],
    connections: [AtomicI64; Listener::ALL.len()],
    pub(crate) line: LineCounters,
}

#[derive(Debug)]
struct Route {
    surface: usize,
    pattern: String,
}

#[derive(Debug)]
struct Requests {
    /// By route.
    by_status: Vec<[AtomicU64; STATUSES.len() + 1]>,
    /// By surface.
    latency: Vec<Histogram>,
}

#[derive(Debug, Default)]
struct Histogram {
    /// Not cumulative; the last is for what is over every bound.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_micros: AtomicU64,
}

/// How a sign-in ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A session was started.
    Success,
    /// Wrong credentials.
    Refused,
    /// Right credentials of a registration that is not verified yet.
    Unverified,
    /// Tried too often.
    Limited,
    /// The server could not tell.
    Unavailable,
}

impl Outcome {
    const ALL: [Outcome; 5] =
        [Outcome::Success, Outcome::Refused, Outcome::Unverified, Outcome::Limited, Outcome::Unavailable];

    /// How this sign-in ended.
    fn of<T>(result: &Result<T, SignInError>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(SignInError::Credentials) => Outcome::Refused,
            Err(SignInError::UnverifiedNumber | SignInError::UnverifiedEmail) => Outcome::Unverified,
            Err(SignInError::TooMany(_)) => Outcome::Limited,
            Err(SignInError::Unavailable(_)) => Outcome::Unavailable,
        }
    }

    /// How this sign-in by a code ended.
    fn of_code<T>(result: &Result<T, SignInWithCodeError>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(SignInWithCodeError::Credentials) => Outcome::Refused,
            Err(SignInWithCodeError::TooMany(_)) => Outcome::Limited,
            Err(SignInWithCodeError::Unavailable(_)) => Outcome::Unavailable,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Refused => "refused",
            Outcome::Unverified => "unverified",
            Outcome::Limited => "limited",
            Outcome::Unavailable => "unavailable",
        }
    }
}

/// What clients connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// HTTP.
    Http,
    /// 002's line protocol.
    Line,
}

impl Listener {
    const ALL: [Listener; 2] = [Listener::Http, Listener::Line];

    fn name(self) -> &'static str {
        match self {
            Listener::Http => "http",
            Listener::Line => "line",
        }
    }
}

/// An open connection; counted until it is dropped.
#[derive(Debug)]
pub struct OpenConnection {
    metrics: Arc<Metrics>,
    listener: Listener,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.metrics.connections[self.listener as usize].fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// Counters for these routes, each given by its surface and its pattern.
    pub(crate) fn new<'a>(routes: impl Iterator<Item = (&'static str, &'a str)>) -> Metrics {
        let mut metrics = Metrics {
            routes: Vec::new(),
            surfaces: Vec::new(),
            requests: from_fn(|_| Apart::default()),
            sign_ins: Default::default(),
            connections: Default::default(),
            line: LineCounters::default(),
        };
        for (surface, pattern) in routes {
            let known = metrics.surfaces.iter().position(|name| *name == surface);
            let surface = known.unwrap_or_else(|| {
                metrics.surfaces.push(surface);
                metrics.surfaces.len() - 1
            });
            metrics.routes.push(Route { surface, pattern: pattern.to_owned() });
        }
        metrics
    }

    /// What this thread's share counts.
    fn requests(&self) -> &Requests {
        let Apart(requests) = &self.requests[shard()];
        requests.get_or_init(|| Requests {
            by_status: self.routes.iter().map(|_| Default::default()).collect(),
            latency: self.surfaces.iter().map(|_| Histogram::default()).collect(),
        })
    }

    /// Counts a reply of the route with this number.
    pub(crate) fn replied(&self, route: usize, status: StatusCode, time: Duration) {
        let Some(Route { surface, .. }) = self.routes.get(route) else { return };
        let requests = self.requests();
        let status = STATUSES.binary_search(&status.as_u16()).unwrap_or(STATUSES.len());
        requests.by_status[route][status].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let histogram = &requests.latency[*surface];
        let bucket = BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS.len());
        histogram.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        histogram.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Signs in with a password, and counts it. Every surface does it here.
    ///
    /// # Errors
    /// [`SignInError`].
    pub(crate) async fn sign_in(&self, core: &Core, request: SignIn<'_>) -> Result<SignedIn, SignInError> {
        let surface = request.surface;
        let result = core.sign_in(request).await;
        self.signed_in(surface, Outcome::of(&result));
        result
    }

    /// The same with a code.
    ///
    /// # Errors
    /// [`SignInWithCodeError`].
    pub(crate) async fn sign_in_with_code(
        &self,
        core: &Core,
        request: SignInWithCode<'_>,
    ) -> Result<SignedIn, SignInWithCodeError> {
        let surface = request.surface;
        let result = core.sign_in_with_code(request).await;
        self.signed_in(surface, Outcome::of_code(&result));
        result
    }

    fn signed_in(&self, surface: Surface, outcome: Outcome) {
        let Some(index) = DOORS.iter().position(|door| *door == surface) else { return };
        self.sign_ins[index][outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection as long as the value lives.
    pub fn connected(self: &Arc<Metrics>, listener: Listener) -> OpenConnection {
        self.connections[listener as usize].fetch_add(1, Ordering::Relaxed);
        OpenConnection { metrics: Arc::clone(self), listener }
    }

    /// The counters as text.
    pub(crate) fn write_to(&self, out: &mut Text) {
        out.family(
            "countersign_http_requests_total",
            "counter",
            "Requests answered, by surface, route and status.",
        );
        for (number, route) in self.routes.iter().enumerate() {
            for index in 0..=STATUSES.len() {
                let count = self.sum(|requests| &requests.by_status[number][index]);
                if count > 0 {
                    let status = STATUSES.get(index).map_or("other".to_owned(), u16::to_string);
                    let surface = self.surfaces[route.surface];
                    let labels = [("surface", surface), ("route", &route.pattern), ("status", &status)];
                    out.sample("countersign_http_requests_total", &labels, count);
                }
            }
        }
        self.write_latency(out);
        out.family("countersign_sign_ins_total", "counter", "Sign-ins, by surface and outcome.");
        for (surface, outcomes) in DOORS.iter().zip(&self.sign_ins) {
            for (outcome, count) in Outcome::ALL.iter().zip(outcomes) {
                let labels = [("surface", surface.name()), ("outcome", outcome.name())];
                out.sample("countersign_sign_ins_total", &labels, count.load(Ordering::Relaxed));
            }
        }
        out.family("countersign_connections", "gauge", "Open connections, by listener.");
        for (listener, count) in Listener::ALL.iter().zip(&self.connections) {
            out.sample(
                "countersign_connections",
                &[("listener", listener.name())],
                count.load(Ordering::Relaxed),
            );
        }
        self.line.write_to(out);
    }

    /// What all threads have counted.
    fn sum(&self, counter: impl Fn(&Requests) -> &AtomicU64) -> u64 {
        let made = self.requests.iter().filter_map(|Apart(requests)| requests.get());
        made.map(|requests| counter(requests).load(Ordering::Relaxed)).sum()
    }

    fn write_latency(&self, out: &mut Text) {
        let name = "countersign_http_request_duration_seconds";
        out.family(name, "histogram", "Time from the headers of a request to its reply, by surface.");
        for (number, surface) in self.surfaces.iter().enumerate() {
            let mut sum = 0;
            for index in 0..=BOUNDS.len() {
                sum += self.sum(|requests| &requests.latency[number].buckets[index]);
                let bound = BOUNDS.get(index).map_or("+Inf".to_owned(), |b| seconds(*b));
                out.sample(&format!("{name}_bucket"), &[("surface", surface), ("le", &bound)], sum);
            }
            let micros = self.sum(|requests| &requests.latency[number].sum_micros);
            out.sample(&format!("{name}_sum"), &[("surface", surface)], seconds(micros));
            out.sample(&format!("{name}_count"), &[("surface", surface)], sum);
        }
    }
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// The exposition text being written.
#[derive(Debug, Default)]
pub(crate) struct Text(pub(crate) String);

impl Text {
    /// The two lines before the samples of a family.
    pub(crate) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One sample. Label values are ours: route patterns and names, without quotes or line breaks.
    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let _ = write!(self.0, "{}{label}=\"{text}\"", if index == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_written() {
        let metrics = Arc::new(Metrics::new([("ouser", "/login"), ("ouser", "/send")].into_iter()));
        metrics.replied(0, StatusCode::OK, Duration::from_micros(300));
        metrics.replied(0, StatusCode::OK, Duration::from_secs(60));
        metrics.replied(1, StatusCode::IM_A_TEAPOT, Duration::ZERO);
        metrics.signed_in(Surface::Line, Outcome::Refused);
        let connection = metrics.connected(Listener::Line);
        let mut text = Text::default();
        metrics.write_to(&mut text);
        for line in [
            "# TYPE countersign_http_requests_total counter",
            "countersign_http_requests_total{surface=\"ouser\",route=\"/login\",status=\"200\"} 2",
            "countersign_http_requests_total{surface=\"ouser\",route=\"/send\",status=\"other\"} 1",
            "countersign_http_request_duration_seconds_bucket{surface=\"ouser\",le=\"0.000100\"} 1",
            "countersign_http_request_duration_seconds_bucket{surface=\"ouser\",le=\"0.000500\"} 2",
            "countersign_http_request_duration_seconds_bucket{surface=\"ouser\",le=\"+Inf\"} 3",
            "countersign_http_request_duration_seconds_sum{surface=\"ouser\"} 60.000300",
            "countersign_sign_ins_total{surface=\"line\",outcome=\"refused\"} 1",
            "countersign_connections{listener=\"line\"} 1",
        ] {
            assert!(text.0.lines().any(|l| l == line), "{line}\n{}", text.0);
        }
        drop(connection);
        let mut text = Text::default();
        metrics.write_to(&mut text);
        assert!(text.0.contains("countersign_connections{listener=\"line\"} 0\n"));
    }

    #[test]
    fn statuses_can_be_searched() {
        assert!(STATUSES.is_sorted());
        assert!(BOUNDS.is_sorted());
    }
}
