//! Request ids: what a person reads from a reply and finds in the log.

use std::array::from_fn;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_model::random::Random;
use countersign_model::shard::{Apart, SHARDS, shard};
use countersign_ops::RequestId;
use http::HeaderValue;

/// Draws ids: a random number per process, and a count for each share of the threads. They name requests; they guard nothing.
#[derive(Debug)]
pub(crate) struct RequestIds {
    start: u64,
    counts: [Apart<AtomicU64>; SHARDS],
}

impl RequestIds {
    pub(crate) fn new(random: &Random) -> RequestIds {
        RequestIds {
            start: u64::from_be_bytes(random.bytes()),
            // Far enough from each other for a million requests a second through 500 years.
            counts: from_fn(|shard| Apart(AtomicU64::new((shard as u64) << 54))),
        }
    }

    /// The next id, and its 16 hexadecimal digits. Multiplying by an odd number (Fibonacci hashing) keeps
    /// ids different for 2^64 requests and unlike each other to the eye.
    pub(crate) fn next(&self) -> (RequestId, HeaderValue) {
        let count = self.counts[shard()].0.fetch_add(1, Ordering::Relaxed);
        let id = self.start.wrapping_add(count.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut text = [0; 16];
        for (index, digit) in text.iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[usize::from((id >> (60 - 4 * index)) as u8 & 15)];
        }
        (RequestId(id), HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("-")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ() {
        let ids = RequestIds::new(&Random::seeded(1));
        let (a, b) = (ids.next(), ids.next());
        assert_ne!(a.1, b.1);
        assert_eq!(a.1.len(), 16);
        assert_eq!(a.1, a.0.to_string(), "the log has it as the reply does");
    }
}
