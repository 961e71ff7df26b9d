//! Closes connections that send no whole request in time, or nothing at all.
//!
//! One task looks at all connections each second. A timer per request, as HTTP libraries keep it,
//! would cost every request what only broken clients need.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How long the headers of a request may take, in seconds: with the second of the watch's own pace
/// below the 15 s that R120 asks for.
const HEADERS: u32 = 12;
/// How long a connection may be idle between requests.
const IDLE: u32 = 75;
const NEVER: u32 = u32::MAX;

/// All connections and the seconds since the start.
#[derive(Debug, Default)]
pub struct Deadlines {
    second: AtomicU32,
    next: AtomicU64,
    connections: Mutex<HashMap<u64, Arc<Watched>>>,
}

/// What one connection is doing.
#[derive(Debug)]
pub struct Watched {
    /// The second in which it is closed.
    closes_at: AtomicU32,
    /// Whether no request has begun.
    is_idle: AtomicBool,
    in_flight: AtomicU32,
    /// The task that serves it.
    task: Mutex<Option<Waker>>,
}

/// A connection under watch until this is dropped.
#[derive(Debug)]
pub struct Watch {
    deadlines: Arc<Deadlines>,
    number: u64,
    watched: Arc<Watched>,
}

/// A request that is being answered.
#[derive(Debug)]
pub struct InFlight<'w>(&'w Watch);

impl Deadlines {
    /// Watches a new connection, which has as long for its first request as for the headers of any.
    pub fn watch(self: &Arc<Deadlines>) -> Watch {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let watched = Arc::new(Watched {
            closes_at: AtomicU32::new(self.now() + HEADERS),
            is_idle: AtomicBool::new(false),
            in_flight: AtomicU32::new(0),
            task: Mutex::default(),
        });
        self.lock().insert(number, Arc::clone(&watched));
        Watch { deadlines: Arc::clone(self), number, watched }
    }

    /// Ticks for ever.
    pub async fn run(self: Arc<Deadlines>) {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        loop {
            ticks.tick().await;
            self.tick();
        }
    }

    fn tick(&self) {
        let now = self.second.fetch_add(1, Ordering::Relaxed) + 1;
        for watched in self.lock().values() {
            if watched.closes_at.load(Ordering::Relaxed) <= now
                && let Some(task) = &*watched.task()
            {
                task.wake_by_ref();
            }
        }
    }

    fn now(&self) -> u32 {
        self.second.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Watched>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// A request has begun to come in, if none had before.
    pub fn received(&self) {
        if self.watched.is_idle.swap(false, Ordering::Relaxed) {
            self.watched.closes_at.store(self.deadlines.now() + HEADERS, Ordering::Relaxed);
        }
    }

    /// The headers of a request are complete; what follows has deadlines of its own.
    pub fn begin(&self) -> InFlight<'_> {
        self.watched.in_flight.fetch_add(1, Ordering::Relaxed);
        self.watched.is_idle.store(false, Ordering::Relaxed);
        self.watched.closes_at.store(NEVER, Ordering::Relaxed);
        InFlight(self)
    }

    /// Ready when the connection is to be closed. A request that came at the last moment saves it.
    pub fn poll_late(&self, context: &Context<'_>) -> Poll<()> {
        let mut task = self.watched.task();
        if !task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            *task = Some(context.waker().clone());
        }
        drop(task);
        let closes_at = self.watched.closes_at.load(Ordering::Relaxed);
        if closes_at <= self.deadlines.now() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Watched {
    fn task(&self) -> MutexGuard<'_, Option<Waker>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let Watch { watched, deadlines, .. } = self.0;
        if watched.in_flight.fetch_sub(1, Ordering::Relaxed) == 1 {
            watched.closes_at.store(deadlines.now() + IDLE, Ordering::Relaxed);
            watched.is_idle.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.deadlines.lock().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(deadlines: &Deadlines, seconds: u32) {
        for _ in 0..seconds {
            deadlines.tick();
        }
    }

    fn is_late(watch: &Watch) -> bool {
        watch.poll_late(&Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn slow_headers_and_long_silence_end_a_connection_and_a_request_in_flight_does_not() {
        let deadlines = Arc::new(Deadlines::default());
        let watch = deadlines.watch();
        pass(&deadlines, HEADERS - 1);
        assert!(!is_late(&watch));
        let request = watch.begin();
        watch.received();
        pass(&deadlines, 1000);
        assert!(!is_late(&watch));
        drop(request);
        pass(&deadlines, IDLE - 1);
        assert!(!is_late(&watch));
        watch.received();
        pass(&deadlines, HEADERS - 1);
        watch.received();
        assert!(!is_late(&watch));
        pass(&deadlines, 1);
        assert!(is_late(&watch));
        drop(watch);
        assert!(deadlines.lock().is_empty());
    }

    #[test]
    fn a_silent_connection_ends() {
        let deadlines = Arc::new(Deadlines::default());
        let (first, second) = (deadlines.watch(), deadlines.watch());
        pass(&deadlines, HEADERS);
        assert!(is_late(&first));
        drop(second.begin());
        pass(&deadlines, IDLE);
        assert!(is_late(&second));
    }
}
