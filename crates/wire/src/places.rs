//! Bounds of connections, in all and per source.

use std::sync::Arc;

use countersign_ops::Source;
use countersign_ops::shares::{Room, Share, Shares};

/// Counts the connections that are open.
#[derive(Debug)]
pub struct Places {
    total: u64,
    per_source: u64,
    taken: Arc<Shares>,
}

/// One connection's place, given back when dropped.
pub type Place = Share;

impl Places {
    /// So many in all, and so many of one source.
    pub fn new(total: usize, per_source: usize) -> Arc<Places> {
        Arc::new(Places { total: total as u64, per_source: per_source as u64, taken: Arc::default() })
    }

    /// `None` if there is none left, for this source or for all.
    pub fn take(&self, source: Source) -> Option<Place> {
        let room = |taken| Room { left: self.total.saturating_sub(taken), each: self.per_source };
        self.taken.take(source, 1, room).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_come_back() {
        let places = Places::new(3, 2);
        let [one, other] = ["127.0.0.1", "127.0.0.2"].map(|text| Source::from_address(text.parse().unwrap()));
        let first = places.take(one).unwrap();
        let _second = places.take(one).unwrap();
        assert!(places.take(one).is_none());
        let _third = places.take(other).unwrap();
        assert!(places.take(other).is_none());
        drop(first);
        assert!(places.take(other).is_some());
    }

    #[test]
    fn places_are_bounded_in_all_and_per_source_and_come_back() {
        let places = Places::new(3, 2);
        let source = |text: &str| Source::from_address(text.parse().unwrap());
        let [one, two, three] = ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map(source);
        let first = places.take(one).unwrap();
        let _second = places.take(one).unwrap();
        assert!(places.take(one).is_none());
        let third = places.take(two).unwrap();
        assert!(places.take(three).is_none());
        drop(first);
        drop(third);
        let _fourth = places.take(one).unwrap();
        assert!(places.take(one).is_none());
        assert!(places.take(two).is_some());
        assert_eq!(places.taken.sources(), 1);
    }
}
