//! The forms in which password hashes are stored, here and elsewhere.
//!
//! Read: PHC strings of Argon2, scrypt and PBKDF2, the modular crypt forms of bcrypt and of passlib's
//! PBKDF2, and the forms of Django's hashers (`algorithm$…`).

use std::num::NonZeroU32;

use argon2::{Algorithm, Version};
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, Engine as _};
use bcrypt::HashParts;

use super::engine::Cost;

/// PHC strings have no padding, Django's do; either may carry trailing bits.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A shorter tag would be matched by chance, an empty one by everything.
const TAG_LENGTHS: std::ops::RangeInclusive<usize> = 16..=128;

/// The most memory one verification may take: 1 GiB.
const MOST_MEMORY_KIB: u64 = 1 << 20;
/// The most memory an Argon2 or scrypt verification may pass over: 4 GiB, a few seconds.
const MOST_WORK_KIB: u64 = 4 << 20;
const MOST_ARGON2_ITERATIONS: u32 = 64;
const MOST_PBKDF2_ITERATIONS: u32 = 10_000_000;
/// 2^16 rounds, a few seconds.
const MOST_BCRYPT_COST: u32 = 16;

/// Why a stored hash cannot be compared with any password. Facts for the log, without the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("stored password hash of an unknown kind")]
    Unknown,
    #[error("stored password hash is malformed")]
    Malformed,
    #[error("stored password hash was made with a pepper that is not known here")]
    PepperUnknown,
    #[error("stored password hash costs more than the server does for one password")]
    TooCostly,
}

/// The hash functions that PBKDF2 is used with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prf {
    Sha1,
    Sha256,
    Sha512,
}

/// A stored hash, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stored<'a> {
    Argon2 {
        algorithm: Algorithm,
        version: Version,
        cost: Cost,
        /// The pepper's id.
        keyid: Option<&'a str>,
        salt: Vec<u8>,
        tag: Vec<u8>,
    },
    /// `text` is what the bcrypt crate reads: `$2b$12$` and 53 characters.
    Bcrypt {
        text: &'a str,
        sha256_first: bool,
    },
    Scrypt {
        log_n: u8,
        r: u32,
        p: u32,
        salt: Vec<u8>,
        tag: Vec<u8>,
    },
    Pbkdf2 {
        prf: Prf,
        iterations: NonZeroU32,
        salt: Vec<u8>,
        tag: Vec<u8>,
    },
}

