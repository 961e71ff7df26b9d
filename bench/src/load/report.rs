//! What came back: rate, latencies and statuses.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// Answers of one connection: status and latency in microseconds.
#[derive(Debug, Default)]
pub struct Samples {
    answers: Vec<(u16, u32)>,
    errors: u64,
}

impl Samples {
    /// Keeps an answer unless it came during the warm-up.
    pub fn record(&mut self, counted: bool, status: u16, latency: Duration) {
        if counted {
            self.answers.push((status, u32::try_from(latency.as_micros()).unwrap_or(u32::MAX)));
        }
    }

    /// Keeps a request that got no answer, unless during the warm-up.
    pub fn record_error(&mut self, counted: bool) {
        self.errors += u64::from(counted);
    }
}

/// Latencies in microseconds.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Latencies {
    count: usize,
    p50: u32,
    p99: u32,
    max: u32,
}

/// The result of a run. `refused` are 429 and 503, which a busy server owes its clients quickly.
#[derive(Debug, Serialize)]
pub struct Report {
    per_second: f64,
    served: Latencies,
    refused: Latencies,
    errors: u64,
    statuses: BTreeMap<u16, u64>,
}

impl Report {
    pub fn of(samples: impl Iterator<Item = Samples>, seconds: f64) -> Self {
        let (mut served, mut refused, mut statuses, mut errors) = (vec![], vec![], BTreeMap::new(), 0);
        for sample in samples {
            errors += sample.errors;
            for (status, latency) in sample.answers {
                *statuses.entry(status).or_insert(0) += 1;
                match status {
                    200..300 => served.push(latency),
                    429 | 503 => refused.push(latency),
                    _ => errors += 1,
                }
            }
        }
        let per_second = served.len() as f64 / seconds;
        Self { per_second, served: Latencies::of(served), refused: Latencies::of(refused), errors, statuses }
    }
}

impl Latencies {
    fn of(mut micros: Vec<u32>) -> Self {
        micros.sort_unstable();
        let at = |share: f64| {
            let rank = (micros.len() as f64 * share).ceil() as usize;
            micros.get(rank.saturating_sub(1)).copied().unwrap_or(0)
        };
        Self { count: micros.len(), p50: at(0.50), p99: at(0.99), max: at(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let latencies = Latencies::of((1..=200).rev().collect());
        assert_eq!(latencies, Latencies { count: 200, p50: 100, p99: 198, max: 200 });
        assert_eq!(Latencies::of(vec![]), Latencies::default());
    }

    #[test]
    fn refusals_and_failures_are_kept_apart() {
        let mut samples = Samples::default();
        for (status, millis) in [(200, 1), (429, 2), (500, 3)] {
            samples.record(true, status, Duration::from_millis(millis));
        }
        samples.record(false, 200, Duration::ZERO);
        let report = Report::of([samples].into_iter(), 1.0);
        assert_eq!((report.served.count, report.refused.p99, report.errors), (1, 2000, 1));
    }
}
