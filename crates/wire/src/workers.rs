//! Accepting connections, and the threads that serve them, each with a runtime of its own.
//!
//! A connection stays on the thread that it was given to, so no request wakes another thread: a session
//! check takes less time than that would (docs/decisions/0008-hot-path.md). Connections are given out in turn.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// After a failed accept (out of file descriptors, say) the next one waits so long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The next connection of a listener, which the log calls `name`.
pub async fn accept(listener: &TcpListener, name: &str) -> (TcpStream, IpAddr) {
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => return (socket, peer.ip()),
            Err(error) => {
                tracing::warn!(%error, "{name}: cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The threads; they end when this is dropped, once each has finished its present step.
#[derive(Debug)]
pub struct Workers {
    handles: Vec<Handle>,
    next: AtomicUsize,
    threads: Vec<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Workers {
    /// Starts so many.
    ///
    /// # Errors
    /// If the system gives no more threads or file descriptors.
    pub fn start(count: usize) -> io::Result<Workers> {
        let mut workers = Workers { handles: Vec::new(), next: AtomicUsize::new(0), threads: Vec::new() };
        for _ in 0..count.max(1) {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let (end, ended) = oneshot::channel();
            workers.handles.push(runtime.handle().clone());
            let thread = std::thread::Builder::new().name("connections".to_owned()).spawn(move || {
                // A sender that is gone means the same.
                let _ = runtime.block_on(ended);
            })?;
            workers.threads.push((end, thread));
        }
        Ok(workers)
    }

    /// Serves a connection on the thread whose turn it is, as one of these tasks.
    pub fn spawn<S>(
        &self,
        tasks: &mut JoinSet<()>,
        socket: TcpStream,
        serve: impl FnOnce(TcpStream) -> S + Send + 'static,
    ) where
        S: Future<Output = ()> + Send + 'static,
    {
        // Its readiness is told to the runtime that has accepted it until it is taken out of that.
        let Ok(socket) = socket.into_std() else { return };
        let serve = async move {
            if let Ok(socket) = TcpStream::from_std(socket) {
                serve(socket).await;
            }
        };
        tasks.spawn_on(serve, self.next());
    }

    /// The runtime of the thread whose turn it is.
    #[allow(clippy::indexing_slicing)] // At least one was started.
    fn next(&self) -> &Handle {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        &self.handles[turn % self.handles.len()]
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for (end, thread) in self.threads.drain(..) {
            drop(end);
            // A panic of one of its tasks does not end a thread.
            let _ = thread.join();
        }
    }
}
