//! `POST /auth/layer/`: the identity token, verified as Layer would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_testkit::scratch;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{User, refused};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    seed_004_20
    seed_004_21
    seed_004_22
    seed_004_23
    seed_004_24
    seed_004_25
    seed_004_26
    seed_004_27
    the_key_survives_a_restart
    a_key_from_a_file_is_not_rotated
}

const PROVIDER: &str = "layer:///providers/6c0f4bbc-6a5b-4d27-9c3e-0b6b1a1b5d11";
const KEY: &str = "layer:///keys/0f8fad5b-d9cb-469f-a165-70867728950e";

/// A JWS in its compact form, taken apart.
struct Jws {
    header: Value,
    claims: Value,
    signed: String,
    signature: Vec<u8>,
}

impl Jws {
    fn of(user: &User, case: &Case, nonce: &str) -> Self {
        let response =
            user.request(case, "POST", "/auth/layer/").json(&json!({ "nonce": nonce })).send().expect(201);
        let token = response.string("identity_token");
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let (header, claims) = signed.split_once('.').expect("three parts");
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64url without padding");
        let parse = |part: &str| serde_json::from_slice(&decode(part)).expect("JSON");
        Self {
            header: parse(header),
            claims: parse(claims),
            signed: signed.to_owned(),
            signature: decode(signature),
        }
    }
}

/// The public key that `keys list` shows for Layer, with its kid.
fn listed_key(case: &Case) -> (String, RsaPublicKeyComponents<Vec<u8>>) {
    let done = case.server().command(&["keys", "list", "--json"]);
    let keys: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let keys = keys.as_array().expect("an array").iter();
    let key = keys
        .clone()
        .find(|key| key["purpose"] == "layer")
        .unwrap_or_else(|| panic!("no layer key in {keys:?}"));
    assert_eq!((&key["alg"], &key["jwk"]["kty"]), (&json!("RS256"), &json!("RSA")));
    for private in ["d", "p", "q", "dp", "dq", "qi"] {
        assert!(key["jwk"].get(private).is_none(), "{private} is shown");
    }
    let number =
        |name: &str| URL_SAFE_NO_PAD.decode(key["jwk"][name].as_str().expect("a string")).expect("base64url");
    let kid = key["kid"].as_str().expect("a string").to_owned();
    (kid, RsaPublicKeyComponents { n: number("n"), e: number("e") })
}

/// A nonce gets an identity token, and the answer has nothing else.
fn seed_004_20(case: &Case) {
    let user = User::new(case);
    let response =
        user.request(case, "POST", "/auth/layer/").json(&json!({ "nonce": "abc" })).send().expect(201);
    let body = response.json();
    assert_eq!(
        body.as_object().map(|fields| fields.keys().cloned().collect()),
        Some(vec!["identity_token".to_owned()])
    );
    assert!(body["identity_token"].is_string());
    assert_eq!(response.header("content-type"), Some("application/json"));
}

/// A missing, blank or null nonce is refused with the reason.
fn seed_004_21(case: &Case) {
    let user = User::new(case);
    for (body, text) in [
        (json!({}), "This field is required."),
        (json!({ "nonce": "" }), "This field may not be blank."),
        (json!({ "nonce": null }), "This field may not be null."),
        (json!({ "nonce": ["a"] }), "Not a valid string."),
    ] {
        let response = user.request(case, "POST", "/auth/layer/").json(&body).send();
        refused(&response, 400, &json!({ "nonce": [text] }));
    }
}

/// Any other nonce is accepted as it is.
fn seed_004_22(case: &Case) {
    let user = User::new(case);
    let base64 = "q/7+".repeat(21) + "aa==";
    for nonce in
        ["x", "0123456789abcdef0123456789abcdef01234567", base64.as_str(), " padded ", "<ü>\"\\\u{1f600}"]
    {
        assert_eq!(Jws::of(&user, case, nonce).claims["nce"], json!(nonce));
    }
}

/// Without credentials there is no identity token.
fn seed_004_23(case: &Case) {
    let response = case.post("/auth/layer/", json!({ "nonce": "abc" }));
    refused(&response, 401, &json!({ "detail": "Authentication credentials were not provided." }));
    assert_eq!(response.header("www-authenticate"), Some("Token"));
}

/// The token is a compact JWS by RS256 that the listed public key verifies, and no other byte does.
fn seed_004_24(case: &Case) {
    let user = User::new(case);
    let jws = Jws::of(&user, case, "abc");
    let (_, key) = listed_key(case);
    let good =
        |message: &str| key.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &jws.signature).is_ok();
    assert!(good(&jws.signed));
    assert!(!good(&format!("{}x", jws.signed)));
}

