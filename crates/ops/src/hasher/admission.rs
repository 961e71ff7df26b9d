//! Who may have a password hashed: only what can be served soon is let in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::Source;
use crate::shares::{Room, Share, Shares};

/// Nobody should ask again sooner, however short the queue.
const SHORTEST_RETRY: Duration = Duration::from_secs(1);

/// The pool cannot serve this request soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("password hashing is busy for {retry_after:?}")]
pub struct Busy {
    /// When to ask again.
    pub retry_after: Duration,
}

/// Counts the admitted requests and knows what they cost lately.
#[derive(Debug)]
pub(super) struct Admission {
    threads: usize,
    most: usize,
    max_wait: Duration,
    admitted: Arc<Shares>,
    refused: AtomicU64,
    recent_micros: AtomicU64,
}

impl Admission {
    /// `first_guess` stands for the cost of a request until one has been measured.
    pub fn new(threads: usize, max_queue: usize, max_wait: Duration, first_guess: Duration) -> Admission {
        Admission {
            threads,
            most: threads.saturating_add(max_queue),
            max_wait,
            admitted: Arc::default(),
            refused: AtomicU64::new(0),
            recent_micros: AtomicU64::new(micros(first_guess)),
        }
    }

    /// Lets the request in if it can expect its turn within the longest wait, and its source leaves room for others:
    /// a single one must not keep everybody from signing in.
    pub fn try_enter(self: &Arc<Admission>, source: Source) -> Result<Permit, Busy> {
        match self.admitted.take(source, 1, |admitted| self.room(count(admitted))) {
            Ok(place) => {
                Ok(Permit { admission: Arc::clone(self), worked_micros: AtomicU64::new(0), _place: place })
            }
            Err(admitted) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Err(Busy { retry_after: self.expected_wait(count(admitted)).max(SHORTEST_RETRY) })
            }
        }
    }

    fn room(&self, admitted: usize) -> Room {
        if admitted < self.threads {
            return Room::PLENTY;
        }
        let in_time = match self.recent().as_micros() {
            0 => usize::MAX,
            each => usize::try_from(self.max_wait.as_micros().saturating_mul(self.threads as u128) / each)
                .unwrap_or(usize::MAX),
        };
        Room::shared(self.most.min(in_time.saturating_add(self.threads)).saturating_sub(admitted) as u64)
    }

    /// How long a request waits behind `admitted` others: until so many of them are done that a
    /// thread is free.
    fn expected_wait(&self, admitted: usize) -> Duration {
        let ahead = (admitted + 1).saturating_sub(self.threads);
        let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
        let threads = u32::try_from(self.threads).unwrap_or(u32::MAX).max(1);
        self.recent().saturating_mul(ahead) / threads
    }

    /// What one request has cost lately, in the time of one thread.
    pub fn recent(&self) -> Duration {
        Duration::from_micros(self.recent_micros.load(Ordering::Relaxed))
    }

    /// Requests that hold a permit.
    pub fn admitted(&self) -> usize {
        count(self.admitted.total())
    }

    /// Requests refused since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Moves the recent cost an eighth of the way to the newest. Two at once may lose one of the
    /// two: it is an estimate.
    fn learn(&self, worked_micros: u64) {
        let recent = self.recent_micros.load(Ordering::Relaxed);
        let next = (recent.saturating_mul(7).saturating_add(worked_micros)) / 8;
        self.recent_micros.store(next.max(1), Ordering::Relaxed);
    }
}

/// One admitted request; held by its slot and by its jobs, so that a request whose client has gone
/// counts for as long as it keeps a thread busy.
#[derive(Debug)]
pub(super) struct Permit {
    admission: Arc<Admission>,
    worked_micros: AtomicU64,
    _place: Share,
}

impl Permit {
    /// Adds the time a thread has worked for this request.
    pub fn worked(&self, time: Duration) {
        self.worked_micros.fetch_add(micros(time).max(1), Ordering::Release);
    }

    /// What one request has cost lately.
    pub fn recent(&self) -> Duration {
        self.admission.recent()
    }

    /// Whether a thread has already worked for this request.
    pub fn has_had_a_turn(&self) -> bool {
        self.worked_micros.load(Ordering::Acquire) > 0
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let worked = self.worked_micros.load(Ordering::Acquire);
        if worked > 0 {
            self.admission.learn(worked);
        }
    }
}

fn count(places: u64) -> usize {
    usize::try_from(places).unwrap_or(usize::MAX)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(threads: usize, max_queue: usize, cost: u64) -> Arc<Admission> {
        let max_wait = Duration::from_secs(2);
        Arc::new(Admission::new(threads, max_queue, max_wait, Duration::from_millis(cost)))
    }

    fn source(number: u32) -> Source {
        Source::from_address(std::net::Ipv4Addr::from_bits(number).into())
    }

    /// By as many sources.
    fn fill(admission: &Arc<Admission>) -> (Vec<Permit>, Busy) {
        let mut held = Vec::new();
        for number in 0.. {
            match admission.try_enter(source(number)) {
                Ok(permit) => held.push(permit),
                Err(busy) => return (held, busy),
            }
        }
        unreachable!("the queue is bounded")
    }

    #[test]
    fn one_source_leaves_room_for_others() {
        // 42 places, of which two are threads.
        let admission = admission(2, 10_000, 100);
        let mut held = Vec::new();
        while let Ok(permit) = admission.try_enter(source(1)) {
            held.push(permit);
        }
        assert_eq!(held.len(), 21);
        let others = (2..).map_while(|number| admission.try_enter(source(number)).ok());
        assert_eq!(others.collect::<Vec<_>>().len(), 21);
    }

    #[test]
    fn what_would_wait_longer_than_the_longest_wait_is_refused() {
        // 2 threads and 100 ms each: the 42nd waits for 40 others, which takes 2 s; the 43rd longer.
        let (held, busy) = fill(&admission(2, 10_000, 100));
        assert_eq!(held.len(), 42);
        assert_eq!(busy.retry_after, Duration::from_millis(2050));
    }

    #[test]
    fn the_queue_is_bounded_however_cheap_the_hash() {
        let admission = admission(2, 5, 0);
        let (held, busy) = fill(&admission);
        assert_eq!(held.len(), 7);
        assert_eq!(busy.retry_after, SHORTEST_RETRY);
        assert_eq!((admission.admitted(), admission.refused()), (7, 1));
        drop(held);
        assert_eq!(admission.admitted(), 0);
        assert!(admission.try_enter(source(1)).is_ok());
    }

    #[test]
    fn a_free_thread_is_never_refused_even_if_one_hash_outlasts_the_longest_wait() {
        let (held, _) = fill(&admission(3, 100, 60_000));
        assert_eq!(held.len(), 3);
    }

    #[test]
    fn the_estimate_follows_what_requests_cost() {
        let admission = admission(1, 100, 10);
        for _ in 0..100 {
            let permit = admission.try_enter(source(1)).expect("a permit");
            assert!(!permit.has_had_a_turn());
            permit.worked(Duration::from_millis(40));
            permit.worked(Duration::from_millis(40));
            assert!(permit.has_had_a_turn());
        }
        let recent = admission.recent();
        assert!(recent > Duration::from_millis(79) && recent <= Duration::from_millis(80), "{recent:?}");
        drop(admission.try_enter(source(1)));
        assert_eq!(admission.recent(), recent, "a permit that was not used teaches nothing");
    }
}
