//! Signing keys as bytes: made, read, shown as a JWK, used.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_model::key::Algorithm;
use countersign_model::random::for_keys;
use countersign_model::secret::Secret;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
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

/// An RSA key that is ready to sign.
pub(crate) struct RsaSigner(RsaKeyPair);

impl RsaSigner {
    /// From PKCS#8.
    pub fn new(private: &[u8]) -> Result<RsaSigner, BadKey> {
        RsaKeyPair::from_pkcs8(private).map(RsaSigner).map_err(|_| BadKey)
    }

    /// A JWS in the compact form (RFC 7515 §7.1), signed with RS256.
    pub fn sign(&self, header: &Value, claims: &Value) -> Result<String, BadKey> {
        let mut jws = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
        let mut signature = vec![0; self.0.public_modulus_len()];
        let random = for_keys();
        self.0.sign(&RSA_PKCS1_SHA256, &random, jws.as_bytes(), &mut signature).map_err(|_| BadKey)?;
        jws.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut jws);
        Ok(jws)
    }
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
