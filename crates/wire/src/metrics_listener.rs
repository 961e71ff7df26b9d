//! `/metrics`, on a listener of its own that the outside does not reach.

use std::sync::Arc;

use countersign_ops::Core;
use http::header::HeaderValue;
use http::{Method, Request, Response, StatusCode};

use bytes::Bytes;
use http_body_util::Full;

use crate::http::{Refusal, Reply};
use crate::metrics::{Metrics, Text};
use crate::router::refuse_plainly;

/// The media type of the exposition format.
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Answers Prometheus. Cloning is cheap.
#[derive(Clone)]
pub struct MetricsApp {
    core: Arc<Core>,
    metrics: Arc<Metrics>,
}

/// The metrics listener over these counters ([`crate::App::metrics`]).
pub fn metrics_router(core: Arc<Core>, metrics: Arc<Metrics>) -> MetricsApp {
    MetricsApp { core, metrics }
}

impl MetricsApp {
    /// Answers a request; its body is not read.
    pub async fn respond<B>(&self, request: Request<B>) -> Response<Full<Bytes>> {
        let reply = match (request.uri().path(), request.method()) {
            ("/metrics", &Method::GET | &Method::HEAD) => {
                Reply::bytes(StatusCode::OK, CONTENT_TYPE, self.exposition().await)
            }
            ("/metrics", method) => refuse_plainly(Refusal::MethodNotAllowed(method))
                .header(http::header::ALLOW, HeaderValue::from_static("GET, HEAD")),
            _ => refuse_plainly(Refusal::NotFound),
        };
        reply.into_response()
    }

    async fn exposition(&self) -> String {
        let mut out = Text::default();
        self.metrics.write_to(&mut out);
        self.write_hashing(&mut out);
        out.0
    }

    fn write_hashing(&self, out: &mut Text) {
        let load = self.core.hasher.load();
        out.family("countersign_hash_threads", "gauge", "Threads that hash passwords.");
        out.sample("countersign_hash_threads", &[], load.threads);
        out.family(
            "countersign_hash_admitted",
            "gauge",
            "Requests that were promised a hash and have not finished.",
        );
        out.sample("countersign_hash_admitted", &[], load.admitted);
        out.family("countersign_hash_queue", "gauge", "Hashes that wait for a thread.");
        out.sample("countersign_hash_queue", &[], load.queued);
        out.family("countersign_hash_refused_total", "counter", "Requests refused since too many waited.");
        out.sample("countersign_hash_refused_total", &[], load.refused);
        out.family("countersign_hash_recent_seconds", "gauge", "What a hash has cost lately.");
        out.sample("countersign_hash_recent_seconds", &[], load.recent.as_secs_f64());
    }
}
