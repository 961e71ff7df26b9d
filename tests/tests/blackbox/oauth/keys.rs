//! The keys that tokens are signed with: published first, then signing, then gone.

use std::time::Duration;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_testkit::{Server, poll};
use serde_json::{Value, json};

use super::provider::{Provider, RegisteredClient, decoded};
use crate::case::{Case, at_once, on_both_engines};

on_both_engines! {
    every_algorithm_signs_with_a_published_key
    a_new_server_publishes_no_set_that_lacks_a_key
    keys_are_published_before_they_sign
    a_revoked_key_is_gone
    the_published_keys_are_public
}

const DAY: Duration = Duration::from_secs(86_400);

/// A client whose tokens are signed by this algorithm.
fn signed_by(provider: &Provider<'_>, algorithm: &str) -> RegisteredClient {
    let metadata = json!({
        "id_token_signed_response_alg": algorithm, "access_token_format": "jwt", "scope": "read",
    });
    provider.service(metadata)
}

/// A new token of the client.
fn token(provider: &Provider<'_>, client: &RegisteredClient) -> String {
    provider.token(client, &[("grant_type", "client_credentials")]).expect(200).string("access_token")
}

fn published(case: &Case) -> Vec<Value> {
    case.get("/oauth2/jwks").expect(200).json()["keys"].as_array().expect("keys").clone()
}

fn kids(case: &Case) -> Vec<String> {
    published(case).iter().map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
}

/// An RSA key takes its time to make; whoever asks meanwhile would keep a set without it.
fn a_new_server_publishes_no_set_that_lacks_a_key(case: &Case) {
    let case = &case.with_own(Server::builder());
    for keys in at_once(8, |_| published(case)) {
        let mut algorithms: Vec<_> = keys.iter().map(|key| key["alg"].as_str().expect("an alg")).collect();
        // There may be some already that will sign later.
        algorithms.sort_unstable();
        algorithms.dedup();
        assert_eq!(algorithms, ["ES256", "EdDSA", "RS256"]);
    }
}

/// The id of the key that signs for the client now.
fn signs(provider: &Provider<'_>, client: &RegisteredClient) -> String {
    decoded(&token(provider, client)).0["kid"].as_str().expect("a kid").to_owned()
}

/// Whether the published key with the JWT's `kid` signed it.
pub fn verifies(case: &Case, jwt: &str) -> bool {
    let (header, _) = decoded(jwt);
    let Some(key) = published(case).into_iter().find(|key| key["kid"] == header["kid"]) else { return false };
    assert_eq!((&key["alg"], &key["use"]), (&header["alg"], &json!("sig")));
    let (signed, signature) = jwt.rsplit_once('.').unwrap();
    let part = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let signed = signed.as_bytes();
    match header["alg"].as_str().unwrap() {
        "ES256" => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [vec![4], part("x"), part("y")].concat())
            .verify(signed, &signature)
            .is_ok(),
        "EdDSA" => UnparsedPublicKey::new(&ED25519, part("x")).verify(signed, &signature).is_ok(),
        "RS256" => RsaPublicKeyComponents { n: part("n"), e: part("e") }
            .verify(&RSA_PKCS1_2048_8192_SHA256, signed, &signature)
            .is_ok(),
        other => panic!("{other}"),
    }
}

fn every_algorithm_signs_with_a_published_key(case: &Case) {
    let provider = Provider::new(case);
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let client = signed_by(&provider, algorithm);
        let jwt = token(&provider, &client);
        let (header, claims) = decoded(&jwt);
        assert_eq!((&header["alg"], &header["typ"]), (&json!(algorithm), &json!("at+jwt")));
        assert_eq!(claims["iss"], provider.issuer());
        assert!(verifies(case, &jwt), "{algorithm}");
        assert!(provider.is_active(&client, &jwt), "{algorithm}");
    }
}

fn keys_are_published_before_they_sign(case: &Case) {
    let mut case = case.with_clock();
    let provider = Provider::new(&case);
    let client = signed_by(&provider, "ES256");
    let (first, known) = (signs(&provider, &client), kids(&case));
    assert!(known.contains(&first));
    case.server_mut().advance(DAY * 91);
    let provider = Provider::new(&case);
    let second =
        poll::until("another key signs", || Some(signs(&provider, &client)).filter(|kid| *kid != first));
    assert!(known.contains(&second), "it was published before");
    let now = kids(&case);
    assert!(now.contains(&first), "what it signed still verifies");
    assert!(now.iter().any(|kid| !known.contains(kid)), "the one after it is published");
    case.server_mut().advance(DAY * 2);
    poll::until("the old key is gone", || (!kids(&case).contains(&first)).then_some(()));
    let provider = Provider::new(&case);
    assert_eq!(signs(&provider, &client), second);
    // By hand it is the same.
    let listed = provider.command(&["keys", "rotate", "oauth", "--json"]);
    let third = listed["kid"].as_str().unwrap().to_owned();
    assert!(now.contains(&third));
    poll::until("the third key signs", || (signs(&provider, &client) == third).then_some(()));
    for algorithm in ["RS256", "EdDSA"] {
        let listed = provider.command(&["keys", "rotate", "oauth", "--algorithm", algorithm, "--json"]);
        let client = signed_by(&provider, algorithm);
        poll::until("it signs", || (listed["kid"] == signs(&provider, &client).as_str()).then_some(()));
    }
}

fn a_revoked_key_is_gone(case: &Case) {
    let case = &case.with_config("");
    let provider = Provider::new(case);
    for algorithm in ["ES256", "RS256"] {
        let client = signed_by(&provider, algorithm);
        let jwt = token(&provider, &client);
        let kid = decoded(&jwt).0["kid"].as_str().unwrap().to_owned();
        assert!(provider.is_active(&client, &jwt) && verifies(case, &jwt));
        let revoked = case.server().command(&["keys", "revoke", &kid]);
        assert!(revoked.status.success(), "{}", String::from_utf8_lossy(&revoked.stderr));
        poll::until("the key is not published", || (!kids(case).contains(&kid)).then_some(()));
        assert!(!provider.is_active(&client, &jwt), "what it signed is worth nothing");
        let jwt = token(&provider, &client);
        assert!(verifies(case, &jwt) && provider.is_active(&client, &jwt), "another one signs");
        let again = case.server().command(&["keys", "revoke", &kid]);
        assert_eq!(again.status.code(), Some(1));
    }
    let layer = provider.command(&["keys", "list", "--json"]);
    let layer = layer.as_array().unwrap().iter().find(|key| key["purpose"] == "layer").unwrap().clone();
    let refused = case.server().command(&["keys", "revoke", layer["kid"].as_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1), "Layer's keys are not OAuth's");
}

fn the_published_keys_are_public(case: &Case) {
    let answer = case.get("/oauth2/jwks").expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    for key in published(case) {
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(key.get(private).is_none(), "{private} in {key}");
        }
        assert_eq!(key["use"], "sig");
        assert!(!key["kid"].as_str().unwrap().starts_with("layer:"), "Layer's are not OAuth's");
    }
    let etag = answer.header("etag").expect("an entity tag").to_owned();
    let again = case.http().get("/oauth2/jwks").header("If-None-Match", &etag).send();
    // The RSA key may have come in between.
    assert!(again.status == 304 || again.header("etag") != Some(&etag));
}
