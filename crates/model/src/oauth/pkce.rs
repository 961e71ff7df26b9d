//! Proof Key for Code Exchange (RFC 7636); only `S256`.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

/// The digest of a verifier that the client keeps: 43 characters of base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Challenge(String);

impl Challenge {
    /// Reads it; `None` if it is no SHA-256 in base64url.
    pub fn parse(text: &str) -> Option<Challenge> {
        let is_digest = URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32);
        is_digest.then(|| Challenge(text.to_owned()))
    }

    /// The one of a verifier (RFC 7636 §4.2).
    pub fn of(verifier: &str) -> Challenge {
        Challenge(URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes())))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the verifier is the one of this challenge (RFC 7636 §4.6).
pub fn verify(challenge: &Challenge, verifier: &str) -> bool {
    let is_unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(is_unreserved) {
        return false;
    }
    Challenge::of(verifier).0.as_bytes().ct_eq(challenge.0.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_appendix_b_verifies() {
        let challenge = Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert!(verify(&challenge, verifier));
        assert!(!verify(&challenge, &verifier.to_lowercase()));
        assert!(!verify(&challenge, &verifier[..42]));
        assert!(!verify(&challenge, challenge.as_str()));
        assert_eq!(Challenge::parse(&challenge.as_str()[..42]), None);
        assert_eq!(Challenge::parse(verifier.trim_end_matches('k')), None);
    }
}
