//! Verifies a JWT (RFC 7515, RFC 7519, RFC 8725).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_model::key::Algorithm;
use countersign_model::oauth::Jwks;
use countersign_model::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::jwk;

/// A longer text is not looked into, so no longer token is signed: nobody could revoke it (R101).
pub(crate) const MAX_BYTES: usize = 32 * 1024;

/// Of so many keys at most it is tried which one signed, if the JWT does not name it.
const MAX_TRIED: usize = 8;

/// How far ahead another machine's clock may be.
const SKEW: i64 = 30;

/// What a JWT must be. Nothing in it decides how it is verified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expect<'a> {
    /// `typ`, without `application/`; `None`: it may be absent or `JWT`.
    pub typ: Option<&'a str>,
    /// The algorithms that may sign it; never `none`, never one with a shared secret.
    pub algorithms: &'a [Algorithm],
    /// `iss`.
    pub issuer: Option<&'a str>,
    /// `aud`.
    pub audience: Audience<'a>,
    /// The time.
    pub now: Timestamp,
    /// How long after `iat` it is good; without `iat`, how far off `exp` may be. `None`: it must have `exp`.
    pub max_age: Option<Duration>,
}

/// What `aud` must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Audience<'a> {
    /// It is not looked at.
    Any,
    /// This one text and no list.
    Exactly(&'a str),
    /// One of these and nobody besides, alone or in a list: whoever else is named could show the JWT here.
    OneOf(&'a [String]),
}

/// The JWT is not what was expected. Says nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the JWT is refused")]
pub(crate) struct Refused;

/// A header. Members that would let the JWT choose its key, or change what is signed, are refused.
#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    jwk: Option<Value>,
    #[serde(default, deserialize_with = "there")]
    crit: bool,
    #[serde(default, deserialize_with = "there")]
    b64: bool,
    #[serde(default, deserialize_with = "there")]
    zip: bool,
    #[serde(default, deserialize_with = "there")]
    jku: bool,
    #[serde(default, deserialize_with = "there")]
    x5u: bool,
}

/// That a member is there, whatever it holds, `null` too.
fn there<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// A JWT that was taken apart and not yet verified.
struct Parts<'a> {
    header: Header,
    algorithm: Algorithm,
    claims: &'a str,
    signed: &'a str,
    signature: Vec<u8>,
}

/// The claims of a JWT that is as expected and signed by one of these keys.
///
/// # Errors
/// [`Refused`].
pub(crate) fn verify(jwt: &str, keys: &Jwks, expect: &Expect<'_>) -> Result<Value, Refused> {
    let claims = verify_signature(jwt, keys, expect.typ, expect.algorithms)?;
    check(&claims, expect)?;
    Ok(claims)
}

/// The claims of a JWT that is of this type and signed by one of these keys, whatever they say: it may have
/// expired, as a hint of who was signed in may.
///
/// # Errors
/// [`Refused`].
pub(crate) fn verify_signature(
    jwt: &str,
    keys: &Jwks,
    typ: Option<&str>,
    algorithms: &[Algorithm],
) -> Result<Value, Refused> {
    let parts = Parts::of(jwt, typ, algorithms)?;
    if parts.header.jwk.is_some() {
        return Err(Refused);
    }
    let may_be = |jwk: &&Value| {
        let is_named = parts.header.kid.as_ref().is_none_or(|kid| jwk["kid"] == kid.as_str());
        is_named && jwk::is_for(jwk, parts.algorithm)
    };
    let verifies = |jwk: &Value| parts.is_signed_by(jwk);
    let is_signed = keys.keys.iter().filter(may_be).take(MAX_TRIED).any(verifies);
    if is_signed { parts.claims() } else { Err(Refused) }
}

/// The claims of a JWT that is as expected, and the public key in its header, which signed it: it shows that
/// its sender has that key and nothing else (RFC 9449 §4.3).
///
/// # Errors
/// [`Refused`].
pub(crate) fn verify_with_its_key(jwt: &str, expect: &Expect<'_>) -> Result<(Value, Value), Refused> {
    let parts = Parts::of(jwt, expect.typ, expect.algorithms)?;
    let jwk = parts.header.jwk.as_ref().ok_or(Refused)?;
    if jwk::is_private(jwk) || !jwk::is_for(jwk, parts.algorithm) || !parts.is_signed_by(jwk) {
        return Err(Refused);
    }
    let claims = parts.claims()?;
    check(&claims, expect)?;
    Ok((claims, jwk.clone()))
}

/// The key that a JWT names, for finding it; nothing is verified.
pub(crate) fn named_key(jwt: &str) -> Option<String> {
    let (header, _) = jwt.split_once('.').filter(|_| jwt.len() <= MAX_BYTES)?;
    decode::<Header>(header).ok()?.kid
}

