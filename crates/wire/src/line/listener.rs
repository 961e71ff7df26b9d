//! Accepts connections within bounds and stops them gracefully.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign_ops::{Core, Source};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::connection::{self, Context, stopped};
use super::frame::Deadlines;
use crate::metrics::{Listener, Metrics};

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
            connections_per_source: 1000,
            handshake: Duration::from_secs(10),
            deadlines: Deadlines { idle: Duration::from_secs(300), line: Duration::from_secs(15) },
            stop: Duration::from_secs(10),
        }
    }
}

/// After a failed accept (out of file descriptors, say) the next one waits so long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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
    mut shutdown: watch::Receiver<bool>,
) {
    let places = Arc::new(Places::new(&settings));
    let mut connections = JoinSet::new();
    loop {
        let (socket, peer) = tokio::select! {
            biased;
            () = stopped(&mut shutdown) => break,
            Some(ended) = connections.join_next() => {
                report(ended);
                continue;
            }
            accepted = accept(&listener) => accepted,
        };
        let source = Source::from_address(peer);
        // No place, no answer: the protocol has none that costs less than the handshake.
        let Some(place) = Places::take(&places, source) else { continue };
        let context = Context {
            core: Arc::clone(&core),
            settings,
            metrics: Arc::clone(&metrics),
            shutdown: shutdown.clone(),
            source,
        };
        let open = metrics.connected(Listener::Line);
        let acceptor = TlsAcceptor::from(tls.load_full());
        connections.spawn(async move {
            connection::serve(socket, acceptor, context).await;
            drop((place, open));
        });
    }
    drop(listener);
    finish(connections, settings.stop).await;
}

async fn accept(listener: &TcpListener) -> (TcpStream, std::net::IpAddr) {
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => return (socket, peer.ip()),
            Err(error) => {
                tracing::warn!(%error, "line: cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
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

/// Counts the connections that are open.
struct Places {
    connections: usize,
    connections_per_source: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    total: usize,
    by_source: HashMap<Source, usize>,
}

/// One connection's place, given back when dropped.
struct Place {
    places: Arc<Places>,
    source: Source,
}

impl Places {
    fn new(settings: &LineSettings) -> Places {
        let LineSettings { connections, connections_per_source, .. } = *settings;
        Places { connections, connections_per_source, taken: Mutex::default() }
    }

    /// `None` if there is none left, for this source or for all.
    fn take(places: &Arc<Places>, source: Source) -> Option<Place> {
        let mut taken = places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_source = taken.by_source.get(&source).copied().unwrap_or(0);
        if taken.total >= places.connections || of_source >= places.connections_per_source {
            return None;
        }
        taken.total += 1;
        taken.by_source.insert(source, of_source + 1);
        Some(Place { places: Arc::clone(places), source })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total = taken.total.saturating_sub(1);
        match taken.by_source.get_mut(&self.source) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => {
                taken.by_source.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_in_all_and_per_source_and_come_back() {
        let settings = LineSettings { connections: 3, connections_per_source: 2, ..LineSettings::default() };
        let places = Arc::new(Places::new(&settings));
        let source = |text: &str| Source::from_address(text.parse().unwrap());
        let [one, two, three] = ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map(source);
        let first = Places::take(&places, one).unwrap();
        let _second = Places::take(&places, one).unwrap();
        assert!(Places::take(&places, one).is_none());
        let third = Places::take(&places, two).unwrap();
        assert!(Places::take(&places, three).is_none());
        drop(first);
        drop(third);
        let _fourth = Places::take(&places, one).unwrap();
        assert!(Places::take(&places, one).is_none());
        assert!(Places::take(&places, two).is_some());
        assert_eq!(places.taken.lock().unwrap().by_source.len(), 1);
    }
}
