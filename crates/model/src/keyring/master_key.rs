//! The master key, and the data key that it wraps.
//!
//! The store keeps one data key, from which everything else is derived, sealed under the master key.
//! So another master key means one other row, whatever the store holds. While masters change, both
//! the old and the new one open it.

use std::fmt;

use zeroize::Zeroizing;

use super::{KEY_ID, NONCE, SealBroken, TAG, derive, open_with, seal_with, sealing_key};
use crate::random::Random;

/// What every other key is under, directly or not; it lives outside the store.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// Draws a new key.
    pub fn draw(random: &Random) -> MasterKey {
        MasterKey(Zeroizing::new(random.bytes()))
    }

    /// Takes the bytes.
    pub fn new(bytes: [u8; 32]) -> MasterKey {
        MasterKey(Zeroizing::new(bytes))
    }

    /// From 64 hexadecimal digits, surrounding white space ignored: the form of the key file.
    pub fn from_hex(text: &str) -> Option<MasterKey> {
        let digits = text.trim();
        if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = Zeroizing::new([0u8; 32]);
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(MasterKey(bytes))
    }

    /// The form of the key file.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.iter().map(|b| format!("{b:02x}")).collect())
    }

    /// Names the key without giving anything of it away.
    pub fn id(&self) -> MasterKeyId {
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&derive(SALT, &*self.0, &[b"key id"])[..KEY_ID]);
        MasterKeyId(id)
    }

    fn wrapping_key(&self) -> aws_lc_rs::aead::LessSafeKey {
        sealing_key(&derive(SALT, &*self.0, &[CONTEXT]))
    }
}

/// Which master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MasterKeyId([u8; KEY_ID]);

impl fmt::Display for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The secret of a store, from which its keys are derived. Drawn once and never changed.
#[derive(Clone)]
pub struct DataKey(pub(super) Zeroizing<[u8; 32]>);

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

impl DataKey {
    /// Draws a new key.
    pub fn draw(random: &Random) -> DataKey {
        DataKey(Zeroizing::new(random.bytes()))
    }
}

const SALT: &[u8] = b"countersign master";
const CONTEXT: &[u8] = b"data key";
/// Key id, nonce, data key, tag.
const WRAP: usize = KEY_ID + NONCE + 32 + TAG;

/// A data key, sealed under each master key that opens it: what the store holds of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedDataKey(Vec<u8>);

impl WrappedDataKey {
    /// As read from the store.
    pub fn from_bytes(bytes: Vec<u8>) -> WrappedDataKey {
        WrappedDataKey(bytes)
    }

    /// As kept in the store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Wraps a key under its first master key.
    pub fn new(data: &DataKey, master: &MasterKey, random: &Random) -> WrappedDataKey {
        WrappedDataKey(wrap(data, master, random))
    }

    /// The master keys that open it, oldest first.
    pub fn masters(&self) -> Vec<MasterKeyId> {
        self.wraps().map(|(id, _)| id).collect()
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`SealBroken`] if this is none of its master keys, or it was altered.
    pub fn open(&self, master: &MasterKey) -> Result<DataKey, SealBroken> {
        let own = master.id();
        let (_, sealed) = self.wraps().find(|(id, _)| *id == own).ok_or(SealBroken)?;
        let plain = Zeroizing::new(open_with(&master.wrapping_key(), CONTEXT, sealed)?);
        let bytes: &[u8; 32] = plain.as_slice().try_into().map_err(|_| SealBroken)?;
        Ok(DataKey(Zeroizing::new(*bytes)))
    }

    /// The same with one more master key; unchanged if that one opens it already.
    ///
    /// # Errors
    /// [`SealBroken`] if something else goes by the id of that master key.
    pub fn with(
        &self,
        data: &DataKey,
        master: &MasterKey,
        random: &Random,
    ) -> Result<WrappedDataKey, SealBroken> {
        if self.masters().contains(&master.id()) {
            return self.open(master).map(|_| self.clone());
        }
        Ok(WrappedDataKey([self.0.as_slice(), &wrap(data, master, random)].concat()))
    }

    /// The same with this master key only; `None` if it is none of them.
    pub fn only(&self, master: MasterKeyId) -> Option<WrappedDataKey> {
        let (id, sealed) = self.wraps().find(|(id, _)| *id == master)?;
        Some(WrappedDataKey([&id.0, sealed].concat()))
    }

    fn wraps(&self) -> impl Iterator<Item = (MasterKeyId, &[u8])> {
        self.0.chunks_exact(WRAP).filter_map(|wrap| {
            let (id, sealed) = wrap.split_first_chunk()?;
            Some((MasterKeyId(*id), sealed))
        })
    }
}

fn wrap(data: &DataKey, master: &MasterKey, random: &Random) -> Vec<u8> {
    seal_with(&master.wrapping_key(), &master.id().0, CONTEXT, &*data.0, random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_file_reads_back() {
        let key = MasterKey::draw(&Random::seeded(5));
        let read = MasterKey::from_hex(&format!(" {}\n", &*key.to_hex())).unwrap();
        assert_eq!(*read.0, *key.0);
        assert!(MasterKey::from_hex("abc").is_none());
        assert!(MasterKey::from_hex(&"zz".repeat(32)).is_none());
        assert!(MasterKey::from_hex(&"+1".repeat(32)).is_none());
    }

    #[test]
    fn a_data_key_opens_with_its_master_keys_only() {
        let random = Random::seeded(6);
        let data = DataKey::draw(&random);
        let [old, new, other] = [1, 2, 3].map(|byte| MasterKey::new([byte; 32]));
        let first = WrappedDataKey::new(&data, &old, &random);
        assert_eq!(*first.open(&old).unwrap().0, *data.0);
        assert_eq!(first.open(&new).unwrap_err(), SealBroken);
        let both = first.with(&data, &new, &random).unwrap();
        assert_eq!(both.masters(), [old.id(), new.id()]);
        assert_eq!(both.with(&data, &new, &random).unwrap(), both);
        for master in [&old, &new] {
            assert_eq!(*both.open(master).unwrap().0, *data.0);
        }
        let last = both.only(new.id()).unwrap();
        assert_eq!(*last.open(&new).unwrap().0, *data.0);
        assert_eq!(last.open(&old).unwrap_err(), SealBroken);
        assert_eq!(last.only(other.id()), None);
    }

    #[test]
    fn an_altered_data_key_does_not_open() {
        let random = Random::seeded(7);
        let master = MasterKey::new([1; 32]);
        let wrapped = WrappedDataKey::new(&DataKey::draw(&random), &master, &random);
        for i in 0..wrapped.0.len() {
            let mut altered = wrapped.clone();
            altered.0[i] ^= 1;
            assert_eq!(altered.open(&master).unwrap_err(), SealBroken, "byte {i}");
            assert!(WrappedDataKey(wrapped.0[..i].to_vec()).open(&master).is_err(), "cut at {i}");
        }
    }
}