/// The issuer that a JWT names, for finding it; nothing is verified.
pub(crate) fn named_issuer(jwt: &str) -> Option<String> {
    let claims = jwt.split('.').nth(1).filter(|_| jwt.len() <= MAX_BYTES)?;
    Some(decode::<Value>(claims).ok()?["iss"].as_str()?.to_owned())
}

/// Whether claims say when they end, and no later than this: `max_age` alone would let one that has an `iat`
/// say any end.
pub(crate) fn ends_by(claims: &Value, latest: Timestamp) -> bool {
    claims["exp"].as_f64().is_some_and(|exp| exp <= latest.seconds() as f64)
}

/// Header and claims as they stand there, for people to look at; nothing is verified.
pub(crate) fn read_unverified(jwt: &str) -> Option<(Value, Value)> {
    let mut parts = jwt.split('.').filter(|_| jwt.len() <= MAX_BYTES);
    let header = decode(parts.next()?).ok()?;
    Some((header, decode(parts.next()?).ok()?))
}

impl Parts<'_> {
    fn of<'a>(jwt: &'a str, typ: Option<&str>, algorithms: &[Algorithm]) -> Result<Parts<'a>, Refused> {
        if jwt.len() > MAX_BYTES {
            return Err(Refused);
        }
        let (signed, signature) = jwt.rsplit_once('.').ok_or(Refused)?;
        let (header, claims) = signed.split_once('.').ok_or(Refused)?;
        let header: Header = decode(header)?;
        if header.crit || header.b64 || header.zip || header.jku || header.x5u || !is_typ(&header, typ) {
            return Err(Refused);
        }
        let algorithm = Algorithm::from_name(&header.alg).filter(|a| algorithms.contains(a));
        let algorithm = algorithm.ok_or(Refused)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refused)?;
        Ok(Parts { header, algorithm, claims, signed, signature })
    }

    fn is_signed_by(&self, jwk: &Value) -> bool {
        jwk::verifies(jwk, self.algorithm, self.signed.as_bytes(), &self.signature)
    }

    fn claims(&self) -> Result<Value, Refused> {
        decode(self.claims).ok().filter(Value::is_object).ok_or(Refused)
    }
}

fn decode<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, Refused> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused)?;
    serde_json::from_slice(&json).map_err(|_| Refused)
}

/// RFC 7515 §4.1.9: names of media types have no case, and `application/` may be left out.
fn is_typ(header: &Header, wanted: Option<&str>) -> bool {
    let said = header.typ.as_deref().map(str::to_ascii_lowercase);
    let said = said.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
    match wanted {
        Some(wanted) => said.is_some_and(|said| said.eq_ignore_ascii_case(wanted)),
        None => said.is_none_or(|said| said == "jwt"),
    }
}

fn check(claims: &Value, expect: &Expect<'_>) -> Result<(), Refused> {
    let issued_by = expect.issuer.is_none_or(|issuer| claims["iss"] == issuer);
    let is_for = match (expect.audience, &claims["aud"]) {
        (Audience::Any, _) => true,
        (Audience::Exactly(one), Value::String(aud)) => aud == one,
        (Audience::Exactly(_), _) => false,
        (Audience::OneOf(ours), Value::String(aud)) => ours.contains(aud),
        (Audience::OneOf(ours), Value::Array(list)) => match &list[..] {
            [Value::String(aud)] => ours.contains(aud),
            _ => false,
        },
        (Audience::OneOf(_), _) => false,
    };
    let now = expect.now.seconds();
    let expires = time(claims, "exp")?;
    let issued = time(claims, "iat")?;
    let begins = time(claims, "nbf")?;
    let is_over = expires.is_some_and(|exp| exp <= now);
    let is_early = issued.max(begins).is_some_and(|time| time > now.saturating_add(SKEW));
    let is_young = match (expect.max_age, issued, expires) {
        (Some(age), Some(issued), _) => now <= issued.saturating_add(seconds(age)),
        (Some(age), None, Some(expires)) => expires <= now.saturating_add(seconds(age)),
        (Some(_), None, None) => false,
        (None, _, expires) => expires.is_some(),
    };
    (issued_by && is_for && !is_over && !is_early && is_young).then_some(()).ok_or(Refused)
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// A time (RFC 7519 §2), which may have a fraction. What is there and no such number is refused.
fn time(claims: &Value, name: &str) -> Result<Option<i64>, Refused> {
    match claims.get(name) {
        None => Ok(None),
        Some(time) => match (time.as_i64(), time.as_f64()) {
            (Some(seconds), _) => Ok(Some(seconds)),
            #[allow(clippy::cast_possible_truncation)] // It saturates.
            (None, Some(seconds)) => Ok(Some(seconds.floor() as i64)),
            (None, None) => Err(Refused),
        },
    }
}

#[cfg(test)]
mod tests;
