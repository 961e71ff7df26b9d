//! `GET /metrics` on a listener of its own.

use std::net::IpAddr;

use bytes::Bytes;
use countersign_wire::App;
use countersign_wire::http1::Incoming;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;

use super::http::Answer;

/// How many may read the metrics at once.
pub const CONNECTIONS: usize = 16;

/// Prometheus' text format.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Answers with the counters.
#[derive(Clone)]
pub struct Metrics(pub App);

impl Answer for Metrics {
    type Open = ();

    fn open(&self) {}

    async fn answer<B: Incoming>(&self, _peer: IpAddr, request: Request<B>) -> Response<Full<Bytes>> {
        let known_method = matches!(*request.method(), Method::GET | Method::HEAD);
        let (status, text) = match request.uri().path() {
            "/metrics" if known_method => (StatusCode::OK, self.0.metrics_text().await),
            "/metrics" => (StatusCode::METHOD_NOT_ALLOWED, String::new()),
            _ => (StatusCode::NOT_FOUND, String::new()),
        };
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, TEXT);
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}