impl<'a> Stored<'a> {
    /// Takes `text` apart. What is returned is well-formed and within the limits.
    pub fn parse(text: &'a str) -> Result<Stored<'a>, Unusable> {
        let (kind, rest) = text.split_once('$').ok_or(Unusable::Unknown)?;
        let stored = match kind {
            "" => parse_crypt(text, rest)?,
            "argon2" => parse_argon2(rest)?,
            "bcrypt" => Stored::Bcrypt { text: rest, sha256_first: false },
            "bcrypt_sha256" => Stored::Bcrypt { text: rest, sha256_first: true },
            "scrypt" => parse_django_scrypt(rest)?,
            "pbkdf2_sha256" => parse_django_pbkdf2(Prf::Sha256, rest)?,
            "pbkdf2_sha1" => parse_django_pbkdf2(Prf::Sha1, rest)?,
            _ => return Err(Unusable::Unknown),
        };
        stored.check()?;
        Ok(stored)
    }

    /// The memory a comparison takes.
    pub fn memory_kib(&self) -> u64 {
        match self {
            Stored::Argon2 { cost, .. } => u64::from(cost.memory_kib),
            // 128 * N * r bytes, RFC 7914 section 2.
            Stored::Scrypt { log_n, r, p, .. } => {
                let big = 1_u64.checked_shl(u32::from(*log_n)).unwrap_or(u64::MAX);
                big.saturating_add(u64::from(*p)).saturating_mul(u64::from(*r)).div_ceil(8)
            }
            Stored::Bcrypt { .. } | Stored::Pbkdf2 { .. } => 0,
        }
    }

    /// Whether a comparison costs no more than a hash at `cost`.
    pub fn is_within(&self, cost: Cost) -> bool {
        match self {
            Stored::Argon2 { cost: own, .. } => {
                own.memory_kib <= cost.memory_kib && own.iterations <= cost.iterations
            }
            Stored::Bcrypt { .. } | Stored::Scrypt { .. } | Stored::Pbkdf2 { .. } => false,
        }
    }

    fn check(&self) -> Result<(), Unusable> {
        let (passes, tag) = match self {
            Stored::Argon2 { cost, tag, salt, .. } => {
                if !cost.is_valid() || !(8..=256).contains(&salt.len()) {
                    return Err(Unusable::Malformed);
                }
                if cost.iterations > MOST_ARGON2_ITERATIONS {
                    return Err(Unusable::TooCostly);
                }
                (cost.iterations, tag)
            }
            Stored::Scrypt { p, tag, .. } => (*p, tag),
            Stored::Pbkdf2 { iterations, tag, .. } => {
                if iterations.get() > MOST_PBKDF2_ITERATIONS {
                    return Err(Unusable::TooCostly);
                }
                (0, tag)
            }
            Stored::Bcrypt { text, .. } => return check_bcrypt(text),
        };
        let memory = self.memory_kib();
        if memory > MOST_MEMORY_KIB || memory.saturating_mul(u64::from(passes)) > MOST_WORK_KIB {
            return Err(Unusable::TooCostly);
        }
        // The scrypt crate multiplies its parameters before it looks at them, so that they have to be
        // known to be small here.
        if let Stored::Scrypt { log_n, r, p, .. } = self
            && scrypt::Params::new(*log_n, *r, *p).is_err()
        {
            return Err(Unusable::Malformed);
        }
        if TAG_LENGTHS.contains(&tag.len()) { Ok(()) } else { Err(Unusable::Malformed) }
    }
}

/// `$id$…`: PHC strings and modular crypt. `rest` is `text` without its first `$`.
fn parse_crypt<'a>(text: &'a str, rest: &'a str) -> Result<Stored<'a>, Unusable> {
    let (id, fields) = rest.split_once('$').ok_or(Unusable::Malformed)?;
    match id {
        "argon2id" | "argon2i" | "argon2d" => parse_argon2(rest),
        "2a" | "2b" | "2y" => Ok(Stored::Bcrypt { text, sha256_first: false }),
        "scrypt" => parse_scrypt(fields),
        "pbkdf2" | "pbkdf2-sha1" => parse_pbkdf2(Prf::Sha1, fields),
        "pbkdf2-sha256" => parse_pbkdf2(Prf::Sha256, fields),
        "pbkdf2-sha512" => parse_pbkdf2(Prf::Sha512, fields),
        _ => Err(Unusable::Unknown),
    }
}

/// `argon2id$v=19$m=…,t=…,p=…[,keyid=…]$salt$tag`; without `v`, the version is 0x10, as the reference reads it.
fn parse_argon2(text: &str) -> Result<Stored<'_>, Unusable> {
    let text = text.strip_prefix('$').unwrap_or(text);
    let fields: Vec<&str> = text.split('$').collect();
    let (id, version, numbers, salt, tag) = match fields[..] {
        [id, version, numbers, salt, tag] => (id, version, numbers, salt, tag),
        [id, numbers, salt, tag] => (id, "v=16", numbers, salt, tag),
        _ => return Err(Unusable::Malformed),
    };
    let algorithm = Algorithm::new(id).map_err(|_| Unusable::Unknown)?;
    let version = match version {
        "v=19" => Version::V0x13,
        "v=16" => Version::V0x10,
        _ => return Err(Unusable::Unknown),
    };
    let (numbers, keyid) = match numbers.split_once(",keyid=") {
        Some((numbers, id)) => (numbers, Some(id)),
        None => (numbers, None),
    };
    if keyid.is_some_and(|id| id.len() != 11 || decode(id).is_err()) {
        return Err(Unusable::Malformed);
    }
    let [memory_kib, iterations, parallelism] = parameters(numbers, ["m", "t", "p"])?;
    let cost = Cost { memory_kib, iterations, parallelism };
    Ok(Stored::Argon2 { algorithm, version, cost, keyid, salt: decode(salt)?, tag: decode(tag)? })
}

