//! Argon2 itself: which implementation computes it, and in which memory.

use std::sync::OnceLock;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use dryoc::classic::crypto_pwhash::{PasswordHashAlgorithm, crypto_pwhash};
use zeroize::Zeroize;

use super::SALT_LENGTH;

/// The length of the tag of a new hash (R009).
pub(super) const TAG_LENGTH: usize = 32;

/// The three costs of Argon2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    pub memory_kib: u32,
    pub iterations: u32,
    pub parallelism: u32,
}

impl Cost {
    /// Whether Argon2 is defined for it (RFC 9106 section 3.1).
    pub fn is_valid(self) -> bool {
        Params::new(self.memory_kib, self.iterations, self.parallelism, None).is_ok()
    }

    /// What a hash takes on a slow core, roughly: the estimate before the first measurement.
    pub fn first_guess(self) -> Duration {
        Duration::from_nanos(700).saturating_mul(self.memory_kib).saturating_mul(self.iterations)
    }
}

/// One Argon2 computation, apart from the password.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recipe<'a> {
    pub algorithm: Algorithm,
    pub version: Version,
    pub cost: Cost,
    pub salt: &'a [u8],
    /// Names the pepper that went into the password; it is not part of the computation here.
    pub keyid: Option<&'a str>,
}

impl<'a> Recipe<'a> {
    /// The recipe of new hashes.
    pub fn current(cost: Cost, salt: &'a [u8]) -> Recipe<'a> {
        Recipe { algorithm: Algorithm::Argon2id, version: Version::V0x13, cost, salt, keyid: None }
    }

    /// The same with a pepper of this id.
    pub fn with_keyid(self, keyid: Option<&'a str>) -> Recipe<'a> {
        Recipe { keyid, ..self }
    }

    /// The PHC string of a hash by this recipe.
    pub fn encode(&self, tag: &[u8]) -> String {
        let Cost { memory_kib, iterations, parallelism } = self.cost;
        let keyid = self.keyid.map(|id| format!(",keyid={id}")).unwrap_or_default();
        format!(
            "${}$v={}$m={memory_kib},t={iterations},p={parallelism}{keyid}${}${}",
            self.algorithm.as_str(),
            u32::from(self.version),
            STANDARD_NO_PAD.encode(self.salt),
            STANDARD_NO_PAD.encode(tag),
        )
    }
}

/// Argon2 could not be computed: no such parameters, or no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Argon2 could not be computed")]
pub(super) struct Uncomputable;

/// One thread's means to compute Argon2.
///
/// The `argon2` crate is the reference here and can do everything; `dryoc` has vector code and is
/// 1.4 to 1.9 times as fast, but knows only one lane and salts of 16 bytes. It is used where it can,
/// once it has been seen to agree with the reference on this machine.
pub(super) struct Engine {
    current: Cost,
    blocks: Vec<Block>,
    /// The cost of each computation so far.
    #[cfg(test)]
    pub computed: Vec<Cost>,
}

impl Engine {
    /// Takes no memory yet.
    pub fn new(current: Cost) -> Engine {
        Engine {
            current,
            blocks: Vec::new(),
            #[cfg(test)]
            computed: Vec::new(),
        }
    }

    /// Computes the tag of `password`.
    pub fn compute(
        &mut self,
        recipe: &Recipe<'_>,
        password: &[u8],
        tag: &mut [u8],
    ) -> Result<(), Uncomputable> {
        #[cfg(test)]
        self.computed.push(recipe.cost);
        if vectorized_can(recipe, tag) && vectorized_agrees() {
            compute_vectorized(recipe, password, tag)
        } else if recipe.cost.memory_kib <= self.current.memory_kib {
            let params = params(recipe.cost)?;
            self.grow(params.block_count())?;
            let reference = Argon2::new(recipe.algorithm, recipe.version, params);
            reference
                .hash_password_into_with_memory(password, recipe.salt, tag, &mut self.blocks)
                .map_err(|_| Uncomputable)
        } else {
            compute_reference(recipe, password, tag)
        }
    }

    /// Makes the thread's own memory at least `count` blocks long; it is kept for the next hash.
    fn grow(&mut self, count: usize) -> Result<(), Uncomputable> {
        let missing = count.saturating_sub(self.blocks.len());
        self.blocks.try_reserve_exact(missing).map_err(|_| Uncomputable)?;
        if missing > 0 {
            self.blocks.resize(count, Block::new());
        }
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.blocks.iter_mut().for_each(Block::zeroize);
    }
}

fn params(cost: Cost) -> Result<Params, Uncomputable> {
    Params::new(cost.memory_kib, cost.iterations, cost.parallelism, None).map_err(|_| Uncomputable)
}

/// By the `argon2` crate, in memory taken for this one hash.
fn compute_reference(recipe: &Recipe<'_>, password: &[u8], tag: &mut [u8]) -> Result<(), Uncomputable> {
    Argon2::new(recipe.algorithm, recipe.version, params(recipe.cost)?)
        .hash_password_into(password, recipe.salt, tag)
        .map_err(|_| Uncomputable)
}

/// Whether `dryoc`, which offers what libsodium does, has this recipe.
fn vectorized_can(recipe: &Recipe<'_>, tag: &[u8]) -> bool {
    recipe.algorithm == Algorithm::Argon2id
        && recipe.version == Version::V0x13
        && recipe.cost.parallelism == 1
        && recipe.salt.len() == SALT_LENGTH
        && tag.len() >= 16
}

/// By `dryoc`, which takes memory for this one hash and wipes it.
fn compute_vectorized(recipe: &Recipe<'_>, password: &[u8], tag: &mut [u8]) -> Result<(), Uncomputable> {
    let memory = usize::try_from(recipe.cost.memory_kib).map_err(|_| Uncomputable)?.saturating_mul(1024);
    let iterations = u64::from(recipe.cost.iterations);
    crypto_pwhash(tag, password, recipe.salt, iterations, memory, PasswordHashAlgorithm::Argon2id13)
        .map_err(|_| Uncomputable)
}

/// Whether both implementations agree on this machine: their vector code is chosen by the processor,
/// so that no test elsewhere can have run all of it. Takes less than a millisecond, once, before the first hash.
fn vectorized_agrees() -> bool {
    static AGREES: OnceLock<bool> = OnceLock::new();
    *AGREES.get_or_init(|| {
        let cost = Cost { memory_kib: 67, iterations: 2, parallelism: 1 };
        let recipe = Recipe::current(cost, b"sixteen bytes ok");
        let (mut reference, mut vectorized) = ([0u8; TAG_LENGTH], [1u8; TAG_LENGTH]);
        let agrees = compute_reference(&recipe, b"password", &mut reference).is_ok()
            && compute_vectorized(&recipe, b"password", &mut vectorized).is_ok()
            && reference == vectorized;
        if !agrees {
            tracing::error!("the fast Argon2 disagrees with the reference here; the reference is used");
        }
        agrees
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9106 gives its vector for Argon2id with four lanes, a secret and associated data, which
    /// the interface has no place for; this one is of the reference implementation's own tests.
    #[test]
    fn argon2id_gives_the_known_answer() {
        let cost = Cost { memory_kib: 65_536, iterations: 2, parallelism: 1 };
        let mut engine = Engine::new(cost);
        let mut tag = [0u8; 32];
        engine.compute(&Recipe::current(cost, b"somesalt"), b"password", &mut tag).expect("a tag");
        let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7");
    }

    #[test]
    fn the_fast_implementation_is_in_use_and_agrees_with_the_reference() {
        assert!(vectorized_agrees());
        for length in [0usize, 1, 15, 16, 63, 64, 65, 127, 128, 129, 255, 1024] {
            for (memory_kib, iterations) in [(8, 1), (9, 3), (100, 2), (4099, 1), (2048, 5)] {
                let cost = Cost { memory_kib, iterations, parallelism: 1 };
                let salt = [u8::try_from(length % 251).expect("a byte"); SALT_LENGTH];
                let recipe = Recipe::current(cost, &salt);
                let password: Vec<u8> = (0..length).map(|i| (i * 7 % 256) as u8).collect();
                let mut tags = [[0u8; TAG_LENGTH]; 2];
                assert!(vectorized_can(&recipe, &tags[0]));
                compute_vectorized(&recipe, &password, &mut tags[0]).expect("a tag");
                compute_reference(&recipe, &password, &mut tags[1]).expect("a tag");
                assert_eq!(tags[0], tags[1], "{length} bytes, {cost:?}");
            }
        }
    }

    #[test]
    fn memory_is_taken_at_the_first_hash_and_used_again() {
        let cost = Cost { memory_kib: 256, iterations: 1, parallelism: 2 };
        let mut engine = Engine::new(cost);
        assert_eq!(engine.blocks.capacity(), 0);
        let recipe = Recipe::current(cost, b"sixteen bytes ok");
        let mut tags = [[0u8; TAG_LENGTH]; 3];
        engine.compute(&recipe, b"one", &mut tags[0]).expect("a tag");
        let place = engine.blocks.as_ptr();
        engine.compute(&recipe, b"two", &mut tags[1]).expect("a tag");
        engine.compute(&recipe, b"one", &mut tags[2]).expect("a tag");
        assert_eq!(engine.blocks.as_ptr(), place);
        assert_eq!(tags[0], tags[2], "what an earlier hash left in the memory must not matter");
        assert_ne!(tags[0], tags[1]);
    }
}
