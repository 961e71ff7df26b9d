//! The authorization endpoint, pushed requests and signing out, as browsers and applications see them.

use countersign_testkit::http::urlencoded;
use serde_json::json;

use super::provider::{Asked, Provider, REDIRECT_URI, RegisteredClient};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    a_bad_client_or_redirect_is_shown_not_redirected
    pkce_is_demanded_and_only_s256
    repeated_parameters_are_refused
    scopes_that_the_client_may_not_have_are_left_out
    prompt_none_never_shows_a_page
    max_age_zero_signs_in_again
    a_flow_belongs_to_the_browser_that_began_it
    every_answer_names_its_issuer
    a_pushed_request_works_once_for_its_client
    get_alone_logs_nobody_out
    strangers_push_few_requests
}

fn a_bad_client_or_redirect_is_shown_not_redirected(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({}));
    let asked = provider.ask(&client);
    for bad in [
        asked.clone().with("client_id", "nobody"),
        asked.clone().without("client_id"),
        asked.clone().with("redirect_uri", "https://app.example.com/callback/"),
        asked.clone().with("redirect_uri", "https://evil.example/callback"),
        asked.clone().without("redirect_uri"),
    ] {
        let mut browser = provider.browser();
        browser.open(&bad.target());
        assert_eq!(browser.page().status, 400, "{bad:?}");
    }
    let mut browser = provider.browser();
    let wrong = asked.with("response_type", "token");
    assert_eq!(browser.open(&wrong.target()).answer().error(), Some("unsupported_response_type"));
}

fn pkce_is_demanded_and_only_s256(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({}));
    let asked = provider.ask(&client);
    let without = asked.clone().without("code_challenge");
    for bad in [
        without.clone(),
        without.without("code_challenge_method"),
        asked.clone().with("code_challenge_method", "plain"),
        asked.clone().without("code_challenge_method"),
        asked.with("code_challenge", "short"),
    ] {
        let mut browser = provider.browser();
        assert_eq!(browser.open(&bad.target()).answer().error(), Some("invalid_request"), "{bad:?}");
    }
}

fn repeated_parameters_are_refused(case: &Case) {
    let provider = Provider::new(case);
    let target = provider.ask(&provider.client(json!({}))).target();
    for pair in ["state=x", "client_id=x", "redirect_uri=x", "unknown=1&unknown=2"] {
        let mut browser = provider.browser();
        browser.open(&format!("{target}&{pair}"));
        assert_eq!(browser.page().status, 400, "{pair}");
    }
}

/// OpenID Connect Core section 3.1.2.1: nothing more is granted, and the token says what is.
fn scopes_that_the_client_may_not_have_are_left_out(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({"scope": "openid email"}));
    let user = provider.user();
    let asked = provider.ask(&client).with("scope", "openid profile unheard_of offline_access");
    let pushed = |asked: &Asked| {
        let uri = provider.call(&client, "/oauth2/par", &asked.pairs()).expect(201).string("request_uri");
        let pairs = [("client_id".to_owned(), client.id.clone()), ("request_uri".to_owned(), uri)];
        Asked { pairs: pairs.to_vec(), ..asked.clone() }
    };
    for asked in [asked.clone(), pushed(&asked)] {
        let granted = provider.grant_in(&mut provider.browser(), &asked, &user);
        let tokens = provider.redeem(&client, &granted).expect(200).json();
        assert_eq!(tokens["scope"], "openid");
        for token in ["access_token", "refresh_token"] {
            let told = provider.introspect(&client, tokens[token].as_str().expect("a token"));
            assert_eq!((&told["active"], &told["scope"]), (&json!(true), &json!("openid")), "{token}");
        }
    }
    let nothing = provider.ask(&client).with("scope", "profile unheard_of");
    assert_eq!(provider.browser().open(&nothing.target()).answer().error(), Some("invalid_scope"));
    let refused = provider.call(&client, "/oauth2/par", &nothing.pairs()).expect(400);
    assert_eq!(refused.string("error"), "invalid_scope");
}

fn prompt_none_never_shows_a_page(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({}));
    let user = provider.user();
    let silent = provider.ask(&client).with("prompt", "none");
    let error_of = |browser: &mut super::browser::Browser, asked: &Asked| {
        browser.open(&asked.target()).answer().error().map(str::to_owned)
    };
    assert_eq!(error_of(&mut provider.browser(), &silent).as_deref(), Some("login_required"));
    let mut browser = provider.signed_in(&client, &user);
    assert_eq!(error_of(&mut browser, &silent).as_deref(), Some("consent_required"));
    browser.open(&provider.ask(&client).target()).allow();
    assert_eq!(error_of(&mut browser, &silent), None);
    let old = silent.clone().with("max_age", "0");
    assert_eq!(error_of(&mut browser, &old).as_deref(), Some("login_required"));
    let both = silent.with("prompt", "none login");
    assert_eq!(error_of(&mut browser, &both).as_deref(), Some("invalid_request"));
}

