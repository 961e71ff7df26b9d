//! Tokens that are bound to a key (RFC 9449).

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_testkit::Response;
use serde_json::{Value, json};

use super::codes::expect_error;
use super::provider::{Asked, Granted, Provider, RegisteredClient, decoded};
use crate::case::{Case, at_once, on_both_engines, unique};

on_both_engines! {
    a_dpop_token_needs_its_key
    a_public_clients_refresh_token_needs_its_key
    dpop_proofs_work_once
    a_proof_is_used_up_by_what_it_gets
    a_proof_is_for_this_request_and_fresh
    a_nonce_is_demanded_where_it_is_set
    a_pushed_request_is_for_the_key_of_its_proof
    a_pushed_request_needs_a_nonce_where_it_is_set
}

/// A key of a client.
pub struct Key {
    pair: EcdsaKeyPair,
}

impl Key {
    pub fn new() -> Key {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Key { pair }
    }

    pub fn jwk(&self) -> Value {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y)})
    }

    pub fn thumbprint(&self) -> String {
        let jwk = self.jwk();
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]);
        encoded(digest(&SHA256, members.as_bytes()))
    }

    /// A JWS of this key.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
        format!("{signed}.{}", encoded(signature))
    }

    /// A proof with these claims besides, or instead of, what it must have.
    pub fn proof(&self, method: &str, url: &str, other: &Value) -> String {
        let mut claims = json!({"jti": format!("jti-{}", unique()), "htm": method, "htu": url, "iat": now()});
        for (name, value) in other.as_object().expect("claims are an object") {
            claims[name] = value.clone();
        }
        self.sign(&json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk()}), &claims)
    }
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Asks the token endpoint with a proof.
fn token(
    provider: &Provider<'_>,
    client: &RegisteredClient,
    pairs: &[(&str, &str)],
    proof: &str,
) -> Response {
    let mut pairs = pairs.to_vec();
    let mut request = provider.case.http().post("/oauth2/token").header("DPoP", proof);
    match &client.secret {
        Some(secret) => {
            request = request.header("Authorization", &super::provider::basic(&client.id, secret));
        }
        None => pairs.push(("client_id", &client.id)),
    }
    request.form(&pairs).send()
}

pub fn proof_for_token(provider: &Provider<'_>, key: &Key) -> String {
    key.proof("POST", &format!("{}/oauth2/token", provider.issuer()), &json!({}))
}

pub fn redeem(
    provider: &Provider<'_>,
    client: &RegisteredClient,
    granted: &Granted,
    proof: &str,
) -> Response {
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", granted.code.as_str()),
        ("redirect_uri", &client.redirect_uri),
        ("code_verifier", &granted.asked.verifier),
    ];
    token(provider, client, &pairs, proof)
}

fn userinfo(provider: &Provider<'_>, access: &str, scheme: &str, proof: Option<&str>) -> Response {
    let request = provider.case.http().get("/oauth2/userinfo");
    let request = request.header("Authorization", &format!("{scheme} {access}"));
    match proof {
        Some(proof) => request.header("DPoP", proof).send(),
        None => request.send(),
    }
}

fn a_dpop_token_needs_its_key(case: &Case) {
    let provider = Provider::new(case);
    let url = format!("{}/oauth2/userinfo", provider.issuer());
    for format in ["opaque", "jwt"] {
        let client =
            provider.client(json!({"access_token_format": format, "dpop_bound_access_tokens": true}));
        let granted = provider.grant(&client, &provider.user());
        expect_error(&provider.redeem(&client, &granted), "invalid_dpop_proof");
        let (key, other) = (Key::new(), Key::new());
        let tokens =
            redeem(&provider, &client, &granted, &proof_for_token(&provider, &key)).expect(200).json();
        assert_eq!(tokens["token_type"], "DPoP");
        let access = tokens["access_token"].as_str().expect("an access token");
        assert_eq!(provider.introspect(&client, access)["cnf"]["jkt"], key.thumbprint());
        if format == "jwt" {
            assert_eq!(decoded(access).1["cnf"]["jkt"], key.thumbprint());
        }
        let proof = |key: &Key, access: &str| {
            let ath = encoded(digest(&SHA256, access.as_bytes()));
            key.proof("GET", &url, &json!({ "ath": ath }))
        };
        userinfo(&provider, access, "DPoP", Some(&proof(&key, access))).expect(200);
        for (scheme, proof) in [
            ("Bearer", None),
            ("DPoP", None),
            ("Bearer", Some(proof(&key, access))),
            ("DPoP", Some(proof(&other, access))),
            ("DPoP", Some(proof(&key, "another token"))),
            ("DPoP", Some(key.proof("GET", &url, &json!({})))),
        ] {
            let status = userinfo(&provider, access, scheme, proof.as_deref()).status;
            assert!(matches!(status, 400 | 401), "{scheme} {proof:?}: {status}");
        }
    }
}

