//! Shares of what every thread uses all the time: a counter or a pool that two threads write costs each of
//! them a trip to the other's cache.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many shares there are. More threads than this have some in common.
pub const SHARDS: usize = 16;

/// The share of the thread that asks: below [`SHARDS`].
pub fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static SHARD: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
    SHARD.with(|shard| *shard)
}

/// On cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Apart<T>(pub T);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_share_and_the_next_has_another() {
        let mine = shard();
        assert_eq!(mine, shard());
        let other = std::thread::spawn(shard).join().unwrap();
        assert!(other < SHARDS && other != mine);
    }
}
