//! When to try again.

use std::time::Duration;

use countersign_model::random::Random;

/// The longest pause between two tries.
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);

/// The pause after try number `attempts` (from 1): `first`, then three times as long each, at most
/// an hour; a quarter more or less by chance, so that what failed together is not tried together.
pub(crate) fn pause(first: Duration, attempts: u32, random: &Random) -> Duration {
    let factor = 3u32.saturating_pow(attempts.saturating_sub(1));
    let pause = first.saturating_mul(factor).min(LONGEST);
    let chance = f64::from(u32::from_be_bytes(random.bytes())) / f64::from(u32::MAX);
    pause.mul_f64(0.75 + 0.5 * chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour_and_differ_by_chance() {
        let random = Random::seeded(1);
        let first = Duration::from_secs(5);
        for (attempts, seconds) in [(1, 5), (2, 15), (3, 45), (7, 3600), (8, 3600), (u32::MAX, 3600)] {
            let expected = Duration::from_secs(seconds);
            let pauses: Vec<Duration> = (0..200).map(|_| pause(first, attempts, &random)).collect();
            assert!(pauses.iter().all(|p| *p >= expected.mul_f64(0.75) && *p <= expected.mul_f64(1.25)));
            assert!(pauses.iter().any(|p| *p < expected.mul_f64(0.85)), "{attempts}");
            assert!(pauses.iter().any(|p| *p > expected.mul_f64(1.15)), "{attempts}");
        }
    }
}
