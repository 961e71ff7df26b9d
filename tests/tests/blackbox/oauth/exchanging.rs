//! Tokens for other tokens (RFC 8693), and tokens for devices (RFC 8628).

use std::time::Duration;

use countersign_testkit::Response;
use serde_json::{Value, json};

use super::codes::expect_error;
use super::provider::{Granted, Provider, RegisteredClient, User};
use crate::case::{Case, at_once, on_both_engines};

on_both_engines! {
    an_exchanged_token_dies_with_its_subject
    only_whom_a_token_is_for_exchanges_it
    an_actor_is_named
    a_service_acts_by_its_own_token
    an_exchanged_token_is_for_no_more_than_its_subject
    who_exchanges_often_ends_nothing_of_others
    a_device_gets_tokens_once_when_somebody_allows_it
    a_device_that_is_refused_or_late_gets_nothing
}

pub(super) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(super) const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID: &str = "urn:ietf:params:oauth:token-type:id_token";
pub(super) const API: &str = "https://api.example.com";
const BACKEND: &str = "https://backend.example.com";

pub(super) fn exchange(
    provider: &Provider<'_>,
    client: &RegisteredClient,
    token: &str,
    more: &[(&str, &str)],
) -> Response {
    let mut pairs = vec![("grant_type", EXCHANGE), ("subject_token", token)];
    if !more.iter().any(|(name, _)| *name == "subject_token_type") {
        pairs.push(("subject_token_type", ACCESS));
    }
    pairs.extend(more);
    provider.token(client, &pairs)
}

/// R072: a client's grants give way to its own, and to those that hang on another one nothing does.
fn who_exchanges_often_ends_nothing_of_others(case: &Case) {
    let case = &case.with_config("[limits]\nsessions_per_account = 2");
    let provider = Provider::new(case);
    let (api, user) = (api(&provider), provider.user());
    let client = provider.client(json!({"audience": [API]}));
    let asked = provider.ask(&client).with("resource", API);
    let granted = provider.grant_in(&mut provider.browser(), &asked, &user);
    let tokens = provider.redeem(&client, &granted).expect(200).json();
    let access = text(&tokens, "access_token");
    let wanted = [("audience", BACKEND), ("scope", "email")];
    let others: Vec<Value> =
        (0..4).map(|_| exchange(&provider, &api, access, &wanted).expect(200).json()).collect();
    assert!(others.iter().all(|other| provider.is_active(&api, text(other, "access_token"))));
    let another = provider.client(json!({}));
    for _ in 0..3 {
        provider.code_flow(&another, &user);
    }
    assert!(provider.is_active(&client, access), "another client's grants ended this one's");
    provider.refresh(&client, text(&tokens, "refresh_token")).expect(200);
}

/// An API that exchanges what it gets for what its backend takes.
fn api(provider: &Provider<'_>) -> RegisteredClient {
    provider.service(json!({"grant_types": [EXCHANGE], "audience": [API, BACKEND], "scope": "openid email"}))
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}"))
}

fn an_exchanged_token_dies_with_its_subject(case: &Case) {
    let provider = Provider::new(case);
    let api = api(&provider);
    for format in ["opaque", "jwt"] {
        let client = provider.client(json!({"audience": [API], "access_token_format": format}));
        let asked = provider.ask(&client).with("resource", API);
        let granted = provider.grant_in(&mut provider.browser(), &asked, &provider.user());
        let tokens = provider.redeem(&client, &granted).expect(200).json();
        let wanted = [("audience", BACKEND), ("scope", "email")];
        let other = exchange(&provider, &api, text(&tokens, "access_token"), &wanted).expect(200).json();
        assert_eq!((&other["issued_token_type"], &other["scope"]), (&json!(ACCESS), &json!("email")));
        assert!(other["refresh_token"].is_null() && other["id_token"].is_null(), "{other}");
        let told = provider.introspect(&api, text(&other, "access_token"));
        assert_eq!((&told["active"], &told["client_id"]), (&json!(true), &json!(api.id)), "{told}");
        let own = provider.introspect(&client, text(&tokens, "access_token"));
        assert_eq!(told["sub"], own["sub"]);
        // What is exchanged can be exchanged on, and all of it ends with the first.
        let third = exchange(&provider, &api, text(&other, "access_token"), &[]).expect(200).json();
        assert!(provider.is_active(&api, text(&third, "access_token")));
        provider.revoke(&client, text(&tokens, "refresh_token")).expect(200);
        for ended in [&other, &third] {
            assert!(!provider.is_active(&api, text(ended, "access_token")), "{format}");
        }
        expect_error(&exchange(&provider, &api, text(&tokens, "access_token"), &[]), "invalid_request");
        expect_error(&exchange(&provider, &api, text(&other, "access_token"), &[]), "invalid_request");
    }
}

