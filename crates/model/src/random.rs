//! Randomness: the one place that draws it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// Where random bytes come from.
#[derive(Debug)]
pub enum Random {
    /// The operating system's generator, through aws-lc.
    System,
    /// A reproducible stream for tests: SHA-256 of a seed and a counter.
    Seeded {
        /// The seed.
        seed: u64,
        /// Blocks drawn so far.
        drawn: AtomicU64,
        /// Bytes of the last block that were not handed out yet.
        rest: Mutex<Vec<u8>>,
    },
}

/// What aws-lc draws from when it makes or uses a signing key itself.
pub fn for_keys() -> impl SecureRandom {
    SystemRandom::new()
}

impl Random {
    /// A reproducible stream.
    pub fn seeded(seed: u64) -> Random {
        Random::Seeded { seed, drawn: AtomicU64::new(0), rest: Mutex::new(Vec::new()) }
    }

    /// Fills `out`.
    ///
    /// # Panics
    /// If the operating system has no randomness to give. There is no safe way to go on.
    #[allow(clippy::expect_used)]
    pub fn fill(&self, out: &mut [u8]) {
        match self {
            Random::System => SystemRandom::new().fill(out).expect("the system gives random bytes"),
            Random::Seeded { seed, drawn, rest } => {
                let mut rest = rest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                while rest.len() < out.len() {
                    let mut input = seed.to_be_bytes().to_vec();
                    input.extend(drawn.fetch_add(1, Ordering::Relaxed).to_be_bytes());
                    rest.extend(digest::digest(&digest::SHA256, &input).as_ref());
                }
                out.copy_from_slice(&rest[..out.len()]);
                rest.drain(..out.len());
            }
        }
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// A random positive integer below 2^`bits`, never 0; `bits` is from 1 to 63.
    pub fn positive(&self, bits: u32) -> i64 {
        // Not `(1 << bits) - 1`, which overflows at 63.
        let mask = i64::MAX >> (63 - bits.min(63));
        loop {
            let drawn = i64::from_be_bytes(self.bytes()) & mask;
            if drawn > 0 {
                return drawn;
            }
        }
    }

    /// A string of `length` characters of `alphabet`, each drawn without bias (R029).
    pub fn text(&self, alphabet: &[u8], length: usize) -> String {
        let usable = 256 - 256 % alphabet.len();
        let mut out = String::with_capacity(length);
        while out.len() < length {
            for byte in self.bytes::<64>() {
                if usize::from(byte) < usable && out.len() < length {
                    out.push(char::from(alphabet[usize::from(byte) % alphabet.len()]));
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positive_numbers_stay_within_their_bits() {
        let random = Random::seeded(1);
        assert_eq!(random.positive(1), 1);
        assert!((0..100).all(|_| (1..1 << 53).contains(&random.positive(53))));
        assert!((0..100).all(|_| random.positive(63) > 0));
    }
}