fn max_age_zero_signs_in_again(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({"first_party": true}));
    let user = provider.user();
    let mut browser = provider.signed_in(&client, &user);
    for again in [("max_age", "0"), ("prompt", "login")] {
        browser.open(&provider.ask(&client).with(again.0, again.1).target());
        assert!(browser.asks_for_password(), "{again:?}: {browser}");
        assert!(!browser.sign_in(&user).answer().get("code").is_empty());
    }
}

fn a_flow_belongs_to_the_browser_that_began_it(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({}));
    let mut browser = provider.browser();
    browser.open(&provider.ask(&client).target());
    let form = browser.form_with(&[("password", "")]);
    let flow = form.fields.iter().find(|(name, _)| name == "flow").expect("a flow").1.clone();
    let mut other = provider.signed_in(&client, &provider.user());
    other.open(&format!("/oauth2/continue?flow={flow}"));
    assert_eq!(other.page().status, 403, "{other}");
}

fn every_answer_names_its_issuer(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({"first_party": true}));
    let mut browser = provider.signed_in(&client, &provider.user());
    for mode in ["query", "fragment", "form_post"] {
        for scope in ["openid", "unregistered"] {
            let asked = provider.ask(&client).with("response_mode", mode).with("scope", scope);
            let answer = browser.open(&asked.target()).answer();
            assert_eq!(answer.get("iss"), provider.issuer(), "{mode} {scope}");
            assert_eq!(answer.get("state"), asked.state, "{mode} {scope}");
            assert_eq!(answer.url, REDIRECT_URI, "{mode} {scope}");
        }
    }
}

fn a_pushed_request_works_once_for_its_client(case: &Case) {
    let provider = Provider::new(case);
    let demands = json!({"require_pushed_authorization_requests": true, "first_party": true});
    let client = provider.client(demands);
    let other = provider.client(json!({}));
    let asked = provider.ask(&client);
    let mut browser = provider.browser();
    assert_eq!(browser.open(&asked.target()).answer().error(), Some("invalid_request"));
    let push = || {
        let secret = client.secret.as_deref().expect("a secret");
        let mut form = asked.pairs();
        form.retain(|(name, _)| *name != "client_id");
        let basic = super::provider::basic(&client.id, secret);
        let body = urlencoded(&form);
        let request = case.http().request("POST", "/oauth2/par").header("Authorization", &basic);
        let answer = request.body("application/x-www-form-urlencoded", body).send().expect(201).json();
        answer["request_uri"].as_str().expect("a request_uri").to_owned()
    };
    let of = |id: &str, uri: &str| {
        format!("/oauth2/authorize?{}", urlencoded(&[("client_id", id), ("request_uri", uri)]))
    };
    let uri = push();
    assert_eq!(provider.browser().open(&of(&other.id, &uri)).page().status, 400);
    let user = provider.user();
    browser.open(&of(&client.id, &uri)).sign_in(&user);
    assert!(!browser.answer().get("code").is_empty());
    assert_eq!(browser.open(&of(&client.id, &uri)).page().status, 400);
}

fn get_alone_logs_nobody_out(case: &Case) {
    let provider = Provider::new(case);
    let there = "https://app.example.com/bye";
    let client = provider.client(json!({"first_party": true, "post_logout_redirect_uris": [there]}));
    let mut browser = provider.signed_in(&client, &provider.user());
    let silent = provider.ask(&client).with("prompt", "none");
    let wish = [("client_id", client.id.as_str()), ("post_logout_redirect_uri", there), ("state", "s")];
    browser.open_with("/oauth2/logout", &wish);
    let mut other = browser.clone();
    assert!(!other.open(&silent.target()).answer().get("code").is_empty());
    // The form of another page, or of nobody, signs nobody out either.
    other.post("/oauth2/logout", &[("decision", "sign_out"), ("csrf", "AAAA"), ("flow", "{}")]);
    assert_eq!(other.page().status, 403);
    browser.submit(&[("decision", "sign_out")]);
    assert_eq!(browser.away(), Some("https://app.example.com/bye?state=s"));
    assert_eq!(other.open(&silent.target()).answer().error(), Some("login_required"));
    browser.open_with(
        "/oauth2/logout",
        &[("client_id", client.id.as_str()), ("post_logout_redirect_uri", REDIRECT_URI)],
    );
    assert_eq!(browser.page().status, 400);
}

/// In the name of a client without a secret anybody may push, and each request is kept for a while.
fn strangers_push_few_requests(case: &Case) {
    let settings = "[limits]\nregistrations_per_source_burst = 2\nregistrations_per_source_interval = \"1h\"";
    let case = case.with_config(settings);
    let provider = Provider::new(&case);
    let (public, known) = (provider.public_client(), provider.client(json!({})));
    let http = case.http();
    let push = |client: &RegisteredClient| {
        let asked = provider.ask(client);
        let request = http.post("/oauth2/par");
        let request = match client.secret.as_deref() {
            Some(secret) => request.header("Authorization", &super::provider::basic(&client.id, secret)),
            None => request,
        };
        request.body("application/x-www-form-urlencoded", urlencoded(&asked.pairs())).send().status
    };
    assert_eq!([(); 3].map(|()| push(&public)), [201, 201, 429]);
    assert_eq!([(); 4].map(|()| push(&known)), [201; 4], "who shows a secret is no stranger");
}
