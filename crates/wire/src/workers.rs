//! Threads that serve connections, each with a runtime of its own.
//!
//! A connection stays on the thread that it was given to, so no request wakes another thread: a session
//! check takes less time than that would (docs/decisions/0008-hot-path.md). Connections are given out in turn.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

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

    /// The runtime of the thread whose turn it is.
    #[allow(clippy::indexing_slicing)] // At least one was started.
    pub fn next(&self) -> &Handle {
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
