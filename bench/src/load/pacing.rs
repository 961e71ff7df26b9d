//! When requests are due, and which core sends them.

use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::Result;

/// The timer of tokio counts in milliseconds; what remains after it is waited for by yielding.
const TIMER_STEP: Duration = Duration::from_millis(2);
/// Schedules with gaps longer than this per connection do not need to be met to the microsecond.
const COARSE: Duration = Duration::from_millis(100);

/// Due times of one connection's requests.
#[derive(Debug)]
pub struct Pace {
    next: Option<Instant>,
    interval: Option<Duration>,
    began: Instant,
}

impl Pace {
    /// Connection `index` of `connections` that together offer `rate` requests a second, evenly spread.
    pub fn new(rate: Option<f64>, index: usize, connections: usize, began: Instant) -> Self {
        let interval = rate.map(|rate| Duration::from_secs_f64(connections as f64 / rate));
        let next = interval.map(|interval| began + interval.mul_f64(index as f64 / connections as f64));
        Self { next, interval, began }
    }

    /// Waits until the next request is due and says when that was: now, for a closed loop.
    pub async fn next_due(&mut self) -> Instant {
        let (Some(due), Some(interval)) = (self.next, self.interval) else {
            tokio::time::sleep_until(self.began.into()).await;
            return Instant::now();
        };
        self.next = Some(due + interval);
        let coarse = interval > COARSE;
        let timer = if coarse { due } else { due.checked_sub(TIMER_STEP).unwrap_or(due) };
        if Instant::now() < timer {
            tokio::time::sleep_until(timer.into()).await;
        }
        while !coarse && Instant::now() < due {
            tokio::task::yield_now().await;
        }
        due
    }

    /// The request that was due at `due` was not sent: it stays due.
    pub fn again(&mut self, due: Instant) {
        if self.interval.is_some() {
            self.next = Some(due);
        }
    }
}

/// The cores this process may run on (`taskset` decides).
pub fn usable_cores() -> Result<Vec<usize>> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    Ok((0..CpuSet::count()).filter(|core| allowed.is_set(*core).unwrap_or(false)).collect())
}

/// Keeps the calling thread on one core; a refusal costs accuracy only.
pub fn pin_to(core: usize) {
    let mut set = CpuSet::new();
    if set.set(core).is_ok() {
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_times_are_even_and_an_unsent_request_stays_due() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let began = Instant::now();
            let mut pace = Pace::new(Some(1000.0), 1, 4, began);
            let first = pace.next_due().await;
            assert_eq!(first - began, Duration::from_millis(1));
            pace.again(first);
            assert_eq!(pace.next_due().await, first);
            assert_eq!(pace.next_due().await - first, Duration::from_millis(4));
        });
    }
}
