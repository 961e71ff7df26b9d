//! Bounds of connections, in all and per source.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_ops::Source;

/// Counts the connections that are open.
#[derive(Debug)]
pub struct Places {
    total: usize,
    per_source: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_source: HashMap<Source, usize>,
}

/// One connection's place, given back when dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    source: Source,
}

impl Places {
    /// So many in all, and so many of one source.
    pub fn new(total: usize, per_source: usize) -> Arc<Places> {
        Arc::new(Places { total, per_source, taken: Mutex::default() })
    }

    /// `None` if there is none left, for this source or for all.
    pub fn take(self: &Arc<Places>, source: Source) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_source = taken.by_source.get(&source).copied().unwrap_or(0);
        if taken.total >= self.total || of_source >= self.per_source {
            return None;
        }
        taken.total += 1;
        taken.by_source.insert(source, of_source + 1);
        Some(Place { places: Arc::clone(self), source })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total = taken.total.saturating_sub(1);
        match taken.by_source.get_mut(&self.source) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => {
                taken.by_source.remove(&self.source);
            }
        }
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
        assert_eq!(places.taken.lock().unwrap().by_source.len(), 1);
    }
}
