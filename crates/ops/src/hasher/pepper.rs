//! Peppers: keys outside the database without which a stolen hash cannot even be guessed at (R011).

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

/// The key with which passwords are hashed, and those of before. Cheap to clone.
#[derive(Clone, Default)]
pub struct Peppers(Vec<Pepper>);

#[derive(Clone)]
pub(super) struct Pepper {
    key: hmac::Key,
    id: String,
}

/// The text holds no pepper, or something else beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pepper is 64 hexadecimal digits, one a line")]
pub struct NotPeppers;

impl fmt::Debug for Peppers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peppers({})", self.0.len())
    }
}

impl Peppers {
    /// From one or more keys of 64 hexadecimal digits. The first is for new hashes; the others are still
    /// known, so that what was hashed with them can be compared and hashed anew.
    ///
    /// # Errors
    /// [`NotPeppers`].
    pub fn parse(text: &str) -> Result<Peppers, NotPeppers> {
        let peppers: Vec<Pepper> = text.split_whitespace().map(Pepper::parse).collect::<Result<_, _>>()?;
        if peppers.is_empty() { Err(NotPeppers) } else { Ok(Peppers(peppers)) }
    }

    pub(super) fn current(&self) -> Option<&Pepper> {
        self.0.first()
    }

    pub(super) fn find(&self, id: &str) -> Option<&Pepper> {
        self.0.iter().find(|pepper| pepper.id == id)
    }
}

impl Pepper {
    fn parse(digits: &str) -> Result<Pepper, NotPeppers> {
        if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotPeppers);
        }
        let mut bytes = Zeroizing::new([0u8; 32]);
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).map_err(|_| NotPeppers)?;
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*bytes);
        // A `keyid` has at most 8 bytes (the PHC form of Argon2). No password is empty, so that this
        // is never the input of a hash.
        let id = STANDARD_NO_PAD.encode(&hmac::sign(&key, b"").as_ref()[..8]);
        Ok(Pepper { key, id })
    }

    /// What stands in the PHC string.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// What goes into Argon2 in the password's place.
    pub(super) fn apply(&self, password: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(hmac::sign(&self.key, password).as_ref().to_vec())
    }
}
