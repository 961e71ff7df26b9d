//! Places in the status lists (Token Status List, draft-ietf-oauth-status-list).

use crate::random::Random;

/// How many draws are made in the space that holds twice as many places as the one before.
const DRAWS: usize = 2;

/// The spaces, of which the first is one list.
const SPACES: usize = 10;

/// The place of a grant in the status lists: which list, and which bit of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusIndex(pub i64);

impl StatusIndex {
    /// How many places a list has: 16 KiB of bits.
    pub const OF_A_LIST: i64 = 1 << 17;

    /// How many lists there are at most.
    pub const LISTS: i64 = 1 << (SPACES - 1);

    /// In which list.
    pub fn list(self) -> i64 {
        self.0.div_euclid(StatusIndex::OF_A_LIST)
    }

    /// Where in it.
    pub fn place(self) -> i64 {
        self.0.rem_euclid(StatusIndex::OF_A_LIST)
    }

    /// Draws places to try one after the other. By chance, so that a place does not tell when it was given;
    /// from the first list as long as that has room, so that whoever reads the lists has few to read.
    pub fn draw(random: &Random) -> Vec<StatusIndex> {
        let bytes = random.bytes::<{ 4 * DRAWS * SPACES }>();
        let (draws, _) = bytes.as_chunks::<4>();
        let at = |(number, draw): (usize, &[u8; 4])| {
            let space = StatusIndex::OF_A_LIST << (number / DRAWS);
            StatusIndex(i64::from(u32::from_be_bytes(*draw)) % space)
        };
        draws.iter().enumerate().map(at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_drawn_from_few_lists_first() {
        let random = Random::seeded(1);
        let all: Vec<_> = (0..200).map(|_| StatusIndex::draw(&random)).collect();
        assert!(all.iter().all(|draws| draws.len() == 20 && draws[0].list() == 0 && draws[1].list() == 0));
        assert!(all.iter().flatten().all(|draw| (0..StatusIndex::LISTS).contains(&draw.list())));
        assert!(all.iter().any(|draws| draws[19].list() > StatusIndex::LISTS / 2));
        let first: Vec<_> = all.iter().map(|draws| draws[0].place()).collect();
        assert!(first.windows(2).any(|two| two[0] > two[1]) && first.windows(2).any(|two| two[0] < two[1]));
        let last = StatusIndex(StatusIndex::OF_A_LIST + 5);
        assert_eq!((last.list(), last.place()), (1, 5));
    }
}