fn only_whom_a_token_is_for_exchanges_it(case: &Case) {
    let provider = Provider::new(case);
    let api = api(&provider);
    let client = provider.client(json!({"audience": [API]}));
    let tokens = provider.code_flow(&client, &provider.user());
    let access = text(&tokens, "access_token");
    // It is not for the API.
    expect_error(&exchange(&provider, &api, access, &[]), "invalid_request");
    expect_error(&exchange(&provider, &client, access, &[]), "unauthorized_client");
    let own = provider.client(json!({
        "grant_types": ["authorization_code", "refresh_token", EXCHANGE], "audience": [BACKEND],
    }));
    let tokens = provider.code_flow(&own, &provider.user());
    let access = text(&tokens, "access_token");
    expect_error(&exchange(&provider, &own, access, &[("scope", "admin")]), "invalid_scope");
    expect_error(&exchange(&provider, &own, access, &[("audience", API)]), "invalid_target");
    expect_error(&exchange(&provider, &own, access, &[("requested_token_type", ID)]), "invalid_request");
    expect_error(&exchange(&provider, &own, text(&tokens, "refresh_token"), &[]), "invalid_request");
    let saml = [("subject_token_type", "urn:ietf:params:oauth:token-type:saml2")];
    expect_error(&exchange(&provider, &own, access, &saml), "invalid_request");
    // Neither kind passes for the other.
    let id_token = text(&tokens, "id_token");
    expect_error(&exchange(&provider, &own, id_token, &[]), "invalid_request");
    expect_error(&exchange(&provider, &own, access, &[("subject_token_type", ID)]), "invalid_request");
    let by_id = [("subject_token_type", ID), ("scope", "openid"), ("audience", BACKEND)];
    let given = exchange(&provider, &own, id_token, &by_id).expect(200).json();
    assert_eq!(provider.introspect(&own, text(&given, "access_token"))["aud"], BACKEND);
    let service =
        provider.service(json!({"grant_types": ["client_credentials", EXCHANGE], "audience": [API]}));
    let nobodys = provider.token(&service, &[("grant_type", "client_credentials")]).expect(200).json();
    expect_error(&exchange(&provider, &service, text(&nobodys, "access_token"), &[]), "invalid_request");
}

fn an_actor_is_named(case: &Case) {
    let provider = Provider::new(case);
    let own = provider.client(json!({"grant_types": ["authorization_code", "refresh_token", EXCHANGE]}));
    let (subject, actor) =
        (provider.code_flow(&own, &provider.user()), provider.code_flow(&own, &provider.user()));
    let (access, acting) = (text(&subject, "access_token"), text(&actor, "access_token"));
    let by = [("actor_token", acting), ("actor_token_type", ACCESS)];
    let given = exchange(&provider, &own, access, &by).expect(200).json();
    let told = provider.introspect(&own, text(&given, "access_token"));
    assert_eq!(told["act"]["sub"], provider.introspect(&own, acting)["sub"]);
    assert_eq!(told["sub"], provider.introspect(&own, access)["sub"]);
    expect_error(&exchange(&provider, &own, access, &by[..1]), "invalid_request");
    provider.revoke(&own, acting).expect(200);
    expect_error(&exchange(&provider, &own, access, &by), "invalid_request");
}