fn a_public_clients_refresh_token_needs_its_key(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.public_client();
    let granted = provider.grant(&client, &provider.user());
    let (key, other) = (Key::new(), Key::new());
    let tokens = redeem(&provider, &client, &granted, &proof_for_token(&provider, &key)).expect(200).json();
    let refresh = tokens["refresh_token"].as_str().expect("a refresh token");
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    expect_error(&provider.refresh(&client, refresh), "invalid_dpop_proof");
    expect_error(
        &token(&provider, &client, &pairs, &proof_for_token(&provider, &other)),
        "invalid_dpop_proof",
    );
    // What was refused has used nothing up.
    let next = token(&provider, &client, &pairs, &proof_for_token(&provider, &key)).expect(200).json();
    assert_eq!(next["token_type"], "DPoP");
}

fn dpop_proofs_work_once(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.service(json!({"scope": "read"}));
    let proof = proof_for_token(&provider, &Key::new());
    let own = [("grant_type", "client_credentials")];
    let answers = at_once(20, |_| token(&provider, &client, &own, &proof));
    let got = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(got, 1);
    expect_error(&token(&provider, &client, &own, &proof), "invalid_dpop_proof");
}

/// Whoever gets nothing writes nothing: proofs of keys of their own cost strangers nothing.
fn a_proof_is_used_up_by_what_it_gets(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.public_client();
    let (user, key) = (provider.user(), Key::new());
    let proof = proof_for_token(&provider, &key);
    let granted = provider.grant(&client, &user);
    let guessed = [
        vec![
            ("grant_type", "authorization_code"),
            ("code", "guessed"),
            ("redirect_uri", &client.redirect_uri),
        ],
        vec![("grant_type", "refresh_token"), ("refresh_token", "guessed")],
    ];
    for pairs in &guessed {
        expect_error(&token(&provider, &client, pairs, &proof), "invalid_grant");
    }
    let tokens = redeem(&provider, &client, &granted, &proof).expect(200).json();
    // A request that was overheard gets nothing when it comes again, and ends nothing.
    let refresh = tokens["refresh_token"].as_str().expect("a refresh token");
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    expect_error(&redeem(&provider, &client, &granted, &proof), "invalid_dpop_proof");
    expect_error(&token(&provider, &client, &pairs, &proof), "invalid_dpop_proof");
    let other = provider.grant(&client, &user);
    expect_error(&redeem(&provider, &client, &other, &proof), "invalid_dpop_proof");
    // What a used proof was refused has used nothing up.
    redeem(&provider, &client, &other, &proof_for_token(&provider, &Key::new())).expect(200);
    token(&provider, &client, &pairs, &proof_for_token(&provider, &key)).expect(200);
    // Of all that bring one proof at one moment, one gets something, whatever each would get.
    let codes: Vec<Granted> = (0..8).map(|_| provider.grant(&client, &user)).collect();
    let one = proof_for_token(&provider, &Key::new());
    let answers = at_once(codes.len(), |number| redeem(&provider, &client, &codes[number], &one));
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
}

