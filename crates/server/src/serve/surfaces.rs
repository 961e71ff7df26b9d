//! The HTTP surfaces behind the main listener.

use std::net::IpAddr;

use bytes::Bytes;
use countersign_wire::App;
use countersign_wire::http1::Incoming;
use countersign_wire::metrics::{Listener, OpenConnection};
use http::{Request, Response};
use http_body_util::Full;

use super::http::Answer;

/// Answers with the surfaces.
#[derive(Clone)]
pub struct Surfaces(pub App);

impl Answer for Surfaces {
    type Open = OpenConnection;

    fn open(&self) -> OpenConnection {
        self.0.metrics().connected(Listener::Http)
    }

    fn answer<B: Incoming>(
        &self,
        peer: IpAddr,
        request: Request<B>,
    ) -> impl Future<Output = Response<Full<Bytes>>> + Send {
        self.0.respond(peer, request)
    }
}