/// RFC 8693 section 4.1: a service need not be a person, and who acted before it stays named.
fn a_service_acts_by_its_own_token(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({"audience": [API]}));
    let asked = provider.ask(&client).with("resource", API);
    let granted = provider.grant_in(&mut provider.browser(), &asked, &provider.user());
    let tokens = provider.redeem(&client, &granted).expect(200).json();
    for format in ["opaque", "jwt"] {
        let service = |audience: Value| {
            provider.service(json!({
                "grant_types": ["client_credentials", EXCHANGE], "audience": audience,
                "scope": "openid email", "access_token_format": format,
            }))
        };
        let (api, backend) = (service(json!([API, BACKEND])), service(json!([BACKEND])));
        let own = |client: &RegisteredClient| {
            let own = provider.token(client, &[("grant_type", "client_credentials")]).expect(200);
            own.string("access_token")
        };
        let (first, second) = (own(&api), own(&backend));
        let by = |token: &str, kind: &str| -> Vec<(String, String)> {
            let pairs = [("actor_token", token), ("actor_token_type", kind), ("audience", BACKEND)];
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
        };
        let act = |client: &RegisteredClient, subject: &str, actor: &[(String, String)]| {
            let pairs: Vec<_> = actor.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            exchange(&provider, client, subject, &pairs)
        };
        let access = text(&tokens, "access_token");
        let given = act(&api, access, &by(&first, ACCESS)).expect(200).string("access_token");
        let told = provider.introspect(&backend, &given);
        assert_eq!(told["act"], json!({"sub": api.id, "client_id": api.id}), "{format}");
        assert_ne!(told["sub"], json!(api.id));
        let next = act(&backend, &given, &by(&second, ACCESS)).expect(200).string("access_token");
        let told = provider.introspect(&backend, &next);
        let chain = json!({"sub": backend.id, "client_id": backend.id,
            "act": {"sub": api.id, "client_id": api.id}});
        assert_eq!(told["act"], chain, "{format}");
        // Another service's token says nothing of who asks, and it is of the kind that it is.
        expect_error(&act(&api, access, &by(&second, ACCESS)), "invalid_request");
        expect_error(&act(&api, access, &by(&first, ID)), "invalid_request");
        provider.revoke(&api, &first).expect(200);
        expect_error(&act(&api, access, &by(&first, ACCESS)), "invalid_request");
    }
}

/// Without `audience` and `resource` it is for whom its subject is for.
fn an_exchanged_token_is_for_no_more_than_its_subject(case: &Case) {
    let provider = Provider::new(case);
    for format in ["opaque", "jwt"] {
        let own = provider.client(json!({
            "grant_types": ["authorization_code", "refresh_token", EXCHANGE],
            "audience": [API, BACKEND], "access_token_format": format,
        }));
        let user = provider.user();
        let asked = provider.ask(&own).with("resource", API);
        let granted = provider.grant_in(&mut provider.browser(), &asked, &user);
        let tokens = provider.redeem(&own, &granted).expect(200).json();
        let aud = |subject: &str, more: &[(&str, &str)]| {
            let given = exchange(&provider, &own, subject, more).expect(200).json();
            provider.introspect(&own, text(&given, "access_token"))["aud"].clone()
        };
        assert_eq!(aud(text(&tokens, "access_token"), &[]), API, "{format}");
        assert_eq!(aud(text(&tokens, "id_token"), &[("subject_token_type", ID)]), API, "{format}");
        assert_eq!(aud(text(&tokens, "access_token"), &[("audience", BACKEND)]), BACKEND, "{format}");
        let tokens = provider.code_flow(&own, &user);
        assert_eq!(aud(text(&tokens, "access_token"), &[]), provider.issuer(), "{format}");
        // What the client may not have of it is left out.
        let both = api(&provider);
        let other = provider.service(json!({
            "grant_types": [EXCHANGE], "audience": [BACKEND], "scope": "openid email",
            "access_token_format": format,
        }));
        let tokens = provider.redeem(&own, &granted_for_both(&provider, &own, &user)).expect(200).json();
        let access = text(&tokens, "access_token");
        for (client, expected) in [(&both, json!([API, BACKEND])), (&other, json!(BACKEND))] {
            let given = exchange(&provider, client, access, &[]).expect(200).json();
            let told = provider.introspect(client, text(&given, "access_token"));
            assert_eq!(told["aud"], expected, "{format}");
        }
    }
}

