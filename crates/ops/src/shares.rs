//! What is scarce and asked for by many: how much everybody holds of it, and each source.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Source;

/// What is held of it, and by whom.
#[derive(Debug, Default)]
pub struct Shares(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    total: u64,
    by_source: HashMap<Source, u64>,
}

/// What one holds until it is dropped.
#[derive(Debug)]
pub struct Share {
    shares: Arc<Shares>,
    source: Source,
    amount: u64,
}

impl Shares {
    /// Takes `amount` for the source if it may. `room` is told how much everybody holds, and tells how much is left.
    ///
    /// # Errors
    /// How much everybody holds, if there is not enough left, or an address would hold more than it may.
    pub fn take(
        self: &Arc<Shares>,
        source: Source,
        amount: u64,
        room: impl FnOnce(u64) -> Room,
    ) -> Result<Share, u64> {
        let mut share = Share { shares: Arc::clone(self), source, amount: 0 };
        share.grow(amount, room)?;
        Ok(share)
    }

    /// How many sources hold some.
    pub fn sources(&self) -> usize {
        self.lock().by_source.len()
    }

    /// How much everybody holds.
    pub fn total(&self) -> u64 {
        self.lock().total
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much may still be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// In all.
    pub left: u64,
    /// What an address may hold. Operators are stopped by nothing but the end.
    pub each: u64,
}

impl Room {
    /// Nobody waits for it: whoever comes may have it.
    pub const PLENTY: Room = Room { left: u64::MAX, each: u64::MAX };

    /// An address may hold as much as is left. So one gets half of it at most, several together always leave some for
    /// the next, and there is no fixed bound (dynamic thresholds, A. K. Choudhury and E. L. Hahne, 1998).
    pub fn shared(left: u64) -> Room {
        Room { left, each: left }
    }
}

impl Share {
    /// Takes more.
    ///
    /// # Errors
    /// As [`Shares::take`]; what was held before stays.
    pub fn grow(&mut self, amount: u64, room: impl FnOnce(u64) -> Room) -> Result<(), u64> {
        let mut held = self.shares.lock();
        let own = held.by_source.get(&self.source).copied().unwrap_or(0).saturating_add(amount);
        let Room { left, each } = room(held.total);
        if amount > left || self.source != Source::Local && own > each {
            return Err(held.total);
        }
        held.total = held.total.saturating_add(amount);
        held.by_source.insert(self.source, own);
        self.amount = self.amount.saturating_add(amount);
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.lock();
        held.total = held.total.saturating_sub(self.amount);
        if let Some(own) = held.by_source.get_mut(&self.source) {
            *own = own.saturating_sub(self.amount);
            if *own == 0 {
                held.by_source.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(number: u8) -> Source {
        Source::from_address([192, 0, 2, number].into())
    }

    fn of(capacity: u64) -> impl Fn(u64) -> Room + Copy {
        move |total| Room::shared(capacity.saturating_sub(total))
    }

    #[test]
    fn one_source_gets_half_and_several_leave_some() {
        let shares = Arc::new(Shares::default());
        let mut all = Vec::new();
        let mut take_all = |number| {
            let before = all.len();
            while let Ok(share) = shares.take(source(number), 1, of(90)) {
                all.push(share);
            }
            all.len() - before
        };
        assert_eq!(take_all(1), 45);
        assert_eq!(take_all(2), 23);
        assert_eq!(take_all(3), 11);
        assert_eq!(take_all(1), 0);
        assert_eq!(shares.total(), 79);
        assert!(
            shares.take(Source::Local, 11, of(90)).is_ok(),
            "an operator is stopped by nothing but the end"
        );
        assert_eq!(shares.take(Source::Local, 12, of(90)).err(), Some(79));
        drop(all);
        assert_eq!(shares.total(), 0);
        assert_eq!(shares.sources(), 0);
    }

    #[test]
    fn a_share_grows_by_the_same_rule() {
        let shares = Arc::new(Shares::default());
        let mut share = shares.take(source(1), 10, of(100)).unwrap();
        assert_eq!(share.grow(40, of(100)), Ok(()));
        assert_eq!(share.grow(1, of(100)), Err(50));
        assert_eq!(share.grow(60, |_| Room::PLENTY), Ok(()));
        assert_eq!(shares.total(), 110);
        drop(share);
        assert_eq!(shares.total(), 0);
    }
}
