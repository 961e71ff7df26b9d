use aws_lc_rs::hmac;
use serde_json::json;

use super::*;
use crate::jose::sign::{NewKey, Signer};

const NOW: Timestamp = Timestamp::from_micros(1_500_000_000_000_000);
const ISSUER: &str = "https://accounts.example.org";

struct Key {
    signer: Signer,
    jwk: Value,
    algorithm: Algorithm,
}

impl Key {
    fn of(key: NewKey, kid: &str) -> Key {
        let signer = Signer::new(key.algorithm, &key.private).unwrap();
        Key { signer, jwk: key.jwk(kid), algorithm: key.algorithm }
    }

    fn es256(kid: &str) -> Key {
        Key::of(NewKey::es256().unwrap(), kid)
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        self.signer.sign(header, claims).unwrap()
    }

    fn header(&self) -> Value {
        json!({ "alg": self.algorithm.name(), "kid": self.jwk["kid"], "typ": "at+jwt" })
    }
}

fn set(keys: &[&Key]) -> Jwks {
    Jwks { keys: keys.iter().map(|key| key.jwk.clone()).collect() }
}

fn expect() -> Expect<'static> {
    Expect {
        typ: Some("at+jwt"),
        algorithms: &Algorithm::ALL,
        issuer: Some(ISSUER),
        audience: Audience::Exactly("api"),
        now: NOW,
        max_age: None,
    }
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": "api", "iat": 1_500_000_000, "exp": 1_500_000_300 })
}

/// The claims with some of them changed; `null` takes one away.
fn with(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[tokio::test]
async fn what_is_signed_verifies_and_what_is_changed_does_not() {
    let keys = [NewKey::es256(), NewKey::eddsa(), NewKey::rs256().await];
    let keys = keys.map(|key| Key::of(key.unwrap(), "k"));
    for key in &keys {
        let jwt = key.sign(&key.header(), &claims());
        assert_eq!(verify(&jwt, &set(&[key]), &expect()), Ok(claims()), "{:?}", key.algorithm);
        let (signed, signature) = jwt.rsplit_once('.').unwrap();
        let (header, body) = signed.split_once('.').unwrap();
        let other = base64url(with(json!({ "sub": "somebody else" })).to_string());
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let spoilt = [
            format!("{header}.{other}.{signature}"),
            format!("{header}.{body}.{}", base64url(&bytes)),
            format!("{header}.{body}."),
            format!("{header}.{body}"),
            format!("{header}.{body}.{signature}."),
            format!("{header}.{body}.{signature}="),
            format!("{header}.{body}.{}", base64url([0; 64])),
            format!(" {jwt}"),
        ];
        for jwt in spoilt {
            assert_eq!(verify(&jwt, &set(&[key]), &expect()), Err(Refused), "{jwt}");
        }
    }
    // An algorithm of one key does not go with another.
    for (a, b) in [(0, 1), (1, 2), (2, 0)] {
        let mut header = keys[a].header();
        header["alg"] = keys[b].algorithm.name().into();
        let jwt = keys[a].sign(&header, &claims());
        assert_eq!(verify(&jwt, &set(&[&keys[a], &keys[b]]), &expect()), Err(Refused));
        assert_eq!(
            verify(&keys[a].sign(&keys[a].header(), &claims()), &set(&[&keys[b]]), &expect()),
            Err(Refused)
        );
    }
}

#[test]
fn none_and_shared_secrets_sign_nothing() {
    let key = Key::es256("k");
    for alg in ["none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "ES384", "RS1", "PS256"] {
        let header = json!({ "alg": alg, "kid": "k", "typ": "at+jwt" });
        let signed = format!("{}.{}", base64url(header.to_string()), base64url(claims().to_string()));
        // The public key as the secret, in the forms that libraries have taken for one.
        for secret in [key.jwk.to_string().into_bytes(), key.jwk["x"].to_string().into_bytes(), vec![]] {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
            let jwt = format!("{signed}.{}", base64url(tag.as_ref()));
            assert_eq!(verify(&jwt, &set(&[&key]), &expect()), Err(Refused), "{alg}");
        }
        assert_eq!(verify(&format!("{signed}."), &set(&[&key]), &expect()), Err(Refused), "{alg}");
    }
}

#[test]
fn a_header_does_not_choose_how_it_is_verified() {
    let (key, other) = (Key::es256("k"), Key::es256("o"));
    let dangerous = [
        ("crit", json!([])),
        ("crit", json!(["exp"])),
        ("crit", Value::Null),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("jku", json!("https://attacker.example/jwks")),
        ("x5u", json!("https://attacker.example/cert")),
        ("jwk", key.jwk.clone()),
    ];
    for (member, value) in dangerous {
        let mut header = key.header();
        header[member] = value;
        assert_eq!(verify(&key.sign(&header, &claims()), &set(&[&key]), &expect()), Err(Refused), "{member}");
    }
    let jwt = key.sign(&json!({ "alg": "ES256", "kid": "o", "typ": "at+jwt" }), &claims());
    assert_eq!(verify(&jwt, &set(&[&key, &other]), &expect()), Err(Refused), "another key is named");
    let jwt = other.sign(&json!({ "alg": "ES256", "typ": "at+jwt" }), &claims());
    assert!(verify(&jwt, &set(&[&key, &other]), &expect()).is_ok(), "no key is named");
    let twice = r#"{"alg":"none","alg":"ES256","kid":"k","typ":"at+jwt"}"#;
    let jwt = key.sign(&key.header(), &claims());
    let (_, rest) = jwt.split_once('.').unwrap();
    assert_eq!(verify(&format!("{}.{rest}", base64url(twice)), &set(&[&key]), &expect()), Err(Refused));
}

#[test]
fn a_key_is_used_for_what_it_is_for() {
    let mut key = Key::es256("k");
    let jwt = key.sign(&key.header(), &claims());
    for (member, value) in [
        ("use", json!("enc")),
        ("alg", json!("ECDH-ES")),
        ("key_ops", json!(["sign"])),
        ("crv", json!("P-384")),
        ("kty", json!("RSA")),
        ("x", json!("AA")),
        ("y", Value::Null),
    ] {
        let was = key.jwk[member].clone();
        key.jwk[member] = value;
        assert_eq!(verify(&jwt, &set(&[&key]), &expect()), Err(Refused), "{member}");
        if was.is_null() {
            key.jwk.as_object_mut().unwrap().remove(member);
        } else {
            key.jwk[member] = was;
        }
    }
    assert!(verify(&jwt, &set(&[&key]), &expect()).is_ok());
}

#[test]
fn claims_are_as_expected() {
    let key = Key::es256("k");
    let says = |claims: &Value, expect: &Expect<'_>| {
        verify(&key.sign(&key.header(), claims), &set(&[&key]), expect).is_ok()
    };
    let refused = [
        json!({ "iss": "https://accounts.example.org/" }),
        json!({ "iss": null }),
        json!({ "aud": "other" }),
        json!({ "aud": null }),
        json!({ "aud": ["api"] }),
        json!({ "exp": 1_500_000_000 }),
        json!({ "exp": null }),
        json!({ "exp": "1500000300" }),
        json!({ "iat": 1_500_000_031 }),
        json!({ "nbf": 1_500_000_031 }),
        json!({ "nbf": "soon" }),
    ];
    for changes in refused {
        assert!(!says(&with(changes.clone()), &expect()), "{changes}");
    }
    for changes in [json!({ "exp": 1_500_000_000.9e0 + 1.0 }), json!({ "iat": null })] {
        assert!(says(&with(changes.clone()), &expect()), "{changes}");
    }
    let any = Expect { audience: Audience::Any, ..expect() };
    assert!(says(&with(json!({ "aud": ["x", "api"] })), &any));
    let young = Expect { max_age: Some(Duration::from_secs(60)), ..expect() };
    assert!(says(&claims(), &young));
    assert!(says(&with(json!({ "exp": null })), &young));
    assert!(!says(&with(json!({ "iat": 1_499_999_939 })), &young));
    assert!(!says(&with(json!({ "iat": null })), &young), "it is good for too long");
    assert!(!says(&with(json!({ "iat": null, "exp": null })), &young));
    for (typ, wanted, good) in [
        ("JWT", None, true),
        ("application/at+JWT", Some("at+jwt"), true),
        ("JWT", Some("at+jwt"), false),
        ("at+jwt", None, false),
        ("dpop+jwt", Some("at+jwt"), false),
    ] {
        let jwt = key.sign(&json!({ "alg": "ES256", "typ": typ }), &claims());
        let found = verify(&jwt, &set(&[&key]), &Expect { typ: wanted, ..expect() });
        assert_eq!(found.is_ok(), good, "{typ} for {wanted:?}");
    }
    assert!(
        verify_signature(
            &key.sign(&key.header(), &json!({})),
            &set(&[&key]),
            Some("at+jwt"),
            &[Algorithm::Es256]
        )
        .is_ok()
    );
}