/// `ln=…,r=…,p=…$salt$tag`
fn parse_scrypt<'a>(fields: &str) -> Result<Stored<'a>, Unusable> {
    let [numbers, salt, tag] = split(fields)?;
    let [log_n, r, p] = parameters(numbers, ["ln", "r", "p"])?;
    let log_n = u8::try_from(log_n).map_err(|_| Unusable::Malformed)?;
    Ok(Stored::Scrypt { log_n, r, p, salt: decode(salt)?, tag: decode(tag)? })
}

/// Django: `N$salt$r$p$tag` after the name, with the salt as it is.
fn parse_django_scrypt<'a>(fields: &str) -> Result<Stored<'a>, Unusable> {
    let [n, salt, r, p, tag] = split(fields)?;
    let n: u32 = number(n)?;
    if !n.is_power_of_two() {
        return Err(Unusable::Malformed);
    }
    let log_n = u8::try_from(n.ilog2()).map_err(|_| Unusable::Malformed)?;
    let salt = salt.as_bytes().to_vec();
    Ok(Stored::Scrypt { log_n, r: number(r)?, p: number(p)?, salt, tag: decode(tag)? })
}

/// `i=…,l=…$salt$tag` (PHC), or `iterations$salt$tag` with `.` for `+` (passlib).
fn parse_pbkdf2<'a>(prf: Prf, fields: &str) -> Result<Stored<'a>, Unusable> {
    let [numbers, salt, tag] = split(fields)?;
    let tag = decode(tag)?;
    let iterations = if numbers.contains('=') {
        let iterations = match numbers.split_once(',') {
            None => number(numbers.strip_prefix("i=").ok_or(Unusable::Malformed)?)?,
            Some(_) => {
                let [iterations, length] = parameters(numbers, ["i", "l"])?;
                if usize::try_from(length) != Ok(tag.len()) {
                    return Err(Unusable::Malformed);
                }
                iterations
            }
        };
        NonZeroU32::new(iterations)
    } else {
        NonZeroU32::new(number(numbers)?)
    };
    let iterations = iterations.ok_or(Unusable::Malformed)?;
    Ok(Stored::Pbkdf2 { prf, iterations, salt: decode(salt)?, tag })
}

/// Django: `iterations$salt$tag` after the name, with the salt as it is.
fn parse_django_pbkdf2<'a>(prf: Prf, fields: &str) -> Result<Stored<'a>, Unusable> {
    let [iterations, salt, tag] = split(fields)?;
    let iterations = NonZeroU32::new(number(iterations)?).ok_or(Unusable::Malformed)?;
    Ok(Stored::Pbkdf2 { prf, iterations, salt: salt.as_bytes().to_vec(), tag: decode(tag)? })
}

fn check_bcrypt(text: &str) -> Result<(), Unusable> {
    let parts: HashParts = text.parse().map_err(|_| Unusable::Malformed)?;
    match parts.get_cost() {
        4..=MOST_BCRYPT_COST => Ok(()),
        0..4 => Err(Unusable::Malformed),
        _ => Err(Unusable::TooCostly),
    }
}

fn split<const COUNT: usize>(fields: &str) -> Result<[&str; COUNT], Unusable> {
    let fields: Vec<&str> = fields.split('$').collect();
    fields.try_into().map_err(|_| Unusable::Malformed)
}

/// The values of `a=1,b=2,c=3`: all of the names, each once, in any order.
fn parameters<const COUNT: usize>(text: &str, names: [&str; COUNT]) -> Result<[u32; COUNT], Unusable> {
    let mut values = [None; COUNT];
    for pair in text.split(',') {
        let (name, value) = pair.split_once('=').ok_or(Unusable::Malformed)?;
        let place = names.iter().position(|known| *known == name).ok_or(Unusable::Malformed)?;
        if values[place].replace(number(value)?).is_some() {
            return Err(Unusable::Malformed);
        }
    }
    let mut all = [0; COUNT];
    for (value, place) in values.into_iter().zip(&mut all) {
        *place = value.ok_or(Unusable::Malformed)?;
    }
    Ok(all)
}

