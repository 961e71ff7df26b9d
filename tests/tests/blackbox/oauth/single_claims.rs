//! Claims that are asked for one by one (OpenID Connect Core section 5.5).

use serde_json::{Value, json};

use super::browser::Browser;
use super::codes::expect_error;
use super::provider::{Asked, Granted, Provider, RegisteredClient, decoded};
use crate::case::{Case, on_both_engines, unique};

on_both_engines! {
    single_claims_are_asked_for_remembered_and_told
    single_claims_are_those_that_the_client_may_have
    a_demanded_subject_is_never_somebody_else
    a_demanded_class_of_sign_in_is_had_or_refused
    broken_claims_are_refused
}

fn asking(provider: &Provider<'_>, client: &RegisteredClient, claims: &Value) -> Asked {
    provider.ask(client).with("scope", "openid").with("claims", &claims.to_string())
}

/// The answer to a request, once it is allowed.
fn tokens(provider: &Provider<'_>, browser: &mut Browser, client: &RegisteredClient, asked: &Asked) -> Value {
    let answer = browser.open(&asked.target()).allow().answer();
    let granted = Granted { code: answer.get("code").to_owned(), asked: asked.clone(), answer };
    provider.redeem(client, &granted).expect(200).json()
}

fn names(claims: &Value) -> Vec<&str> {
    let of_every_token =
        ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"];
    let names = claims.as_object().expect("claims").keys().map(String::as_str);
    names.filter(|name| !of_every_token.contains(name)).collect()
}

fn in_id_token(tokens: &Value) -> Value {
    decoded(tokens["id_token"].as_str().expect("an ID token")).1
}

fn in_userinfo(provider: &Provider<'_>, tokens: &Value) -> Value {
    provider.userinfo(tokens["access_token"].as_str().expect("an access token")).expect(200).json()
}

fn single_claims_are_asked_for_remembered_and_told(case: &Case) {
    let provider = Provider::new(case);
    let user = provider.user();
    for format in ["opaque", "jwt"] {
        let client = provider.client(json!({"access_token_format": format}));
        let mut browser = provider.signed_in(&client, &user);
        let asked = asking(
            &provider,
            &client,
            &json!({
                "userinfo": {"email": null, "given_name": {"essential": true}, "updated_at": null, "unknown": null},
                "id_token": {"email": {"value": "x"}, "email_verified": null, "auth_time": {"essential": true}},
                "another_member": 1,
            }),
        );
        let silent = asked.clone().with("prompt", "none").target();
        assert_eq!(browser.open(&silent).answer().error(), Some("consent_required"));
        browser.open(&asked.target());
        let page = browser.page().text();
        assert!(page.contains("see your e-mail address") && page.contains("see your name"), "{page}");
        assert!(!page.contains("phone number"), "{page}");
        let answer = browser.submit(&[("decision", "deny")]).answer();
        assert_eq!(answer.error(), Some("access_denied"));
        let first = tokens(&provider, &mut browser, &client, &asked);
        assert_eq!(first["scope"], "openid");
        let refreshed = provider.refresh(&client, first["refresh_token"].as_str().expect("one"));
        for tokens in [&first, &refreshed.expect(200).json()] {
            let told = in_id_token(tokens);
            assert_eq!(names(&told), ["email", "email_verified"], "{format}");
            assert_eq!((&told["email"], &told["email_verified"]), (&json!(user.email), &json!(false)));
            let told = in_userinfo(&provider, tokens);
            assert_eq!(names(&told), ["email", "given_name"], "{format}");
            assert_eq!((&told["email"], &told["given_name"]), (&json!(user.email), &json!("Ada")));
        }
        // What was allowed is remembered, other claims are not.
        assert!(browser.open(&silent).answer().error().is_none());
        let more = asking(&provider, &client, &json!({"userinfo": {"phone_number": null}}));
        let more = more.with("prompt", "none").target();
        assert_eq!(browser.open(&more).answer().error(), Some("consent_required"));
        // Another request has its own claims.
        let plain = provider.ask(&client).with("scope", "openid");
        let plain = tokens(&provider, &mut browser, &client, &plain);
        assert!(names(&in_userinfo(&provider, &plain)).is_empty() && names(&in_id_token(&plain)).is_empty());
    }
}

