//! Comparing a password with a hash that another system made.

use aws_lc_rs::{digest, pbkdf2};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::engine::{Engine, Recipe, Uncomputable};
use super::stored::{Prf, Stored};

/// bcrypt looks at no more of the password (R003).
const BCRYPT_LENGTH: usize = 72;

/// Whether `password` is the one behind `stored`. Compared in constant time.
pub(super) fn matches(
    engine: &mut Engine,
    password: &[u8],
    stored: &Stored<'_>,
) -> Result<bool, Uncomputable> {
    match stored {
        Stored::Argon2 { algorithm, version, cost, keyid, salt, tag } => {
            let (algorithm, version, cost) = (*algorithm, *version, *cost);
            let recipe = Recipe { algorithm, version, cost, salt, keyid: *keyid };
            equals(tag, |computed| engine.compute(&recipe, password, computed))
        }
        Stored::Bcrypt { text, sha256_first: false } => bcrypt_matches(password, text),
        Stored::Bcrypt { text, sha256_first: true } => bcrypt_matches(&sha256_hex(password), text),
        Stored::Scrypt { log_n, r, p, salt, tag } => {
            let params = scrypt::Params::new(*log_n, *r, *p).map_err(|_| Uncomputable)?;
            equals(tag, |computed| {
                scrypt::scrypt(password, salt, &params, computed).map_err(|_| Uncomputable)
            })
        }
        Stored::Pbkdf2 { prf, iterations, salt, tag } => {
            let algorithm = match prf {
                Prf::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
                Prf::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
                Prf::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
            };
            equals(tag, |computed| {
                pbkdf2::derive(algorithm, *iterations, salt, password, computed);
                Ok(())
            })
        }
    }
}

fn equals(
    tag: &[u8],
    compute: impl FnOnce(&mut [u8]) -> Result<(), Uncomputable>,
) -> Result<bool, Uncomputable> {
    let mut computed = vec![0; tag.len()];
    compute(&mut computed)?;
    Ok(computed.ct_eq(tag).into())
}

/// bcrypt ends at 72 bytes and cannot tell a NUL from its own end mark, so that other passwords match
/// too. Those are refused, at the cost of the comparison: the whole password counts (R003).
fn bcrypt_matches(password: &[u8], text: &str) -> Result<bool, Uncomputable> {
    let matches = bcrypt::verify(password, text).map_err(|_| Uncomputable)?;
    Ok(matches && password.len() <= BCRYPT_LENGTH && !password.contains(&0))
}

/// What Django's `bcrypt_sha256` gives to bcrypt: the digest in hexadecimal.
fn sha256_hex(password: &[u8]) -> Zeroizing<Vec<u8>> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = digest::digest(&digest::SHA256, password);
    let mut hex = Zeroizing::new(Vec::with_capacity(64));
    for byte in digest.as_ref() {
        hex.push(DIGITS[usize::from(byte >> 4)]);
        hex.push(DIGITS[usize::from(byte & 15)]);
    }
    hex
}
