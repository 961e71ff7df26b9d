//! Time: the one place that reads a clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970-01-01T00:00:00Z, as the store keeps every time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A time that no clock reaches: the expiry of what never expires (004's tokens).
    pub const NEVER: Timestamp = Timestamp(i64::MAX);

    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Timestamp {
        Timestamp(micros)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This time and `duration` later; saturates at [`Timestamp::NEVER`].
    pub fn after(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(micros_of(duration)))
    }

    /// This time, `duration` earlier.
    pub fn before(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(micros_of(duration)))
    }

    /// How long it is from `earlier` until this time; zero if it is not later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// `2012-07-16T17:23:34Z`: RFC 3339 in UTC without a fraction (002, 003).
    pub fn rfc3339(self) -> String {
        self.format("%Y-%m-%dT%H:%M:%SZ")
    }

    /// `2017-01-01 00:00:00`: the form of 001's `created` and `expired`, in UTC.
    pub fn date_and_time(self) -> String {
        self.format("%Y-%m-%d %H:%M:%S")
    }

    /// Rounded up to the next whole multiple of `step`, for times that must not link two rows.
    pub fn rounded_up(self, step: Duration) -> Timestamp {
        let step = micros_of(step).max(1);
        Timestamp(self.0.div_euclid(step).saturating_add(1).saturating_mul(step))
    }

    fn format(self, form: &str) -> String {
        let moment = jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::MAX);
        moment.strftime(form).to_string()
    }
}

/// The duration in microseconds, saturating: `i64` holds 292,000 years.
pub fn micros_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Seconds since 1970 by the machine's clock, for what is only told to others: the `Date` of an answer.
pub fn wall_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// How often [`Clock::glance`] sets the mark, in microseconds.
const MARK_EVERY: i64 = 1000;

/// Where the time comes from.
#[derive(Debug)]
pub enum Clock {
    /// The machine's wall clock, held so that it never runs backwards within a process
    /// (R156: a clock that is set back brings nothing back to life).
    System {
        /// The latest time given out or restored from the store, in microseconds.
        high_water: AtomicI64,
    },
    /// A clock that stands where a test put it.
    Fixed(AtomicI64),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Clock {
        Clock::System { high_water: AtomicI64::new(0) }
    }

    /// A clock that stands at `at`.
    pub fn fixed(at: Timestamp) -> Clock {
        Clock::Fixed(AtomicI64::new(at.0))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System { high_water } => {
                let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, micros_of);
                if high_water.fetch_max(wall, Ordering::Relaxed) < wall {
                    return Timestamp(wall);
                }
                // Where the machine's clock stands still or is behind, this one counts its readings,
                // so that what came later still has a later time.
                Timestamp(high_water.fetch_add(1, Ordering::Relaxed).saturating_add(1))
            }
            Clock::Fixed(at) => Timestamp(at.load(Ordering::Relaxed)),
        }
    }

    /// The time now, for a look that writes nothing: not unique, and without the mark that every [`Clock::now`]
    /// sets, which threads would fight over. It sets the mark each millisecond; what had expired for longer
    /// stays expired if the machine's clock goes back.
    pub fn glance(&self) -> Timestamp {
        match self {
            Clock::System { high_water } => {
                let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, micros_of);
                let mark = high_water.load(Ordering::Relaxed);
                if wall > mark.saturating_add(MARK_EVERY) {
                    high_water.fetch_max(wall, Ordering::Relaxed);
                }
                Timestamp(wall.max(mark))
            }
            Clock::Fixed(at) => Timestamp(at.load(Ordering::Relaxed)),
        }
    }

    /// Lets the clock not fall behind `mark`, which an earlier run of the server had reached.
    pub fn not_before(&self, mark: Timestamp) {
        match self {
            Clock::System { high_water } => high_water.fetch_max(mark.0, Ordering::Relaxed),
            Clock::Fixed(at) => at.fetch_max(mark.0, Ordering::Relaxed),
        };
    }

    /// Moves a fixed clock on; the machine's clock does not move.
    pub fn advance(&self, by: Duration) {
        match self {
            Clock::System { .. } => {}
            Clock::Fixed(at) => {
                at.fetch_add(micros_of(by), Ordering::Relaxed);
            }
        }
    }
}

/// Measures how long something took, for metrics and deadlines; never for the age of anything stored.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_those_of_the_documents() {
        let t = Timestamp::from_micros(1_342_459_414_999_999);
        assert_eq!(t.rfc3339(), "2012-07-16T17:23:34Z");
        assert_eq!(t.date_and_time(), "2012-07-16 17:23:34");
        assert_eq!(Timestamp::NEVER.rfc3339().len(), 20);
    }

    #[test]
    fn a_glance_does_not_fall_behind_the_mark_and_moves_it() {
        let clock = Clock::system();
        let mark = clock.now().after(Duration::from_secs(3600));
        clock.not_before(mark);
        assert_eq!(clock.glance(), mark);
        let clock = Clock::system();
        let seen = clock.glance();
        assert!(clock.now() >= seen);
    }

    #[test]
    fn the_system_clock_never_falls_behind_its_mark() {
        let clock = Clock::system();
        let mark = clock.now().after(Duration::from_secs(3600));
        clock.not_before(mark);
        let first = clock.now();
        assert!(first > mark && clock.now() > first);
    }
}