fn single_claims_are_those_that_the_client_may_have(case: &Case) {
    let provider = Provider::new(case);
    let user = provider.user();
    let group = format!("crew-{}", unique());
    provider.command(&["group", "add", &group, "--json"]);
    provider.command(&["group", "grant", &group, &user.email, "--json"]);
    let all = json!({
        "email": null, "name": null, "phone_number": null, "groups": null, "roles": null, "username": null,
        "iss": {"value": "https://evil.example"}, "aud": null, "exp": null, "scope": null, "client_id": null,
    });
    let claims = json!({"userinfo": all, "id_token": all});
    for (scope, expected) in [
        ("openid", vec![]),
        ("openid email", vec!["email"]),
        ("openid groups", vec!["groups"]),
        ("openid profile roles", vec!["name", "roles"]),
    ] {
        for first_party in [true, false] {
            let client = provider.client(json!({"scope": scope, "first_party": first_party}));
            let mut browser = provider.signed_in(&client, &user);
            let tokens = tokens(&provider, &mut browser, &client, &asking(&provider, &client, &claims));
            let (userinfo, id_token) = (in_userinfo(&provider, &tokens), in_id_token(&tokens));
            assert_eq!(names(&userinfo), expected, "{scope}");
            assert_eq!(names(&id_token), expected, "{scope}");
            assert_eq!((&id_token["iss"], &id_token["aud"]), (&json!(provider.issuer()), &json!(client.id)));
            if scope == "openid groups" {
                assert_eq!(userinfo["groups"], json!([group]));
            }
        }
    }
    // They are OpenID Connect's, and of no meaning without.
    let client = provider.client(json!({"first_party": true}));
    let mut browser = provider.signed_in(&client, &user);
    let asked = asking(&provider, &client, &claims).with("scope", "profile");
    let tokens = tokens(&provider, &mut browser, &client, &asked);
    assert!(tokens.get("id_token").is_none());
    provider.userinfo(tokens["access_token"].as_str().expect("one")).expect(403);
}

fn a_demanded_subject_is_never_somebody_else(case: &Case) {
    let provider = Provider::new(case);
    let (first, second) = (provider.user(), provider.user());
    for kind in ["public", "pairwise"] {
        let client = provider.client(json!({"first_party": true, "subject_type": kind}));
        let subject = |user| {
            let mut browser = provider.signed_in(&client, user);
            in_id_token(&tokens(&provider, &mut browser, &client, &provider.ask(&client)))["sub"].clone()
        };
        let (own, other) = (subject(&first), subject(&second));
        let mut browser = provider.signed_in(&client, &first);
        for (member, demand, fits) in [
            ("id_token", json!({"value": own}), true),
            ("id_token", json!({"values": [other, own]}), true),
            ("id_token", json!({"essential": true}), true),
            ("id_token", json!({"value": other}), false),
            ("id_token", json!({"value": other, "essential": true}), false),
            ("id_token", json!({"values": [other]}), false),
            ("id_token", json!({"value": 7}), false),
            ("userinfo", json!({"value": own}), true),
            ("userinfo", json!({"value": other}), false),
        ] {
            let asked = asking(&provider, &client, &json!({member: {"sub": demand}}));
            let answer = browser.open(&asked.with("prompt", "none").target()).answer();
            let error = if fits { None } else { Some("login_required") };
            assert_eq!(answer.error(), error, "{kind} {member} {demand}");
        }
        // With a page they may become somebody else, and must.
        let asked = asking(&provider, &client, &json!({"id_token": {"sub": {"value": other}}}));
        assert!(browser.open(&asked.target()).asks_for_password(), "{browser}");
        let mut stubborn = browser.clone();
        assert_eq!(stubborn.sign_in(&first).answer().error(), Some("login_required"));
        assert!(!browser.sign_in(&second).answer().get("code").is_empty());
    }
}

fn a_demanded_class_of_sign_in_is_had_or_refused(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({"first_party": true}));
    let mut browser = provider.signed_in(&client, &provider.user());
    let (password, code) = ("urn:countersign:acr:password", "urn:countersign:acr:code");
    for (demand, error) in [
        (json!({"essential": true, "values": ["urn:mace:incommon:iap:silver", password]}), None),
        (json!({"essential": true, "value": password}), None),
        (json!({"essential": true}), None),
        (json!({"values": ["urn:mace:incommon:iap:silver"]}), None),
        (json!({"value": code}), None),
        (json!({"essential": true, "value": code}), Some("login_required")),
        (
            json!({"essential": true, "value": "urn:mace:incommon:iap:silver"}),
            Some("unmet_authentication_requirements"),
        ),
    ] {
        let asked = asking(&provider, &client, &json!({"id_token": {"acr": demand}})).with("prompt", "none");
        assert_eq!(browser.open(&asked.target()).answer().error(), error, "{demand}");
    }
    // A password would not do, and the form for one would come again and again.
    let asked = asking(&provider, &client, &json!({"id_token": {"acr": {"essential": true, "value": code}}}));
    browser.open(&asked.target());
    assert!(browser.page().text().contains("action=\"/sign-in/code\""), "{}", browser.page().text());
}

fn broken_claims_are_refused(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({}));
    let mut browser = provider.browser();
    for bad in [
        "{",
        "email",
        "[]",
        "null",
        r#"{"userinfo": ["email"]}"#,
        r#"{"userinfo": "email"}"#,
        r#"{"id_token": {"email": true}}"#,
        r#"{"id_token": {"email": "x"}}"#,
        r#"{"id_token": {"email": [true]}}"#,
        r#"{"id_token": []}"#,
        r#"{"id_token": {"email": {"essential": "true"}}}"#,
        r#"{"id_token": {"acr": {"values": "x"}}}"#,
    ] {
        let asked = provider.ask(&client).with("claims", bad);
        assert_eq!(browser.open(&asked.target()).answer().error(), Some("invalid_request"), "{bad}");
        expect_error(&provider.call(&client, "/oauth2/par", &asked.pairs()), "invalid_request");
    }
}