fn number(text: &str) -> Result<u32, Unusable> {
    // `parse` alone would take a plus sign.
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
        .ok_or(Unusable::Malformed)
}

fn decode(text: &str) -> Result<Vec<u8>, Unusable> {
    let malformed = |_: DecodeError| Unusable::Malformed;
    if text.contains('.') {
        BASE64.decode(text.replace('.', "+")).map_err(malformed)
    } else {
        BASE64.decode(text).map_err(malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_too_much_is_told_apart_from_nonsense() {
        let salt_and_tag = "c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPc";
        for (head, why) in [
            ("$argon2id$v=19$m=2097152,t=1,p=1", Unusable::TooCostly),
            ("$argon2id$v=19$m=1024,t=65,p=1", Unusable::TooCostly),
            ("$argon2id$v=19$m=1048576,t=5,p=1", Unusable::TooCostly),
            ("$scrypt$ln=21,r=8,p=1", Unusable::TooCostly),
            ("$scrypt$ln=14,r=8,p=1000000", Unusable::TooCostly),
            ("$scrypt$ln=14,r=8,p=4294967295", Unusable::TooCostly),
            ("$scrypt$ln=63,r=4294967295,p=1", Unusable::TooCostly),
            ("$scrypt$ln=255,r=8,p=1", Unusable::TooCostly),
            ("$scrypt$ln=255,r=0,p=4294967295", Unusable::Malformed),
            ("$scrypt$ln=1,r=4294967295,p=0", Unusable::TooCostly),
            ("$scrypt$ln=300,r=8,p=1", Unusable::Malformed),
            ("$scrypt$ln=0,r=0,p=0", Unusable::Malformed),
            ("$pbkdf2-sha256$i=10000001,l=32", Unusable::TooCostly),
            ("$argon2id$v=19$m=7,t=1,p=1", Unusable::Malformed),
            ("$argon2id$v=19$m=1024,t=0,p=1", Unusable::Malformed),
            ("$argon2id$v=19$m=1024,t=1,p=0", Unusable::Malformed),
            ("$argon2id$v=19$m=1024,t=1,p=1,keyid=x", Unusable::Malformed),
            ("$argon2id$v=19$m=1024,t=1,p=1,keyid=AAAAAAAAAAA,keyid=AAAAAAAAAAA", Unusable::Malformed),
            ("$argon2id$v=19$m=1024,t=1,p=1,data=AAAAAAAAAAA", Unusable::Malformed),
            ("$argon2id$v=19$m=1024,m=1024,t=1", Unusable::Malformed),
            ("$argon2id$v=19$m=+1024,t=1,p=1", Unusable::Malformed),
            ("$argon2id$v=20$m=1024,t=1,p=1", Unusable::Unknown),
            ("$pbkdf2-sha256$i=0,l=32", Unusable::Malformed),
            ("$pbkdf2-sha256$i=1,l=31", Unusable::Malformed),
        ] {
            assert_eq!(Stored::parse(&format!("{head}${salt_and_tag}")), Err(why), "{head}");
        }
        let bcrypt = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        assert_eq!(Stored::parse(&format!("$2b$17${bcrypt}")), Err(Unusable::TooCostly));
        assert_eq!(Stored::parse(&format!("$2x$10${bcrypt}")), Err(Unusable::Unknown));
    }

    #[test]
    fn a_short_tag_is_refused() {
        for tag in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAA"] {
            let text = format!("$argon2id$v=19$m=1024,t=1,p=1$c29tZXNhbHQ${tag}");
            assert_eq!(Stored::parse(&text), Err(Unusable::Malformed));
            assert_eq!(Stored::parse(&format!("pbkdf2_sha256$1$salt${tag}")), Err(Unusable::Malformed));
        }
    }
}