fn a_proof_is_for_this_request_and_fresh(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.service(json!({"scope": "read"}));
    let key = Key::new();
    let url = format!("{}/oauth2/token", provider.issuer());
    let own = [("grant_type", "client_credentials")];
    let jwk = key.jwk();
    let mut private = jwk.clone();
    private["d"] = encoded([1; 32]).into();
    let claims = json!({"jti": format!("jti-{}", unique()), "htm": "POST", "htu": url, "iat": now()});
    let bad = [
        key.proof("GET", &url, &json!({})),
        key.proof("POST", &format!("{}/oauth2/introspect", provider.issuer()), &json!({})),
        key.proof("POST", "https://other.example.com/oauth2/token", &json!({})),
        key.proof("POST", &url, &json!({"iat": now() - 120})),
        key.proof("POST", &url, &json!({"iat": now() + 120})),
        key.proof("POST", &url, &json!({"iat": null})),
        key.proof("POST", &url, &json!({"jti": null})),
        key.proof("POST", &url, &json!({"jti": ""})),
        key.sign(&json!({"typ": "JWT", "alg": "ES256", "jwk": jwk}), &claims),
        key.sign(&json!({"typ": "dpop+jwt", "alg": "none", "jwk": jwk}), &claims),
        key.sign(&json!({"typ": "dpop+jwt", "alg": "HS256", "jwk": jwk}), &claims),
        key.sign(&json!({"typ": "dpop+jwt", "alg": "ES256"}), &claims),
        key.sign(&json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": Key::new().jwk()}), &claims),
        key.sign(&json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": private}), &claims),
        "not a proof".to_owned(),
        String::new(),
    ];
    for proof in &bad {
        expect_error(&token(&provider, &client, &own, proof), "invalid_dpop_proof");
    }
    token(&provider, &client, &own, &key.proof("POST", &url, &json!({}))).expect(200);
}

fn a_nonce_is_demanded_where_it_is_set(case: &Case) {
    let case = case.with_config("[oauth]\nrequire_dpop_nonce = true\n");
    let provider = Provider::new(&case);
    let client = provider.service(json!({"scope": "read"}));
    let key = Key::new();
    let url = format!("{}/oauth2/token", provider.issuer());
    let own = [("grant_type", "client_credentials")];
    let first = token(&provider, &client, &own, &key.proof("POST", &url, &json!({})));
    expect_error(&first, "use_dpop_nonce");
    let nonce = first.header("dpop-nonce").expect("a nonce");
    let wrong = key.proof("POST", &url, &json!({"nonce": "of my own"}));
    expect_error(&token(&provider, &client, &own, &wrong), "use_dpop_nonce");
    token(&provider, &client, &own, &key.proof("POST", &url, &json!({ "nonce": nonce }))).expect(200);
}

/// Pushes a request with a proof, of which these claims are special.
fn push(
    provider: &Provider<'_>,
    client: &RegisteredClient,
    asked: &Asked,
    key: &Key,
    claims: &Value,
) -> Response {
    let proof = key.proof("POST", &format!("{}/oauth2/par", provider.issuer()), claims);
    let asked = asked.clone().without("client_id");
    provider.request(client, "/oauth2/par", &asked.pairs()).header("DPoP", &proof).send()
}

/// RFC 9449 section 10.1: as if `dpop_jkt` had named it.
fn a_pushed_request_is_for_the_key_of_its_proof(case: &Case) {
    let provider = Provider::new(case);
    let (user, own, other) = (provider.user(), Key::new(), Key::new());
    for client in [provider.client(json!({})), provider.public_client()] {
        let asked = provider.ask(&client);
        let named = asked.clone().with("dpop_jkt", &own.thumbprint());
        for asked in [&asked, &named] {
            let pushed = push(&provider, &client, asked, &own, &json!({})).expect(201).string("request_uri");
            let pairs = [("client_id".to_owned(), client.id.clone()), ("request_uri".to_owned(), pushed)];
            let granted = Asked { pairs: pairs.to_vec(), ..asked.clone() };
            let granted = provider.grant_in(&mut provider.browser(), &granted, &user);
            expect_error(&provider.redeem(&client, &granted), "invalid_grant");
            let proof = proof_for_token(&provider, &other);
            expect_error(&redeem(&provider, &client, &granted, &proof), "invalid_grant");
            redeem(&provider, &client, &granted, &proof_for_token(&provider, &own)).expect(200);
        }
        expect_error(&push(&provider, &client, &named, &other, &json!({})), "invalid_dpop_proof");
        for bad in [
            json!({"htm": "GET"}),
            json!({"htu": format!("{}/oauth2/token", provider.issuer())}),
            json!({"iat": now() - 120}),
        ] {
            expect_error(&push(&provider, &client, &asked, &own, &bad), "invalid_dpop_proof");
        }
        let once = json!({"jti": format!("jti-{}", unique())});
        let answers = at_once(8, |_| push(&provider, &client, &asked, &own, &once));
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        expect_error(&push(&provider, &client, &asked, &own, &once), "invalid_dpop_proof");
    }
}

fn a_pushed_request_needs_a_nonce_where_it_is_set(case: &Case) {
    let case = case.with_config("[oauth]\nrequire_dpop_nonce = true\n");
    let provider = Provider::new(&case);
    let (client, key) = (provider.client(json!({})), Key::new());
    let asked = provider.ask(&client);
    let first = push(&provider, &client, &asked, &key, &json!({}));
    expect_error(&first, "use_dpop_nonce");
    let nonce = first.header("dpop-nonce").expect("a nonce");
    push(&provider, &client, &asked, &key, &json!({ "nonce": nonce })).expect(201);
    // Without a proof there is nothing that a nonce would be for.
    provider.call(&client, "/oauth2/par", &asked.pairs()).expect(201);
}
