//! JWTs of clients, as proofs of DPoP and as assertions: what is taken says what it must. Two lines, header and claims,
//! are signed here, so that inputs come behind the signature; one line is sent as it is.
#![no_main]

use countersign_fuzz::{ISSUER, NOW, PROVIDER, SIGNING_CLIENT, basic};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const TOKEN: &str = "/oauth2/token";

fuzz_target!(|text: &str| {
    let (jwt, signed) = match text.split_once('\n') {
        Some((header, claims)) => (PROVIDER.sign(header, claims), Some((header, claims))),
        None => (text.to_owned(), None),
    };
    let grant = "grant_type=client_credentials";
    if let Some(answer) = PROVIDER.post(TOKEN, &[("authorization", &basic()), ("dpop", &jwt)], grant.as_bytes()) {
        assert!(matches!(answer.status, 200 | 400 | 401), "{}", answer.status);
        if answer.status == 200 && !jwt.is_empty() {
            let (header, claims) = signed.map(read).expect("nobody else signs");
            assert!(header["typ"].as_str().is_some_and(|typ| typ.to_ascii_lowercase().ends_with("dpop+jwt")), "{text}");
            assert_eq!((&header["alg"], &claims["htm"]), (&Value::from("ES256"), &Value::from("POST")), "{text}");
            assert!(claims["htu"].as_str().is_some_and(|url| url.starts_with(&format!("{ISSUER}{TOKEN}"))), "{text}");
            assert!(claims["iat"].as_f64().is_some_and(|iat| (iat - NOW as f64).abs() <= 61.0), "{text}");
        }
    }
    let assertion: String = form_urlencoded::byte_serialize(jwt.as_bytes()).collect();
    let form = format!(
        "{grant}&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion={assertion}"
    );
    let Some(answer) = PROVIDER.post(TOKEN, &[], form.as_bytes()) else { return };
    assert!(matches!(answer.status, 200 | 400 | 401 | 413), "{}", answer.status);
    if answer.status == 200 {
        let (header, claims) = signed.map(read).expect("nobody else signs");
        assert_eq!(header["alg"], "ES256", "{text}");
        assert_eq!((&claims["iss"], &claims["sub"]), (&Value::from(SIGNING_CLIENT), &Value::from(SIGNING_CLIENT)), "{text}");
        assert!(claims["aud"] == ISSUER && claims["jti"].is_string() && claims["exp"].is_number(), "{text}");
    }
});

/// Header and claims as JSON, where `JWK` may stand in them.
fn read((header, claims): (&str, &str)) -> (Value, Value) {
    let part = |text: &str| serde_json::from_str(&text.replace("JWK", "{}")).expect("it was read as JSON");
    (part(header), part(claims))
}
