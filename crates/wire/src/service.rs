//! The one middleware of the HTTP surfaces, written by hand since every request passes it: finds
//! the route, reads the body within its limit, calls the handler, adds the headers of every reply
//! and counts it. Below the level `debug` it logs nothing about a request that went well, and never
//! a path, a query string or a body.

use std::borrow::Cow;
use std::future::poll_fn;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use countersign_model::time::Stopwatch;
use countersign_ops::{Core, Repeated, RequestId, Source};
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;

use crate::bodies::Bodies;
use crate::http::{Call, Handler, Refusal, Refuse, Reply, ReplyFuture, RequestIds, Verb, is_well_hosted};
use crate::http1::Incoming;
use crate::metrics::Metrics;
use crate::openapi::Description;
use crate::pages;
use crate::settings::WireSettings;

/// The longest path and query (R119).
const URI_MAX_BYTES: usize = 8 * 1024;
/// The largest header block (R119).
const HEADERS_MAX_BYTES: usize = 16 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
/// One year (R123).
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Requests that failed, those of an overload apart: they must not hide the others.
static FAILED: Repeated = Repeated::new();
static OVERLOADED: Repeated = Repeated::new();

/// All HTTP surfaces, ready to answer. Cloning is cheap.
#[derive(Clone)]
pub struct App(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) core: Arc<Core>,
    pub(crate) settings: WireSettings,
    pub(crate) index: matchit::Router<usize>,
    pub(crate) table: Vec<Entry>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) openapi: Description,
    pub(crate) request_ids: RequestIds,
    pub(crate) bodies: Bodies,
}

/// A row of the route table.
pub(crate) struct Entry {
    pub(crate) surface: &'static str,
    pub(crate) pattern: String,
    pub(crate) any_case: bool,
    pub(crate) handlers: &'static [(Verb, Handler)],
    pub(crate) allow: HeaderValue,
    pub(crate) refuse: Refuse,
}

impl Entry {
    fn handler(&self, method: &Method) -> Option<Handler> {
        self.handlers.iter().find(|(verb, _)| verb.methods().contains(method)).map(|(_, handler)| *handler)
    }
}

impl App {
    /// The counters.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    /// Answers a request that came over a connection from `peer`.
    pub async fn respond<B: Incoming>(&self, peer: IpAddr, request: Request<B>) -> Response<Full<Bytes>> {
        let watch = Stopwatch::start();
        let (id, request_id) = self.0.request_ids.next();
        let (parts, body) = request.into_parts();
        let (route, reply) = self.0.answer(peer, &parts, body, id).await;
        let mut response = reply.into_response();
        let (status, took) = (response.status(), watch.elapsed());
        self.0.log(route, &parts.method, status, took, &request_id);
        self.0.add_headers(response.headers_mut(), request_id);
        self.0.metrics.replied(route, status, took);
        response
    }
}

impl Inner {
    /// The number of the route, for the counters, and the reply.
    async fn answer<B: Incoming>(
        &self,
        peer: IpAddr,
        parts: &Parts,
        body: B,
        request_id: RequestId,
    ) -> (usize, Reply) {
        let source = Source::from_address(self.settings.trusted_proxies.client(peer, &parts.headers));
        let call = |body, parameter| Call {
            core: &self.core,
            settings: &self.settings,
            metrics: &self.metrics,
            openapi: &self.openapi,
            parts,
            body,
            peer,
            source,
            parameter,
        };
        let Some((route, path)) = self.find(Path::new(parts.uri.path())) else {
            let hosted = is_well_hosted(parts);
            let refusal = if hosted { Refusal::NotFound } else { Refusal::BadHost };
            let call = call(Bytes::new(), None);
            let reply = watched(request_id, None, Box::pin(async { self.refused(&call, None, refusal) }));
            return (self.table.len(), reply.await);
        };
        let entry = &self.table[route];
        let parameter = path.last_segment(entry);
        let reply = match self.admit(entry, parts, body, source).await {
            Err(refusal) => {
                let call = call(Bytes::new(), None);
                let refused = async { self.refused(&call, Some(entry), refusal).allow_if_405(entry) };
                watched(request_id, Some(entry), Box::pin(refused)).await
            }
            Ok((handler, body)) => watched(request_id, Some(entry), handler(&call(body, parameter))).await,
        };
        (route, reply)
    }

    /// A refusal, as a page or in the form of its surface.
    fn refused(&self, call: &Call<'_>, entry: Option<&Entry>, refusal: Refusal<'_>) -> Reply {
        self.page(call, entry, &refusal).unwrap_or_else(|| refuse(entry, refusal))
    }

    /// The page of a refusal, for a person who opens what is no program's. Below the paths of the other surfaces their
    /// form holds, also for a path that is none of theirs.
    fn page(&self, call: &Call<'_>, entry: Option<&Entry>, refusal: &Refusal<'_>) -> Option<Reply> {
        let first = |path: &str| path.split('/').nth(1).unwrap_or_default().to_ascii_lowercase();
        let of_pages = |entry: &Entry| entry.surface == "pages";
        let reads = matches!(*call.method(), Method::GET | Method::HEAD);
        if !self.settings.oauth.enabled || !reads || !call.is_visit() {
            return None;
        }
        let here = first(call.parts.uri.path());
        let is_page = match entry {
            Some(entry) => of_pages(entry),
            None => !self.table.iter().any(|entry| !of_pages(entry) && first(&entry.pattern) == here),
        };
        is_page.then(|| pages::refuse_visit(call, refusal)).flatten()
    }