/// The header has exactly the four fields that Layer wants.
fn seed_004_25(case: &Case) {
    let user = User::new(case);
    let (kid, _) = listed_key(case);
    let header = Jws::of(&user, case, "abc").header;
    assert_eq!(header, json!({ "typ": "JWT", "alg": "RS256", "cty": "layer-eit;v=1", "kid": kid }));
    let uuid = kid.strip_prefix("layer:///keys/").expect("a Layer key id");
    assert_eq!(uuid.len(), 36, "{kid}");
}

/// The claims name provider, user, time of issue and expiry, and carry the nonce.
fn seed_004_26(case: &Case) {
    let user = User::new(case);
    let claims = Jws::of(&user, case, "abc").claims;
    let provider = claims["iss"].as_str().and_then(|iss| iss.strip_prefix("layer:///providers/"));
    assert_eq!(provider.map(str::len), Some(36), "{claims}");
    assert_eq!((&claims["prn"], &claims["nce"]), (&json!(user.id.to_string()), &json!("abc")));
    let second = |name: &str| claims[name].as_i64().expect("whole seconds");
    assert!((Timestamp::now().as_second() - second("iat")).abs() <= 60, "{claims}");
    assert_eq!(second("exp") - second("iat"), 300);
    for name in claims.as_object().expect("an object").keys() {
        let known =
            ["iss", "prn", "iat", "exp", "nce", "first_name", "last_name", "display_name", "avatar_url"];
        assert!(known.contains(&name.as_str()), "{name}");
    }
    let case = case.with_config("[layer]\ntoken_lifetime = \"10m\"");
    let claims = Jws::of(&User::new(&case), &case, "abc").claims;
    assert_eq!(claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat), Some(600));
}

/// Keys of one's own are taken as PKCS#1 and as PKCS#8, with provider and key id as set.
fn seed_004_27(case: &Case) {
    let home = scratch::directory("layer");
    for (form, head) in [("-traditional", "BEGIN RSA PRIVATE KEY"), ("-nodes", "BEGIN PRIVATE KEY")] {
        let (file, public) = openssl_key(&home, form, head);
        let settings = format!(
            "[layer]\nprovider_id = \"{PROVIDER}\"\nkey_id = \"{KEY}\"\nkey_file = \"{}\"",
            file.display()
        );
        let case = case.with_config(&settings);
        let user = User::new(&case);
        let jws = Jws::of(&user, &case, "abc");
        assert_eq!((&jws.header["kid"], &jws.claims["iss"]), (&json!(KEY), &json!(PROVIDER)));
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public);
        assert!(key.verify(jws.signed.as_bytes(), &jws.signature).is_ok(), "{head}");
    }
}

/// A key of one's own is changed where it was set, and whoever tries it otherwise is told so.
fn a_key_from_a_file_is_not_rotated(case: &Case) {
    let (file, _) = openssl_key(&scratch::directory("layer"), "-nodes", "BEGIN PRIVATE KEY");
    let case = case.with_config(&format!("[layer]\nkey_file = \"{}\"", file.display()));
    let keys = case.server().command(&["keys", "list", "--json"]).stdout;
    let refused = case.server().command(&["keys", "rotate", "layer"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("`layer.key_file`") && said.contains("restart"), "{said}");
    assert_eq!(case.server().command(&["keys", "list", "--json"]).stdout, keys);
    assert!(case.server().command(&["keys", "rotate", "oauth"]).status.success());
}

/// A key made by OpenSSL in one of its two forms, and its public half as DER.
fn openssl_key(home: &Path, form: &str, head: &str) -> (PathBuf, Vec<u8>) {
    let openssl = |arguments: &[&str]| {
        let done = Command::new("openssl").args(arguments).output().expect("openssl");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    };
    let (raw, file) = (home.join("raw.pem"), home.join(format!("key{form}.pem")));
    let (raw, path) = (raw.to_str().expect("UTF-8"), file.to_str().expect("UTF-8"));
    openssl(&["genrsa", "-out", raw, "2048"]);
    match form {
        "-traditional" => openssl(&["rsa", "-in", raw, "-traditional", "-out", path]),
        _ => openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", raw, "-out", path]),
    };
    assert!(fs::read_to_string(&file).expect("a file").contains(head));
    let public = openssl(&["rsa", "-in", path, "-RSAPublicKey_out", "-outform", "DER"]);
    (file, public)
}

fn the_key_survives_a_restart(case: &Case) {
    let mut case = case.with_config("");
    let user = User::new(&case);
    let before = Jws::of(&user, &case, "abc");
    case.server_mut().restart();
    let after = Jws::of(&user, &case, "abc");
    assert_eq!((before.header, &before.claims["iss"]), (after.header, &after.claims["iss"]));
    let (_, key) = listed_key(&case);
    assert!(key.verify(&RSA_PKCS1_2048_8192_SHA256, before.signed.as_bytes(), &before.signature).is_ok());
}