/// A code for the API and its backend.
fn granted_for_both(provider: &Provider<'_>, client: &RegisteredClient, user: &User) -> Granted {
    let mut asked = provider.ask(client).with("resource", API);
    asked.pairs.push(("resource".to_owned(), BACKEND.to_owned()));
    provider.grant_in(&mut provider.browser(), &asked, user)
}

/// A device and its client.
fn device(provider: &Provider<'_>) -> RegisteredClient {
    provider.client(json!({
        "grant_types": [DEVICE, "refresh_token"], "redirect_uris": [], "response_types": [],
        "token_endpoint_auth_method": "none",
    }))
}

fn poll(provider: &Provider<'_>, client: &RegisteredClient, code: &str) -> Response {
    provider.token(client, &[("grant_type", DEVICE), ("device_code", code)])
}

fn decide(provider: &Provider<'_>, started: &Value, decision: &str) {
    let user = provider.user();
    let mut browser = provider.browser();
    browser.open(&format!("/device?user_code={}", text(started, "user_code")));
    browser.submit(&[("user_code", text(started, "user_code"))]).sign_in(&user);
    if !browser.has_form(&[("decision", decision)]) {
        browser.submit(&[("user_code", text(started, "user_code"))]);
    }
    browser.submit(&[("decision", decision)]);
    assert_eq!(browser.page().status, 200, "{browser}");
}

fn a_device_gets_tokens_once_when_somebody_allows_it(case: &Case) {
    let mut case = case.with_clock();
    let (client, started) = {
        let provider = Provider::new(&case);
        let client = device(&provider);
        let asked = [("scope", "openid email")];
        let started = provider.call(&client, "/oauth2/device_authorization", &asked).expect(200).json();
        expect_error(&poll(&provider, &client, text(&started, "device_code")), "authorization_pending");
        // At once again is too early, and another client's poll counts for nothing.
        expect_error(&poll(&provider, &client, text(&started, "device_code")), "slow_down");
        expect_error(&poll(&provider, &device(&provider), text(&started, "device_code")), "invalid_grant");
        (client, started)
    };
    case.server_mut().advance(Duration::from_secs(11));
    let provider = Provider::new(&case);
    expect_error(&poll(&provider, &client, text(&started, "device_code")), "authorization_pending");
    decide(&provider, &started, "allow");
    let answers = at_once(20, |_| poll(&provider, &client, text(&started, "device_code")));
    let got: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(got.len(), 1);
    let tokens = got[0].json();
    assert_eq!(tokens["scope"], "email openid");
    provider.userinfo(text(&tokens, "access_token")).expect(200);
    provider.refresh(&client, text(&tokens, "refresh_token")).expect(200);
    expect_error(&poll(&provider, &client, text(&started, "device_code")), "invalid_grant");
}

fn a_device_that_is_refused_or_late_gets_nothing(case: &Case) {
    let mut case = case.with_clock();
    let (client, started) = {
        let provider = Provider::new(&case);
        let client = device(&provider);
        let start = || provider.call(&client, "/oauth2/device_authorization", &[]).expect(200).json();
        let refused = start();
        decide(&provider, &refused, "deny");
        expect_error(&poll(&provider, &client, text(&refused, "device_code")), "access_denied");
        let started = start();
        (client, started)
    };
    case.server_mut().advance(Duration::from_secs(601));
    let provider = Provider::new(&case);
    let late = poll(&provider, &client, text(&started, "device_code"));
    assert!(matches!(text(&late.json(), "error"), "expired_token" | "invalid_grant"), "{}", late.text());
    expect_error(&poll(&provider, &client, "cs_dc_unknown"), "invalid_grant");
}