    /// The route of a path.
    fn find<'p>(&self, path: Path<'p>) -> Option<(usize, Path<'p>)> {
        if let Ok(found) = self.index.at(&path.0) {
            return Some((*found.value, path));
        }
        // 003-21: its paths are served whatever their case.
        let lower = Path(Cow::Owned(path.0.to_ascii_lowercase()));
        let route = *self.index.at(&lower.0).ok()?.value;
        self.table[route].any_case.then_some((route, lower))
    }

    /// The handler and the body, if the request may pass.
    async fn admit<'p, B: Incoming>(
        &self,
        entry: &Entry,
        parts: &'p Parts,
        body: B,
        source: Source,
    ) -> Result<(Handler, Bytes), Refusal<'p>> {
        if !is_well_hosted(parts) {
            return Err(Refusal::BadHost);
        }
        let handler = entry.handler(&parts.method).ok_or(Refusal::MethodNotAllowed(&parts.method))?;
        if parts.uri.path_and_query().is_some_and(|p| p.as_str().len() > URI_MAX_BYTES) {
            return Err(Refusal::UriTooLong);
        }
        if headers_size(&parts.headers) > HEADERS_MAX_BYTES {
            return Err(Refusal::HeadersTooLarge);
        }
        match parts.method {
            Method::GET | Method::HEAD => Ok((handler, Bytes::new())),
            _ => Ok((handler, self.bodies.read(body, source, &self.settings).await?)),
        }
    }

    /// What the server could not do is told by default, all else only at level `debug`. The pattern
    /// of the route stands for the path, whose last segment may be a secret.
    fn log(
        &self,
        route: usize,
        method: &Method,
        status: StatusCode,
        took: Duration,
        request_id: &HeaderValue,
    ) {
        let request_id = request_id.to_str().unwrap_or_default();
        let route = self.table.get(route).map_or("none", |entry| entry.pattern.as_str());
        let (status, micros) = (status.as_u16(), took.as_micros());
        // A method that no path serves may be any text of the client's.
        let method = match *method {
            Method::GET
            | Method::HEAD
            | Method::POST
            | Method::PATCH
            | Method::PUT
            | Method::DELETE
            | Method::OPTIONS => method.as_str(),
            _ => "other",
        };
        if status >= 500 {
            // Who can overload the server must not fill its disk too.
            let (lines, tell): (_, fn(u64)) = match status {
                503 => (&OVERLOADED, |more| {
                    tracing::warn!(status = 503, more, "and {more} more requests failed")
                }),
                _ => (&FAILED, |more| tracing::warn!(more, "and {more} more requests failed")),
            };
            if lines.may_write(tell) {
                tracing::warn!(request_id, method, route, status, micros, "request failed");
            }
        } else {
            tracing::debug!(request_id, method, route, status, micros, "request answered");
        }
    }

    fn add_headers(&self, headers: &mut HeaderMap, request_id: HeaderValue) {
        headers.insert(REQUEST_ID, request_id);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
        if self.settings.over_tls {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
        }
    }
}

impl Reply {
    fn allow_if_405(self, entry: &Entry) -> Reply {
        match self.status() {
            StatusCode::METHOD_NOT_ALLOWED => self.header(header::ALLOW, entry.allow.clone()),
            _ => self,
        }
    }
}

/// A path without its trailing slash: every path is served with and without, and never
/// redirected, since that would turn a POST into a GET.
struct Path<'p>(Cow<'p, str>);

impl<'p> Path<'p> {
    fn new(path: &'p str) -> Path<'p> {
        match path.strip_suffix('/') {
            Some("") | None => Path(Cow::Borrowed(path)),
            Some(rest) => Path(Cow::Borrowed(rest)),
        }
    }

    /// The last segment, where the route's pattern ends in a parameter.
    fn last_segment(&self, entry: &Entry) -> Option<&str> {
        entry.pattern.ends_with('}').then(|| self.0.rsplit('/').next()).flatten()
    }
}

fn headers_size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// In the form of its surface, if it is of one.
fn refuse(entry: Option<&Entry>, refusal: Refusal<'_>) -> Reply {
    match entry {
        Some(entry) => (entry.refuse)(refusal),
        None => crate::router::refuse_plainly(refusal),
    }
}

/// The reply to a request, or that of a fault if its work panicked. What it logs has the id of the request.
async fn watched(request_id: RequestId, entry: Option<&Entry>, work: ReplyFuture<'_>) -> Reply {
    match request_id.scope(guarded(work)).await {
        Some(reply) => reply,
        None => {
            let route = entry.map_or("none", |entry| entry.pattern.as_str());
            tracing::error!(%request_id, route, "a handler panicked");
            refuse(entry, Refusal::Fault)
        }
    }
}

/// The reply, or `None` if the handler panicked (R146).
async fn guarded(mut reply: ReplyFuture<'_>) -> Option<Reply> {
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| reply.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(reply)) => Poll::Ready(Some(reply)),
        Err(_) => Poll::Ready(None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_the_request_and_nothing_else() {
        // `resume_unwind` panics without a word on the test's output.
        let reply: ReplyFuture<'_> = Box::pin(async { std::panic::resume_unwind(Box::new("fault")) });
        let status = watched(RequestId(1), None, reply).await.status();
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        let reply: ReplyFuture<'_> = Box::pin(async { Reply::empty(StatusCode::NO_CONTENT) });
        assert_eq!(watched(RequestId(2), None, reply).await.status(), StatusCode::NO_CONTENT);
    }

    #[test]
    fn one_trailing_slash_is_no_part_of_the_path() {
        for (given, meant) in [
            ("/login", "/login"),
            ("/login/", "/login"),
            ("/", "/"),
            ("//login", "//login"),
            ("/login//", "/login/"),
        ] {
            assert_eq!(Path::new(given).0, meant);
        }
    }
}
