//! What one job does on its thread: hash a password, or compare one with a stored hash.

use std::hint::black_box;

use super::engine::{Cost, Engine, Recipe, TAG_LENGTH, Uncomputable};
use super::pool::Spare;
use super::stored::Stored;
use super::{HashError, SALT_LENGTH, Verdict, foreign};

const NO_MATCH: Verdict = Verdict { matches: false, needs_rehash: false };

/// Hashes `password` with the current parameters.
pub(super) fn hash(
    engine: &mut Engine,
    cost: Cost,
    password: &[u8],
    salt: [u8; SALT_LENGTH],
) -> Result<String, HashError> {
    let recipe = Recipe::current(cost, &salt);
    let mut tag = [0; TAG_LENGTH];
    engine.compute(&recipe, password, &mut tag).map_err(|Uncomputable| HashError::Failed)?;
    Ok(recipe.encode(&tag))
}

/// Compares `password` with `stored`. Without a hash to compare with, or with one that is of no use,
/// it costs what a comparison costs and does not match (R024).
pub(super) fn verify(
    engine: &mut Engine,
    cost: Cost,
    spare: &Spare,
    password: &[u8],
    stored: Option<&str>,
) -> Result<Verdict, HashError> {
    let Some(text) = stored else {
        return dummy(engine, cost, password);
    };
    let stored = match Stored::parse(text) {
        Ok(stored) => stored,
        Err(unusable) => {
            tracing::warn!(reason = %unusable, "a password cannot be compared");
            return dummy(engine, cost, password);
        }
    };
    let memory_kib = stored.memory_kib();
    let outgrows = memory_kib > u64::from(cost.memory_kib);
    let compared = {
        let _held = outgrows.then(|| spare.take(memory_kib));
        foreign::matches(engine, password, &stored)
    };
    let matches = compared.map_err(|Uncomputable| HashError::Failed)?;
    Ok(Verdict { matches, needs_rehash: matches && !is_current(cost, text, &stored) })
}

fn dummy(engine: &mut Engine, cost: Cost, password: &[u8]) -> Result<Verdict, HashError> {
    black_box(hash(engine, cost, password, [0; SALT_LENGTH])?);
    Ok(NO_MATCH)
}

/// Whether the stored hash is just what [`hash`] makes today.
fn is_current(cost: Cost, text: &str, stored: &Stored<'_>) -> bool {
    match stored {
        Stored::Argon2 { salt, tag, .. } => {
            salt.len() == SALT_LENGTH
                && tag.len() == TAG_LENGTH
                && Recipe::current(cost, salt).encode(tag) == text
        }
        Stored::Bcrypt { .. } | Stored::Scrypt { .. } | Stored::Pbkdf2 { .. } => false,
    }
}
