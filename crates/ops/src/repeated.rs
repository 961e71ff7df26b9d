//! Log lines that anybody can cause as often as they like: a few are written each second, the rest is counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;

/// How many lines of one kind are written in a second.
const MOST: u64 = 20;

/// How many lines of one kind there were in the second that their first one began.
#[derive(Debug, Default)]
pub struct Repeated(AtomicU64);

impl Repeated {
    /// For a `static`, one for each kind of line.
    pub const fn new() -> Repeated {
        Repeated(AtomicU64::new(0))
    }

    /// Whether to write a line. If some are not written, `tell` learns at the end of the second how many.
    pub fn may_write(&'static self, tell: fn(u64)) -> bool {
        let Ok(runtime) = Handle::try_current() else { return true };
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        if before == 0 {
            let second = Second { lines: self, tell };
            runtime.spawn(async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                drop(second);
            });
        }
        before < MOST
    }
}

/// Ends with its second, or early with the process.
struct Second {
    lines: &'static Repeated,
    tell: fn(u64),
}

impl Drop for Second {
    fn drop(&mut self) {
        let lines = self.lines.0.swap(0, Ordering::Relaxed);
        if lines > MOST {
            (self.tell)(lines - MOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_repeats_is_summed_up_once_a_second() {
        static LINES: Repeated = Repeated::new();
        static TOLD: AtomicU64 = AtomicU64::new(0);
        let tell = |more| _ = TOLD.fetch_add(more, Ordering::Relaxed);
        let written = |lines: u64| (0..lines).filter(|_| LINES.may_write(tell)).count() as u64;
        for second in 1..=2 {
            assert_eq!(written(MOST + 7), MOST);
            tokio::time::sleep(Duration::from_millis(1001)).await;
            assert_eq!(TOLD.load(Ordering::Relaxed), 7 * second);
        }
        assert_eq!(written(MOST), MOST);
        tokio::time::sleep(Duration::from_millis(1001)).await;
        assert_eq!(TOLD.load(Ordering::Relaxed), 14, "nothing was left out");
    }
}
