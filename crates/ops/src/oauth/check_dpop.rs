//! Proof of possession (RFC 9449).

use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_model::key::Algorithm;
use countersign_model::oauth::Client;
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;
use countersign_store::oauth::seen;
use countersign_store::{StoreError, Tx};
use serde_json::Value;

use super::client_certificate::ClientCertificate;
use crate::jose::jwk;
use crate::jose::verify::{Audience, Expect, verify_with_its_key};
use crate::{Core, Unavailable};

/// How old a proof may be. Its id is remembered for twice as long: a client's clock may be ahead.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// How long a nonce is handed out, in seconds; it is good for as long again.
const NONCE_STEP: i64 = 60;

/// What a token is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Nothing: whoever has it may use it.
    None,
    /// A key.
    Dpop(Proven),
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
            Binding::Dpop(proven) => (Some(proven.jkt.clone()), None),
            Binding::Certificate { x5t } => (None, Some(x5t.clone())),
        }
    }

    /// Uses up the proof, if there is one, with what it gets: who gets nothing writes nothing, or anybody could
    /// fill the store with proofs of keys of their own. `false` if it was used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn use_up(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        match self {
            Binding::Dpop(proven) => seen::insert(tx, &proven.id, proven.until).await,
            Binding::None | Binding::Certificate { .. } => Ok(true),
        }
    }
}

/// A key that a proof has shown, and by what the proof is known again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The thumbprint of the key (RFC 7638).
    pub jkt: String,
    id: TokenDigest,
    until: Timestamp,
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

/// Why a request gets no bound tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindTokensError {
    /// The proof is missing or refused.
    #[error(transparent)]
    Dpop(#[from] DpopError),
    /// The client's tokens are bound to a certificate, and none came, or a proof of another key with it.
    #[error("the request needs a certificate and no proof")]
    Certificate,
}

impl Core {
    /// The key that a proof proves to have. The proof works once: whoever takes it uses it up
    /// ([`Binding::use_up`], [`Core::use_proof`]).
    ///
    /// # Errors
    /// [`DpopError`].
    pub(crate) fn check_dpop(&self, proof: Proof<'_>) -> Result<Proven, DpopError> {
        let now = self.clock.now();
        let expect = Expect {
            typ: Some("dpop+jwt"),
            algorithms: &Algorithm::ALL,
            issuer: None,
            audience: Audience::Any,
            now,
            max_age: Some(GOOD_FOR),
        };
        let (claims, key) = verify_with_its_key(proof.jwt, &expect).map_err(|_| DpopError::Invalid)?;
        if !claims["iat"].is_number() || !is_for(&claims, &proof) {
            return Err(DpopError::Invalid);
        }
        let jkt = jwk::thumbprint(&key).ok_or(DpopError::Invalid)?;
        let id = claims["jti"].as_str().filter(|jti| (1..=256).contains(&jti.len()));
        let id = id.ok_or(DpopError::Invalid)?;
        self.check_nonce(&claims, proof.demand_nonce, now)?;
        let id = TokenDigest::of(&format!("dpop {jkt} {id}"));
        Ok(Proven { jkt, id, until: now.after(GOOD_FOR * 2) })
    }

    /// Uses up a proof that gets nothing which is stored.
    ///
    /// # Errors
    /// [`DpopError`].
    pub(crate) async fn use_proof(&self, proven: Proven) -> Result<(), DpopError> {
        let is_new = self.use_once(proven.id, proven.until).await?;
        is_new.then_some(()).ok_or(DpopError::Invalid)
    }

    /// What the tokens of a request are bound to: the key of its proof, or its certificate, if the client wants
    /// that. A client that said that its tokens are bound gets no others (RFC 9449 §5.2, RFC 8705 §3).
    ///
    /// # Errors
    /// [`BindTokensError`].
    pub fn bind_tokens(
        &self,
        client: &Client,
        proof: Option<Proof<'_>>,
        certificate: Option<&ClientCertificate>,
    ) -> Result<Binding, BindTokensError> {
        if client.metadata.tls_client_certificate_bound_access_tokens {
            return match (certificate, proof) {
                (Some(certificate), None) => Ok(Binding::Certificate { x5t: certificate.thumbprint() }),
                (None, _) | (_, Some(_)) => Err(BindTokensError::Certificate),
            };
        }
        match proof {
            Some(proof) => Ok(Binding::Dpop(self.check_dpop(proof)?)),
            None if client.metadata.dpop_bound_access_tokens => Err(DpopError::Invalid.into()),
            None => Ok(Binding::None),
        }
    }

    /// The nonce of now, for the next proof.
    pub fn dpop_nonce(&self) -> String {
        self.keyring.dpop_nonce(self.clock.glance().seconds().div_euclid(NONCE_STEP))
    }

    /// A nonce that is there must be one of ours, also where none is demanded (RFC 9449 §4.3).
    fn check_nonce(&self, claims: &Value, is_demanded: bool, now: Timestamp) -> Result<(), DpopError> {
        let step = now.seconds().div_euclid(NONCE_STEP);
        let is_good = match claims.get("nonce") {
            None => !is_demanded,
            Some(nonce) => [step, step - 1].iter().any(|step| *nonce == self.keyring.dpop_nonce(*step)),
        };
        if is_good { Ok(()) } else { Err(DpopError::Nonce(self.keyring.dpop_nonce(step))) }
    }
}

/// Whether the proof was made for this request, and for the access token that it comes with.
fn is_for(claims: &Value, proof: &Proof<'_>) -> bool {
    // Without query and fragment (RFC 9449 §4.3).
    let url = claims["htu"].as_str().and_then(|url| url.split(['?', '#']).next());
    let is_bound = match proof.access {
        Some(access) => claims["ath"] == sha256(access),
        None => true,
    };
    claims["htm"] == proof.method && url == Some(proof.url) && is_bound
}

fn sha256(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_proof_is_for_one_request_and_one_token() {
        let proof = |access| Proof {
            jwt: "",
            method: "POST",
            url: "https://a.example/oauth2/token",
            access,
            demand_nonce: false,
        };
        let claims = json!({ "htm": "POST", "htu": "https://a.example/oauth2/token?x=1#y" });
        assert!(is_for(&claims, &proof(None)));
        assert!(!is_for(&claims, &proof(Some("token"))));
        let bound = json!({ "htm": "POST", "htu": "https://a.example/oauth2/token", "ath": sha256("token") });
        assert!(is_for(&bound, &proof(Some("token"))) && !is_for(&bound, &proof(Some("other"))));
        for (name, other) in [("htm", "post"), ("htm", "GET"), ("htu", "https://a.example/oauth2/par")] {
            let mut claims = claims.clone();
            claims[name] = other.into();
            assert!(!is_for(&claims, &proof(None)), "{name} {other}");
        }
    }
}
