//! What one job does on its thread: hash a password, or compare one with a stored hash.

use std::hint::black_box;

use super::engine::{Cost, Engine, Recipe, TAG_LENGTH, Uncomputable};
use super::pepper::Pepper;
use super::pool::Spare;
use super::stored::{Stored, Unusable};
use super::{HashError, Peppers, SALT_LENGTH, Verdict, foreign};

const NO_MATCH: Verdict = Verdict { matches: false, needs_rehash: false };

/// What all threads hash with.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub cost: Cost,
    pub peppers: &'a Peppers,
    pub spare: &'a Spare,
}

impl Means<'_> {
    /// What [`hash`] makes of a salt and a tag today.
    fn encode(&self, salt: &[u8], tag: &[u8]) -> String {
        let keyid = self.peppers.current().map(Pepper::id);
        Recipe::current(self.cost, salt).with_keyid(keyid).encode(tag)
    }
}

/// Hashes `password` with the current parameters and pepper.
pub(super) fn hash(
    engine: &mut Engine,
    means: &Means<'_>,
    password: &[u8],
    salt: [u8; SALT_LENGTH],
) -> Result<String, HashError> {
    let peppered = means.peppers.current().map(|pepper| pepper.apply(password));
    let password = peppered.as_deref().map_or(password, Vec::as_slice);
    let mut tag = [0; TAG_LENGTH];
    engine
        .compute(&Recipe::current(means.cost, &salt), password, &mut tag)
        .map_err(|Uncomputable| HashError::Failed)?;
    Ok(means.encode(&salt, &tag))
}

/// Compares `password` with `stored`. Without a hash to compare with, or with one that is of no use,
/// it costs what a comparison costs and does not match (R024).
pub(super) fn verify(
    engine: &mut Engine,
    means: &Means<'_>,
    password: &[u8],
    stored: Option<&str>,
) -> Result<Verdict, HashError> {
    let Some(text) = stored else {
        return dummy(engine, means, password);
    };
    let usable = Stored::parse(text).and_then(|stored| Ok((pepper_of(&stored, means.peppers)?, stored)));
    let (pepper, stored) = match usable {
        Ok(usable) => usable,
        Err(unusable) => {
            tracing::warn!(reason = %unusable, "a password cannot be compared");
            return dummy(engine, means, password);
        }
    };
    let peppered = pepper.map(|pepper| pepper.apply(password));
    let password = peppered.as_deref().map_or(password, Vec::as_slice);
    let memory_kib = stored.memory_kib();
    let outgrows = memory_kib > u64::from(means.cost.memory_kib);
    let compared = {
        let _held = outgrows.then(|| means.spare.take(memory_kib));
        foreign::matches(engine, password, &stored)
    };
    let matches = compared.map_err(|Uncomputable| HashError::Failed)?;
    Ok(Verdict { matches, needs_rehash: matches && !is_current(means, text, &stored) })
}

fn dummy(engine: &mut Engine, means: &Means<'_>, password: &[u8]) -> Result<Verdict, HashError> {
    black_box(hash(engine, means, password, [0; SALT_LENGTH])?);
    Ok(NO_MATCH)
}

/// The pepper that the hash says it was made with.
fn pepper_of<'a>(stored: &Stored<'_>, peppers: &'a Peppers) -> Result<Option<&'a Pepper>, Unusable> {
    match stored {
        Stored::Argon2 { keyid: Some(id), .. } => peppers.find(id).map(Some).ok_or(Unusable::PepperUnknown),
        Stored::Argon2 { keyid: None, .. }
        | Stored::Bcrypt { .. }
        | Stored::Scrypt { .. }
        | Stored::Pbkdf2 { .. } => Ok(None),
    }
}

/// Whether the stored hash is just what [`hash`] makes today.
fn is_current(means: &Means<'_>, text: &str, stored: &Stored<'_>) -> bool {
    match stored {
        Stored::Argon2 { salt, tag, .. } => {
            salt.len() == SALT_LENGTH && tag.len() == TAG_LENGTH && means.encode(salt, tag) == text
        }
        Stored::Bcrypt { .. } | Stored::Scrypt { .. } | Stored::Pbkdf2 { .. } => false,
    }
}
