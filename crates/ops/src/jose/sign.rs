//! Signing keys as bytes: made, read, shown as a JWK, used.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_model::key::Algorithm;
use countersign_model::random::for_keys;
use countersign_model::secret::Secret;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// A key that could not be made, read or used. Says nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signing key cannot be made, read or used")]
pub(crate) struct BadKey;

/// A key pair before it has an id.
pub(crate) struct NewKey {
    /// What it signs with.
    pub algorithm: Algorithm,
    /// PKCS#8.
    pub private: Zeroizing<Vec<u8>>,
    public: Value,
}

impl NewKey {
    /// A new P-256 key: takes some 0.1 ms.
    pub fn es256() -> Result<NewKey, BadKey> {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &for_keys()).map_err(|_| BadKey)?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref()).map_err(|_| BadKey)?;
        // SEC 1 §2.3.3: an uncompressed point is 4, x, y.
        let point = pair.public_key().as_ref();
        let (x, y) = point.strip_prefix(&[4]).and_then(|xy| xy.split_at_checked(32)).ok_or(BadKey)?;
        // RFC 7518 §6.2.1.
        let public = json!({ "kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y) });
        let private = Zeroizing::new(document.as_ref().to_vec());
        Ok(NewKey { algorithm: Algorithm::Es256, private, public })
    }

    /// A new Ed25519 key.
    pub fn eddsa() -> Result<NewKey, BadKey> {
        let document = Ed25519KeyPair::generate_pkcs8(&for_keys()).map_err(|_| BadKey)?;
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(|_| BadKey)?;
        // RFC 8037 §2.
        let public = json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key().as_ref()) });
        let private = Zeroizing::new(document.as_ref().to_vec());
        Ok(NewKey { algorithm: Algorithm::EdDsa, private, public })
    }

    /// A new key of an algorithm.
    pub async fn draw(algorithm: Algorithm) -> Result<NewKey, BadKey> {
        match algorithm {
            Algorithm::Es256 => NewKey::es256(),
            Algorithm::Rs256 => NewKey::rs256().await,
            Algorithm::EdDsa => NewKey::eddsa(),
        }
    }

    /// A new RSA key of 3072 bits: takes from a tenth of a second to several, so it has a thread of
    /// its own. The runtime waits for that one when it ends: a process must not exit inside aws-lc.
    pub async fn rs256() -> Result<NewKey, BadKey> {
        let generate = || {
            let pair = RsaKeyPair::generate(KeySize::Rsa3072).map_err(|_| BadKey)?;
            NewKey::from_rsa(&pair)
        };
        tokio::task::spawn_blocking(generate).await.map_err(|_| BadKey)?
    }

    /// An RSA key of the operator's own, PKCS#1 or PKCS#8 (004-27).
    #[allow(clippy::wildcard_enum_match_arm)] // The library may add forms, and none but these two holds an RSA key.
    pub fn from_pem(pem: &Secret) -> Result<NewKey, BadKey> {
        let pair = match PrivateKeyDer::from_pem_slice(pem.reveal().as_bytes()).map_err(|_| BadKey)? {
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            _ => return Err(BadKey),
        };
        NewKey::from_rsa(&pair.map_err(|_| BadKey)?)
    }

    fn from_rsa(pair: &RsaKeyPair) -> Result<NewKey, BadKey> {
        let document: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| BadKey)?;
        let (modulus, exponent) = rsa_public_numbers(pair.public_key().as_ref()).ok_or(BadKey)?;
        // RFC 7518 §6.3.1.
        let public = json!({ "kty": "RSA", "n": base64url(modulus), "e": base64url(exponent) });
        let private = Zeroizing::new(document.as_ref().to_vec());
        Ok(NewKey { algorithm: Algorithm::Rs256, private, public })
    }

    /// The public key under an id (RFC 7517 §4).
    pub fn jwk(&self, kid: &str) -> Value {
        let mut jwk = self.public.clone();
        jwk["kid"] = kid.into();
        jwk["alg"] = self.algorithm.name().into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// Whether the JWK shows this key, under whatever id.
    pub fn is_shown_by(&self, jwk: &Value) -> bool {
        self.public.as_object().is_some_and(|members| members.iter().all(|(name, value)| jwk[name] == *value))
    }
}

/// A private key that is ready to sign.
pub(crate) enum Signer {
    /// RFC 7518 §3.4.
    Es256(EcdsaKeyPair),
    /// RFC 7518 §3.3.
    Rs256(RsaKeyPair),
    /// RFC 8037 §3.1.
    EdDsa(Ed25519KeyPair),
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(…)")
    }
}

impl Signer {
    /// From PKCS#8.
    pub fn new(algorithm: Algorithm, private: &[u8]) -> Result<Signer, BadKey> {
        match algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private).map(Signer::Es256)
            }
            Algorithm::Rs256 => RsaKeyPair::from_pkcs8(private).map(Signer::Rs256),
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(private).map(Signer::EdDsa),
        }
        .map_err(|_| BadKey)
    }

    /// A JWS in the compact form (RFC 7515 §7.1).
    pub fn sign(&self, header: &impl Serialize, claims: &impl Serialize) -> Result<String, BadKey> {
        let mut jws = String::with_capacity(1024);
        append(&mut jws, header)?;
        jws.push('.');
        append(&mut jws, claims)?;
        let signature = self.signature(jws.as_bytes())?;
        jws.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut jws);
        Ok(jws)
    }

    fn signature(&self, signed: &[u8]) -> Result<Vec<u8>, BadKey> {
        match self {
            Signer::Es256(pair) => {
                pair.sign(&for_keys(), signed).map(|s| s.as_ref().to_vec()).map_err(|_| BadKey)
            }
            Signer::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &for_keys(), signed, &mut signature).map_err(|_| BadKey)?;
                Ok(signature)
            }
            Signer::EdDsa(pair) => Ok(pair.sign(signed).as_ref().to_vec()),
        }
    }
}

fn append(jws: &mut String, part: &impl Serialize) -> Result<(), BadKey> {
    let json = serde_json::to_vec(part).map_err(|_| BadKey)?;
    URL_SAFE_NO_PAD.encode_string(&json, jws);
    Ok(())
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 appendix A.1.1), without leading zeros.
fn rsa_public_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    const INTEGER: u8 = 0x02;
    const SEQUENCE: u8 = 0x30;
    let (body, rest) = der_value(SEQUENCE, der)?;
    let (modulus, body) = der_value(INTEGER, body)?;
    let (exponent, end) = der_value(INTEGER, body)?;
    (rest.is_empty() && end.is_empty()).then(|| (without_sign(modulus), without_sign(exponent)))
}

/// A positive DER integer starts with a zero byte if its first bit is set; a JWK's does not.
fn without_sign(number: &[u8]) -> &[u8] {
    number.strip_prefix(&[0]).unwrap_or(number)
}

/// The contents of the first DER value, which must have this tag, and what follows it.
fn der_value(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.strip_prefix(&[tag])?.split_first()?;
    if first < 0x80 {
        return rest.split_at_checked(usize::from(first));
    }
    let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f)).filter(|(l, _)| l.len() <= 4)?;
    rest.split_at_checked(length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}
