//! The HTTP listeners: accept within bounds, speak HTTP/1.1 or, over TLS, HTTP/2, stop gracefully.

use std::convert::Infallible;
use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use countersign_ops::Source;
use countersign_ops::oauth::client_certificate::ClientCertificate;
use http::{Method, Request, Response, header};
use http_body_util::Full;
use hyper::body::Body;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::deadlines::{Deadlines, Watch};
use countersign_wire::http1::{self, Incoming, Respond, Stop};
use countersign_wire::places::Places;
use countersign_wire::workers::{Workers, accept};

/// What answers requests.
pub trait Answer: Clone + Send + Sync + 'static {
    /// What is held as long as a connection is open.
    type Open: Send;

    /// A connection was opened.
    fn open(&self) -> Self::Open;

    /// Answers a request from `peer`.
    fn answer<B: Incoming>(
        &self,
        peer: IpAddr,
        request: Request<B>,
    ) -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

/// A listener with its bounds.
pub struct HttpListener<A> {
    /// Bound already.
    pub listener: TcpListener,
    /// TLS, if it speaks it.
    pub tls: Option<Arc<ArcSwap<ServerConfig>>>,
    /// What answers.
    pub answer: A,
    /// How many connections.
    pub places: Arc<Places>,
    /// How long they may be silent.
    pub deadlines: Arc<Deadlines>,
    /// The threads that serve its connections.
    pub workers: Arc<Workers>,
    /// Turns true when the server stops.
    pub shutdown: watch::Receiver<bool>,
}

const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long requests in flight get when the server stops (R160).
pub const STOP: Duration = Duration::from_secs(8);

impl<A: Answer> HttpListener<A> {
    /// Serves until `shutdown` turns true and the requests in flight are answered.
    pub async fn serve(self) {
        let mut connections = JoinSet::new();
        let mut shutdown = self.shutdown.clone();
        loop {
            let (socket, peer) = tokio::select! {
                biased;
                () = stopped(&mut shutdown) => break,
                // A panic ends its connection and no other; wire has logged it.
                Some(_) = connections.join_next() => continue,
                accepted = accept(&self.listener, "http") => accepted,
            };
            let Some(place) = self.places.take(Source::from_address(peer)) else { continue };
            let connection = Connection {
                peer,
                answer: self.answer.clone(),
                tls: self.tls.as_ref().map(|tls| TlsAcceptor::from(tls.load_full())),
                certificate: None,
                watch: self.deadlines.watch(),
                shutdown: self.shutdown.clone(),
            };
            let open = self.answer.open();
            self.workers.spawn(&mut connections, socket, async move |socket| {
                connection.serve(socket).await;
                drop((place, open));
            });
        }
        drop(self.listener);
        let all_done = async { while connections.join_next().await.is_some() {} };
        if timeout(STOP, all_done).await.is_err() {
            tracing::warn!(connections = connections.len(), "http: connections cut off at stop");
            connections.shutdown().await;
        }
    }
}

/// Completes when the server stops.
pub async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

/// The answer to HEAD (RFC 9110 section 9.3.2). A body would make it malformed (RFC 9113 section 8.1.1), and hyper
/// sends it.
fn without_body(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    response.map(|_| Full::default())
}

struct Connection<A> {
    peer: IpAddr,
    answer: A,
    tls: Option<TlsAcceptor>,
    /// What the client has shown.
    certificate: Option<Arc<ClientCertificate>>,
    watch: Watch,
    shutdown: watch::Receiver<bool>,
}

impl<A: Answer> Connection<A> {
    async fn serve(mut self, socket: TcpStream) {
        // Answers are small and the client waits for each.
        let _ = socket.set_nodelay(true);
        let Some(acceptor) = &self.tls else { return self.speak_http1(socket).await };
        match timeout(HANDSHAKE, acceptor.accept(socket)).await {
            Ok(Ok(stream)) => {
                let shown = stream.get_ref().1.peer_certificates();
                let chain = shown.into_iter().flatten().map(|certificate| certificate.to_vec());
                self.certificate = ClientCertificate::from_chain(chain).map(Arc::new);
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    self.speak_http2(stream).await;
                } else {
                    self.speak_http1(stream).await;
                }
            }
            Ok(Err(error)) => tracing::debug!(%error, "http: no handshake"),
            Err(_) => tracing::debug!("http: handshake took too long"),
        }
    }

    async fn speak_http1<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: S) {
        let stop = Stop::default();
        let connection = http1::serve(stream, &self, &stop);
        self.drive(pin!(connection), |_| stop.ask()).await;
    }

    /// Streams, headers and buffers are bounded, so that no flood of frames costs more than its
    /// connection's share (R121).
    async fn speak_http2<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: S) {
        let io = TokioIo::new(stream);
        let shared = Arc::new(self);
        let answering = Arc::clone(&shared);
        let service = service_fn(move |request| {
            let connection = Arc::clone(&answering);
            async move {
                let is_head = *request.method() == Method::HEAD;
                let response = connection.respond(request).await;
                Ok::<_, Infallible>(if is_head { without_body(response) } else { response })
            }
        });
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(100)
            .max_header_list_size(16 * 1024)
            .max_pending_accept_reset_streams(20)
            .initial_stream_window_size(64 * 1024)
            .initial_connection_window_size(256 * 1024)
            .max_send_buf_size(64 * 1024)
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10))
            .serve_connection(io, service);
        shared.drive(pin!(connection), |connection| connection.graceful_shutdown()).await;
    }

    /// Runs the connection until it ends, is too slow, or, once the server stops, has answered.
    async fn drive<C, E>(&self, mut connection: Pin<&mut C>, stop: impl FnOnce(Pin<&mut C>))
    where
        C: Future<Output = Result<(), E>>,
        E: Display,
    {
        let (mut shutdown, told) = (self.shutdown.clone(), self.shutdown.clone());
        let mut stopping = pin!(stopped(&mut shutdown));
        let mut stop = Some(stop);
        // It wakes this task when it is time, so after the first look it is looked at only then.
        let mut is_first = true;
        let ended = poll_fn(|cx| {
            let is_first = std::mem::take(&mut is_first);
            if stop.is_some()
                && (is_first || told.has_changed().unwrap_or(true))
                && stopping.as_mut().poll(cx).is_ready()
                && let Some(stop) = stop.take()
            {
                stop(connection.as_mut());
            }
            match connection.as_mut().poll(cx) {
                Poll::Ready(ended) => Poll::Ready(Some(ended)),
                Poll::Pending => self.watch.poll_late(cx).map(|()| None),
            }
        });
        match ended.await {
            Some(Err(error)) => tracing::debug!(%error, "http: connection ended"),
            Some(Ok(())) => {}
            None => tracing::debug!("http: connection was silent for too long"),
        }
    }
}

impl<A: Answer> Respond for Connection<A> {
    fn head_has_begun(&self) {
        self.watch.received();
    }

    async fn respond<B: Incoming>(&self, mut request: Request<B>) -> Response<Full<Bytes>> {
        let _in_flight = self.watch.begin();
        if let Some(certificate) = &self.certificate {
            request.extensions_mut().insert(Arc::clone(certificate));
        }
        self.answer.answer(self.peer, request).await
    }
}
