//! Identities that never change and are never given out twice.

use std::fmt;

use crate::random::Random;

/// The account's integer id (004's `id`): random, positive, below 2^53 so that every JSON
/// reader holds it exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub i64);

impl AccountId {
    /// Draws a new id.
    pub fn draw(random: &Random) -> AccountId {
        AccountId(random.positive(53))
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A random UUID, version 4 (RFC 9562): the account's public id (001's `user.id`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// Draws a new UUID.
    pub fn draw(random: &Random) -> Uuid {
        let mut bytes = random.bytes::<16>();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Uuid(bytes)
    }

    /// The 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From 16 bytes, as the store keeps it.
    pub fn from_bytes(bytes: [u8; 16]) -> Uuid {
        Uuid(bytes)
    }

    /// Reads the 36-character form, in either case; `None` for any other text.
    pub fn parse(text: &str) -> Option<Uuid> {
        let dashes = [8, 13, 18, 23];
        if text.len() != 36 || !text.is_ascii() {
            return None;
        }
        let mut nibbles = [0; 32];
        let mut n = 0;
        for (i, c) in text.chars().enumerate() {
            if dashes.contains(&i) {
                if c != '-' {
                    return None;
                }
            } else {
                nibbles[n] = u8::try_from(c.to_digit(16)?).ok()?;
                n += 1;
            }
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(nibbles.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Some(Uuid(bytes))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = DIGITS[usize::from(byte >> 4)];
            text[at + 1] = DIGITS[usize::from(byte & 15)];
            at += 2;
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// A session's id: random, positive, below 2^63.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub i64);

impl SessionId {
    /// Draws a new id.
    pub fn draw(random: &Random) -> SessionId {
        SessionId(random.positive(63))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An outbox message's id: random, positive, below 2^53.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub i64);

impl MessageId {
    /// Draws a new id.
    pub fn draw(random: &Random) -> MessageId {
        MessageId(random.positive(53))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuid_reads_what_it_writes() {
        let uuid = Uuid::draw(&Random::seeded(1));
        let text = uuid.to_string();
        assert_eq!(text.len(), 36);
        assert_eq!(&text[14..15], "4");
        assert_eq!(Uuid::parse(&text.to_uppercase()), Some(uuid));
        for bad in ["", "x", &text[1..], &text.replace('-', "0"), &format!("{}é", &text[..34])] {
            assert_eq!(Uuid::parse(bad), None, "{bad}");
        }
    }
}
