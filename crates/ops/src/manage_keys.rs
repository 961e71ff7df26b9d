//! Signing keys: made at start, listed, rotated.

use countersign_model::key::{Algorithm, KeyPurpose, KeyState};
use countersign_model::time::Timestamp;

use crate::manage_accounts::AdminError;
use crate::{Core, Unavailable};

/// A signing key without its private part.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRecord {
    /// Its id in headers.
    pub kid: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// What it signs.
    pub purpose: KeyPurpose,
    /// Where it is in its life.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// The public key (RFC 7517).
    pub jwk: serde_json::Value,
}

impl Core {
    /// All keys, oldest first.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn list_keys(&self) -> Result<Vec<KeyRecord>, AdminError> {
        Err(Unavailable::Store.into())
    }

    /// Makes a new key of this purpose, which signs from now on.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn rotate_keys(&self, purpose: KeyPurpose) -> Result<KeyRecord, AdminError> {
        Err(Unavailable::Store.into())
    }
}