#[test]
fn what_is_long_or_no_json_is_refused() {
    let key = Key::es256("k");
    let long = key.sign(&key.header(), &with(json!({ "sub": "x".repeat(25_000) })));
    assert!(long.len() > MAX_BYTES);
    assert_eq!(verify(&long, &set(&[&key]), &expect()), Err(Refused));
    let list = key.sign(&key.header(), &json!([1]));
    assert_eq!(verify(&list, &set(&[&key]), &expect()), Err(Refused));
    for text in ["", ".", "..", "...", "a.b.c", "e30.e30.e30", "e30..", "\u{e9}.a.b"] {
        assert_eq!(verify(text, &set(&[&key]), &expect()), Err(Refused), "{text}");
    }
}

#[test]
fn a_proof_has_its_key_with_it_and_nothing_private() {
    let key = Key::es256("k");
    let proof = Expect {
        typ: Some("dpop+jwt"),
        issuer: None,
        audience: Audience::Any,
        max_age: Some(Duration::from_secs(60)),
        ..expect()
    };
    let claims = json!({ "iat": 1_500_000_000, "jti": "1" });
    let header = |jwk: &Value| json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": jwk });
    let found = verify_with_its_key(&key.sign(&header(&key.jwk), &claims), &proof);
    assert_eq!(found, Ok((claims.clone(), key.jwk.clone())));
    let mut private = key.jwk.clone();
    private["d"] = "AA".into();
    for jwk in [&Key::es256("o").jwk, &private, &Value::Null] {
        assert_eq!(verify_with_its_key(&key.sign(&header(jwk), &claims), &proof), Err(Refused));
    }
}

/// The example of RFC 8037 appendix A.4, whose payload is no JSON, so that only its signature is looked at;
/// and that of RFC 7515 appendix A.2, whose claims are of 2011.
#[test]
fn examples_of_the_specifications_verify() {
    let ed = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let signed = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    assert!(jwk::verifies(&ed, Algorithm::EdDsa, signed, &signature));
    assert!(!jwk::verifies(&ed, Algorithm::EdDsa, &signed[1..], &signature));
}
