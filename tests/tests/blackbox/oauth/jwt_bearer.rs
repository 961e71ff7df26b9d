//! Tokens for whom an issuer vouches that the operator trusts (RFC 7523 section 2.1).

use std::time::Duration;

use countersign_testkit::{HttpsSite, Page, Response, Server};
use serde_json::{Value, json};

use super::codes::expect_error;
use super::dpop::{Key, now};
use super::provider::{Provider, RegisteredClient};
use crate::case::{Case, at_once, on_both_engines, unique};
use crate::{authv1, ouser};

on_both_engines! {
    an_assertion_of_a_trusted_issuer_gives_a_token
    an_assertion_works_once
    what_is_wrong_with_an_assertion_gives_nothing
    an_address_counts_only_if_both_sides_have_verified_it
    only_known_clients_use_an_issuers_word
    the_keys_of_an_issuer_are_fetched
    good_keys_outlive_an_answer_that_fails
}

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ISSUER: &str = "https://idp.example.com";

/// Trusts the issuer, by this key, to name people so; `more` are lines of its table.
fn trusting(key: &Key, subject: &str, more: &str) -> String {
    let jwk = key.jwk();
    format!(
        "[[oauth.trusted_issuers]]\nissuer = '{ISSUER}'\nsubject = '{subject}'\nscope = 'openid email read'\n\
         jwks = {{ keys = [{{ kty = 'EC', crv = 'P-256', x = {}, y = {} }}] }}\n{more}\n",
        jwk["x"], jwk["y"]
    )
}

fn bearer(provider: &Provider<'_>, more: Value) -> RegisteredClient {
    let mut all = json!({
        "grant_types": [GRANT], "redirect_uris": [], "response_types": [], "scope": "openid email read write",
    });
    for (name, value) in more.as_object().expect("metadata are an object") {
        all[name] = value.clone();
    }
    provider.client(all)
}

fn claims(provider: &Provider<'_>, sub: &str) -> Value {
    json!({
        "iss": ISSUER, "sub": sub, "aud": provider.issuer(), "jti": format!("bearer-{}", unique()),
        "iat": now(), "exp": now() + 120,
    })
}

fn header() -> Value {
    json!({"alg": "ES256"})
}

fn present(provider: &Provider<'_>, client: &RegisteredClient, assertion: &str) -> Response {
    provider.token(client, &[("grant_type", GRANT), ("assertion", assertion)])
}

fn an_assertion_of_a_trusted_issuer_gives_a_token(case: &Case) {
    let told = |case: &Case| case.get("/.well-known/openid-configuration").expect(200).json();
    let is_announced = |case: &Case| {
        let told = told(case)["grant_types_supported"].to_string();
        told.contains(GRANT)
    };
    assert!(!is_announced(case));
    let untold = Provider::new(case);
    expect_error(&present(&untold, &bearer(&untold, json!({})), "a.b.c"), "unsupported_grant_type");

    let key = Key::new();
    for format in ["opaque", "jwt"] {
        let own = case.with_config(&trusting(&key, "username", ""));
        assert!(is_announced(&own));
        let provider = Provider::new(&own);
        let client = bearer(&provider, json!({"access_token_format": format}));
        let member = authv1::Member::register(&own);
        let answer = present(&provider, &client, &key.sign(&header(), &claims(&provider, &member.username)));
        let tokens = answer.expect(200).json();
        assert_eq!((&tokens["refresh_token"], &tokens["id_token"]), (&Value::Null, &Value::Null));
        assert_eq!(
            (&tokens["scope"], &tokens["token_type"]),
            (&json!("email openid read"), &json!("Bearer"))
        );
        let access = tokens["access_token"].as_str().expect("an access token");
        let person = provider.userinfo(access).expect(200).json();
        assert_eq!(person["email"], member.email.as_str());
        let introspected = provider.introspect(&client, access);
        assert_eq!((&introspected["active"], &introspected["sub"]), (&json!(true), &person["sub"]));
        // What ends the account's sessions ends it.
        provider.command(&["account", "suspend", &member.username, "--json"]);
        assert!(!provider.is_active(&client, access));
        let again = key.sign(&header(), &claims(&provider, &member.username));
        expect_error(&present(&provider, &client, &again), "invalid_grant");
    }
    // By the account's id, for the token endpoint, in a list of one.
    let own = case.with_config(&trusting(&key, "account_id", "audience = ['https://alias.example.com']"));
    let provider = Provider::new(&own);
    let client = bearer(&provider, json!({"token_endpoint_auth_method": "none"}));
    let user = provider.user();
    let tokens = provider.code_flow(&provider.public_client(), &user);
    let sub = provider.userinfo(tokens["access_token"].as_str().expect("a token")).json()["sub"].clone();
    let sub = sub.as_str().expect("a subject");
    let endpoint = format!("{}/oauth2/token", provider.issuer());
    for aud in [json!(endpoint), json!([provider.issuer()]), json!("https://alias.example.com")] {
        let mut claims = claims(&provider, sub);
        claims["aud"] = aud;
        let form = [("grant_type", GRANT), ("assertion", &*key.sign(&header(), &claims)), ("scope", "read")];
        let tokens = provider.token(&client, &form).expect(200).json();
        assert_eq!(tokens["scope"], "read");
    }
}

