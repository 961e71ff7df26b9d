//! Signing keys.

use serde::{Deserialize, Serialize};

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyPurpose {
    /// ID tokens and access tokens.
    OAuth = 1,
    /// 004's Layer identity tokens.
    Layer = 2,
}

impl KeyPurpose {
    /// From the number in the store.
    pub fn from_number(number: i64) -> Option<KeyPurpose> {
        [KeyPurpose::OAuth, KeyPurpose::Layer].into_iter().find(|p| *p as i64 == number)
    }
}

/// The signature algorithm (RFC 7518 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256 = 1,
    /// RSA PKCS#1 v1.5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256 = 2,
    /// Ed25519 (RFC 8037).
    #[serde(rename = "EdDSA")]
    EdDsa = 3,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 3] = [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa];

    /// From the name in a header.
    pub fn from_name(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|a| a.name() == name)
    }

    /// From the number in the store.
    pub fn from_number(number: i64) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|a| *a as i64 == number)
    }

    /// The name in a header and a JWK.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Es256 => "ES256",
            Algorithm::Rs256 => "RS256",
            Algorithm::EdDsa => "EdDSA",
        }
    }
}

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Signs.
    Active = 1,
    /// Signs no more; what it signed still verifies.
    Retired = 2,
    /// Published, signs later.
    Next = 3,
}

impl KeyState {
    /// From the number in the store.
    pub fn from_number(number: i64) -> Option<KeyState> {
        [KeyState::Active, KeyState::Retired, KeyState::Next].into_iter().find(|s| *s as i64 == number)
    }
}
