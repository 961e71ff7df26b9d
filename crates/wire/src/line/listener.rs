//! Accepts connections within bounds and stops them gracefully.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign_ops::{Core, Source};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::connection::{self, Context, stopped};
use super::frame::Deadlines;
use crate::http::RequestIds;
use crate::metrics::{Listener, Metrics};
use crate::places::Places;
use crate::workers::{Workers, accept};

/// The bounds of the line listener.
#[derive(Clone, Copy, Debug)]
pub struct LineSettings {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one source.
    pub connections_per_source: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long a line may take, and how long a client may be silent.
    pub deadlines: Deadlines,
    /// How long requests in flight get when the server stops (R160).
    pub stop: Duration,
}

impl Default for LineSettings {
    fn default() -> LineSettings {
        LineSettings {
            connections: 1000,
            connections_per_source: 100,
            handshake: Duration::from_secs(10),
            deadlines: Deadlines {
                opening: Duration::from_secs(15),
                idle: Duration::from_secs(300),
                line: Duration::from_secs(15),
            },
            stop: Duration::from_secs(10),
        }
    }
}

/// Serves the line protocol until `shutdown` turns true and the lines in flight are answered.
///
/// Each new connection takes the TLS configuration that is current: storing another one renews the
/// certificate without touching the connections that are open (R142).
pub async fn serve(
    listener: TcpListener,
    tls: Arc<ArcSwap<ServerConfig>>,
    core: Arc<Core>,
    settings: LineSettings,
    metrics: Arc<Metrics>,
    workers: Arc<Workers>,
    mut shutdown: watch::Receiver<bool>,
) {
    let places = Places::new(settings.connections, settings.connections_per_source);
    let mut connections = JoinSet::new();
    let request_ids = Arc::new(RequestIds::new(&core.random));
    loop {
        let (socket, peer) = tokio::select! {
            biased;
            () = stopped(&mut shutdown) => break,
            Some(ended) = connections.join_next() => {
                report(ended);
                continue;
            }
            accepted = accept(&listener, "line") => accepted,
        };
        let source = Source::from_address(peer);
        // No place, no answer: the protocol has none that costs less than the handshake.
        let Some(place) = places.take(source) else { continue };
        let context = Context {
            core: Arc::clone(&core),
            settings,
            metrics: Arc::clone(&metrics),
            shutdown: shutdown.clone(),
            request_ids: Arc::clone(&request_ids),
            source,
        };
        let open = metrics.connected(Listener::Line);
        let acceptor = TlsAcceptor::from(tls.load_full());
        workers.spawn(&mut connections, socket, async move |socket| {
            connection::serve(socket, acceptor, context).await;
            drop((place, open));
        });
    }
    drop(listener);
    finish(connections, settings.stop).await;
}

/// Waits until every connection has ended, then ends those that have not.
async fn finish(mut connections: JoinSet<()>, stop: Duration) {
    let ended = timeout(stop, async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    });
    if ended.await.is_err() {
        tracing::warn!(connections = connections.len(), "line: connections cut off at stop");
        connections.shutdown().await;
    }
}

/// A panic ends the connection that it happened in and no other.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("line: a connection panicked");
    }
}
