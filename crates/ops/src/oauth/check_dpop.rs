//! Proof of possession (RFC 9449).

use crate::{Core, Unavailable};

/// What a token is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Nothing: whoever has it may use it.
    None,
    /// A key.
    Dpop {
        /// Its thumbprint (RFC 7638).
        jkt: String,
    },
    /// A certificate.
    Certificate {
        /// Its thumbprint (RFC 8705 §3.1).
        x5t: String,
    },
}

impl Binding {
    /// The thumbprints of the key and of the certificate.
    pub(crate) fn thumbprints(&self) -> (Option<String>, Option<String>) {
        match self {
            Binding::None => (None, None),
            Binding::Dpop { jkt } => (Some(jkt.clone()), None),
            Binding::Certificate { x5t } => (None, Some(x5t.clone())),
        }
    }
}

/// A proof as it came.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// The header's value.
    pub jwt: &'a str,
    /// The request's method.
    pub method: &'a str,
    /// The request's address, from the issuer and the path.
    pub url: &'a str,
    /// The access token that it comes with.
    pub access: Option<&'a str>,
    /// Whether it must have a nonce.
    pub demand_nonce: bool,
}

/// The thumbprint of a key (RFC 7638).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jkt(pub String);

/// Why a proof is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DpopError {
    /// It proves nothing, or was used.
    #[error("the proof is not valid")]
    Invalid,
    /// It needs this nonce.
    #[error("the proof needs a nonce")]
    Nonce(String),
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// The key that a proof proves to have; each proof works once.
    ///
    /// # Errors
    /// [`DpopError`].
    pub async fn check_dpop(&self, proof: Proof<'_>) -> Result<Jkt, DpopError> {
        let _ = proof;
        Err(Unavailable::Fault.into())
    }
}