fn an_assertion_works_once(case: &Case) {
    let key = Key::new();
    let case = case.with_config(&trusting(&key, "username", ""));
    let provider = Provider::new(&case);
    let (client, other) = (bearer(&provider, json!({})), bearer(&provider, json!({})));
    let member = authv1::Member::register(&case);
    let raced = key.sign(&header(), &claims(&provider, &member.username));
    let clients = [&client, &other];
    let statuses = at_once(20, |number| present(&provider, clients[number % 2], &raced).status);
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    expect_error(&present(&provider, &client, &raced), "invalid_grant");
}

fn what_is_wrong_with_an_assertion_gives_nothing(case: &Case) {
    let (key, stranger) = (Key::new(), Key::new());
    let case = case.with_config(&trusting(&key, "username", ""));
    let provider = Provider::new(&case);
    let client = bearer(&provider, json!({}));
    let member = authv1::Member::register(&case);
    let good = claims(&provider, &member.username);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        key.sign(&header(), &claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().expect("an object").remove(name);
        key.sign(&header(), &claims)
    };
    let bad = [
        with("iss", json!("https://other.example.com")),
        with("iss", json!(provider.issuer())),
        with("aud", json!("https://other.example.com")),
        with("aud", json!([provider.issuer(), "https://other.example.com"])),
        with("aud", json!([])),
        with("aud", json!(client.id)),
        with("exp", json!(now() - 1)),
        with("exp", json!(now() + 7200)),
        with("iat", json!(now() - 7200)),
        with("nbf", json!(now() + 300)),
        with("sub", json!("nobody-here")),
        with("sub", json!(member.email)),
        with("sub", json!(7)),
        with("jti", json!("")),
        without("aud"),
        without("exp"),
        without("jti"),
        without("iss"),
        without("sub"),
        stranger.sign(&header(), &good),
        key.sign(&json!({"alg": "none"}), &good),
        key.sign(&json!({"alg": "HS256"}), &good),
        key.sign(&json!({"alg": "ES256", "typ": "at+jwt"}), &good),
        key.sign(&json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": key.jwk()}), &good),
        "a.b.c".to_owned(),
        String::from("x"),
    ];
    let mut texts = Vec::new();
    for assertion in &bad {
        let refused = present(&provider, &client, assertion);
        expect_error(&refused, "invalid_grant");
        texts.push(refused.text().to_owned());
    }
    assert!(texts.iter().all(|text| *text == texts[0]), "who has an account is nobody's business: {texts:?}");
    expect_error(&provider.token(&client, &[("grant_type", GRANT)]), "invalid_request");
    // None of them has used the good one up.
    present(&provider, &client, &key.sign(&header(), &good)).expect(200);
}

fn an_address_counts_only_if_both_sides_have_verified_it(case: &Case) {
    let key = Key::new();
    let case = case.with_config(&trusting(&key, "email", ""));
    let provider = Provider::new(&case);
    let client = bearer(&provider, json!({}));
    let (proven, claimed) = (ouser::register(&case).email, provider.user().email);
    let ask = |email: &str, verified: Value| {
        let mut claims = claims(&provider, "somebody-at-the-issuer");
        claims["email"] = json!(email);
        claims["email_verified"] = verified;
        present(&provider, &client, &key.sign(&header(), &claims))
    };
    let tokens = ask(&proven.to_uppercase(), json!(true)).expect(200).json();
    let told = provider.userinfo(tokens["access_token"].as_str().expect("a token")).expect(200).json();
    assert_eq!((&told["email"], &told["email_verified"]), (&json!(proven), &json!(true)));
    expect_error(&ask(&claimed, json!(true)), "invalid_grant");
    for verified in [json!(false), json!("true"), json!(1), Value::Null] {
        expect_error(&ask(&proven, verified), "invalid_grant");
    }
}

fn only_known_clients_use_an_issuers_word(case: &Case) {
    let key = Key::new();
    let settings = "clients = ['chosen', 'members']\n[oauth]\nregistration = 'open'\n";
    let case = case.with_config(&trusting(&key, "username", settings));
    let provider = Provider::new(&case);
    let member = authv1::Member::register(&case);
    let assertion = || key.sign(&header(), &claims(&provider, &member.username));
    let named = |id: &str, more: Value| {
        let metadata = json!({"grant_types": [GRANT], "response_types": [], "scope": "openid read"});
        let mut metadata = metadata;
        for (name, value) in more.as_object().expect("an object") {
            metadata[name] = value.clone();
        }
        let file = countersign_testkit::scratch::directory("bearer").join("metadata.json");
        std::fs::write(&file, metadata.to_string()).expect("a file of our own");
        let file = file.display().to_string();
        let made = provider.command(&["client", "add", "--client-id", id, "--metadata", &file, "--json"]);
        RegisteredClient {
            id: id.to_owned(),
            secret: made["client_secret"].as_str().map(str::to_owned),
            redirect_uri: String::new(),
            method: "client_secret_basic".to_owned(),
            scope: String::new(),
        }
    };
    let chosen = named("chosen", json!({}));
    let wrong = RegisteredClient { secret: Some("x".repeat(40)), ..chosen.clone() };
    expect_error(&present(&provider, &wrong, &assertion()), "invalid_client");
    assert_eq!(present(&provider, &chosen, &assertion()).expect(200).json()["scope"], "openid read");
    for scope in ["write", "email"] {
        let form = [("grant_type", GRANT), ("assertion", &*assertion()), ("scope", scope)];
        expect_error(&provider.token(&chosen, &form), "invalid_scope");
    }
    let form = [("grant_type", GRANT), ("assertion", &*assertion()), ("resource", "https://api.example.com")];
    expect_error(&provider.token(&chosen, &form), "invalid_target");
    expect_error(&present(&provider, &bearer(&provider, json!({})), &assertion()), "invalid_grant");
    expect_error(&present(&provider, &provider.client(json!({})), &assertion()), "unauthorized_client");
    // Who registered itself.
    let metadata = json!({"grant_types": [GRANT], "redirect_uris": [], "token_endpoint_auth_method": "none"});
    let own = case.http().post("/oauth2/register").json(&metadata).send().expect(201).string("client_id");
    let own = RegisteredClient { id: own, secret: None, method: "none".to_owned(), ..chosen.clone() };
    expect_error(&present(&provider, &own, &assertion()), "unauthorized_client");
    // Who is for a group.
    provider.command(&["group", "add", "bearers", "--json"]);
    let members = named("members", json!({"groups": ["bearers"]}));
    expect_error(&present(&provider, &members, &assertion()), "invalid_grant");
}

fn the_keys_of_an_issuer_are_fetched(case: &Case) {
    let site = HttpsSite::start();
    let (old, new) = (Key::new(), Key::new());
    site.put("/jwks", Page::json(json!({"keys": [old.jwk()]})));
    let settings = format!(
        "[oauth]\nfetch_allowed = ['127.0.0.0/8']\n[[oauth.trusted_issuers]]\nissuer = '{ISSUER}'\n\
         jwks_uri = '{}'\nsubject = 'username'\nscope = 'read'\n",
        site.url("/jwks")
    );
    let wishes = Server::builder().config(&settings).env("SSL_CERT_FILE", site.authority());
    let mut case = case.with_own(wishes.fake_clock());
    let (client, member) = {
        let provider = Provider::new(&case);
        (bearer(&provider, json!({"scope": "read"})), authv1::Member::register(&case))
    };
    let ask = |case: &Case, key: &Key, ahead: u64| {
        let provider = Provider::new(case);
        let mut claims = claims(&provider, &member.username);
        (claims["iat"], claims["exp"]) = (json!(now() + ahead), json!(now() + ahead + 120));
        present(&provider, &client, &key.sign(&header(), &claims))
    };
    ask(&case, &old, 0).expect(200);
    ask(&case, &old, 0).expect(200);
    expect_error(&ask(&case, &new, 0), "invalid_grant");
    assert_eq!(site.asked("/jwks"), 1);
    site.put("/jwks", Page::json(json!({"keys": [new.jwk()]})));
    case.server_mut().advance(Duration::from_secs(301));
    expect_error(&ask(&case, &old, 301), "invalid_grant");
    ask(&case, &new, 301).expect(200);
    assert_eq!(site.asked("/jwks"), 2);
}

/// Anybody can send what does not verify, at the moment at which the address does not answer.
fn good_keys_outlive_an_answer_that_fails(case: &Case) {
    let site = HttpsSite::start();
    let (good, other) = (Key::new(), Key::new());
    site.put("/jwks", Page::json(json!({"keys": [good.jwk()]})));
    let settings = format!(
        "[oauth]\nfetch_allowed = ['127.0.0.0/8']\n[[oauth.trusted_issuers]]\nissuer = '{ISSUER}'\n\
         jwks_uri = '{}'\nsubject = 'username'\nscope = 'read'\n",
        site.url("/jwks")
    );
    let wishes = Server::builder().config(&settings).env("SSL_CERT_FILE", site.authority());
    let mut case = case.with_own(wishes.fake_clock());
    let (client, member) = {
        let provider = Provider::new(&case);
        (bearer(&provider, json!({"scope": "read"})), authv1::Member::register(&case))
    };
    let ask = |case: &Case, key: &Key, ahead: u64| {
        let provider = Provider::new(case);
        let mut claims = claims(&provider, &member.username);
        (claims["iat"], claims["exp"]) = (json!(now() + ahead), json!(now() + ahead + 120));
        present(&provider, &client, &key.sign(&header(), &claims))
    };
    ask(&case, &good, 0).expect(200);
    for (broken, ahead) in
        [(Page::json("").status(500), 11), (Page::json("[]"), 22), (Page::json(json!({"error": "busy"})), 33)]
    {
        site.put("/jwks", broken);
        case.server_mut().advance(Duration::from_secs(11));
        let asked = site.asked("/jwks");
        expect_error(&ask(&case, &other, ahead), "invalid_grant");
        assert_eq!(site.asked("/jwks"), asked + 1);
        ask(&case, &good, ahead).expect(200);
    }
    // They are no longer asked for each time, and not good for ever.
    case.server_mut().advance(Duration::from_secs(400));
    ask(&case, &good, 433).expect(200);
    case.server_mut().advance(Duration::from_secs(200));
    expect_error(&ask(&case, &good, 633), "invalid_grant");
    site.put("/jwks", Page::json(json!({"keys": [good.jwk()]})));
    case.server_mut().advance(Duration::from_secs(11));
    ask(&case, &good, 644).expect(200);
}
