//! Public keys as JSON (RFC 7517), of whomever.

use aws_lc_rs::digest;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_model::key::Algorithm;
use serde_json::{Value, json};

/// The members of a private or a shared key (RFC 7518 §6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Whether the key may verify what is signed by this algorithm: of its type and curve, and not for something
/// else by its own words.
pub(crate) fn is_for(jwk: &Value, algorithm: Algorithm) -> bool {
    let is_kind = match algorithm {
        Algorithm::Es256 => jwk["kty"] == "EC" && jwk["crv"] == "P-256",
        Algorithm::Rs256 => jwk["kty"] == "RSA",
        Algorithm::EdDsa => jwk["kty"] == "OKP" && jwk["crv"] == "Ed25519",
    };
    let says = |member: &str, value: &str| jwk.get(member).is_none_or(|said| *said == value);
    let verifies =
        |operations: &Value| operations.as_array().is_some_and(|o| o.iter().any(|o| o == "verify"));
    is_kind && says("alg", algorithm.name()) && says("use", "sig") && jwk.get("key_ops").is_none_or(verifies)
}

/// Whether the signature is this key's.
pub(crate) fn verifies(jwk: &Value, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
    let verified = match algorithm {
        // RFC 7518 §3.4 and §6.2.1: r and s, x and y of the curve's length and no other.
        Algorithm::Es256 => coordinates(jwk)
            .map(|point| UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)),
        Algorithm::Rs256 => number(jwk, "n").zip(number(jwk, "e")).map(|(n, e)| {
            PublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
        }),
        Algorithm::EdDsa => number(jwk, "x")
            .filter(|x| x.len() == 32)
            .map(|x| UnparsedPublicKey::new(&ED25519, x).verify(signed, signature)),
    };
    verified.is_some_and(|verified| verified.is_ok())
}

/// Whether there is more in it than a public key.
pub(crate) fn is_private(jwk: &Value) -> bool {
    PRIVATE.iter().any(|member| jwk.get(member).is_some())
}

/// Its thumbprint (RFC 7638): SHA-256 of the members that make the key, in their order.
pub(crate) fn thumbprint(jwk: &Value) -> Option<String> {
    let members: &[&str] = match jwk["kty"].as_str()? {
        "EC" => &["crv", "kty", "x", "y"],
        "RSA" => &["e", "kty", "n"],
        "OKP" => &["crv", "kty", "x"],
        _ => return None,
    };
    let mut text = String::from("{");
    for (i, member) in members.iter().enumerate() {
        let separator = if i == 0 { "" } else { "," };
        text.push_str(&format!("{separator}{}:{}", json!(member), json!(jwk[member].as_str()?)));
    }
    text.push('}');
    Some(URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes())))
}

/// The point of a key on the curve P-256.
pub(crate) fn coordinates(jwk: &Value) -> Option<Vec<u8>> {
    let (x, y) = (number(jwk, "x")?, number(jwk, "y")?);
    // SEC 1 §2.3.3: an uncompressed point.
    (x.len() == 32 && y.len() == 32).then(|| [&[4][..], &x, &y].concat())
}

/// A member as bytes.
pub(crate) fn number(jwk: &Value, member: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(jwk[member].as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_that_of_its_specification() {
        // RFC 8037 appendix A.3.
        let jwk = json!({
            "kty": "OKP", "crv": "Ed25519", "kid": "left out",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        });
        assert_eq!(thumbprint(&jwk).as_deref(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
        assert_eq!(thumbprint(&json!({ "kty": "oct", "k": "AA" })), None);
    }
}
