//! Codes at the token endpoint.

use std::time::Duration;

use countersign_testkit::Response;
use serde_json::json;

use super::provider::{Provider, RegisteredClient};
use crate::case::{Case, on_both_engines, racing};

on_both_engines! {
    a_code_gives_tokens_once
    a_reused_code_ends_its_tokens
    a_code_that_is_old_gives_nothing
    a_code_belongs_to_its_client_redirect_and_verifier
    a_verifier_without_a_challenge_is_refused
    fifty_redeem_one_code_and_one_gets_it
    there_is_no_password_grant
}

/// How often a race is run: more by `COUNTERSIGN_RACE_ROUNDS`.
pub fn rounds() -> usize {
    std::env::var("COUNTERSIGN_RACE_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1000)
}

/// An answer of RFC 6749 section 5.2.
#[track_caller]
pub fn expect_error(response: &Response, code: &str) {
    let body = response.text();
    assert!(matches!(response.status, 400 | 401), "{} {body}", response.status);
    assert_eq!(response.json()["error"], code, "{body}");
    assert_eq!(response.header("cache-control"), Some("no-store"));
}

fn a_code_gives_tokens_once(case: &Case) {
    let provider = Provider::new(case);
    for client in [provider.client(json!({})), provider.public_client()] {
        let granted = provider.grant(&client, &provider.user());
        let first = provider.redeem(&client, &granted).expect(200);
        assert_eq!(first.header("cache-control"), Some("no-store"));
        let tokens = first.json();
        assert_eq!(tokens["token_type"], "Bearer");
        assert_eq!(tokens["expires_in"], 300);
        assert_eq!(tokens["scope"], "email groups offline_access openid phone profile roles");
        for (name, mark) in [("access_token", "cs_at_"), ("refresh_token", "cs_rt_")] {
            assert!(tokens[name].as_str().is_some_and(|token| token.starts_with(mark)), "{tokens}");
        }
        expect_error(&provider.redeem(&client, &granted), "invalid_grant");
    }
}

fn a_reused_code_ends_its_tokens(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({}));
    let user = provider.user();
    for scope in ["openid", "openid offline_access"] {
        let asked = provider.ask(&client).with("scope", scope);
        let granted = provider.grant_in(&mut provider.browser(), &asked, &user);
        let tokens = provider.redeem(&client, &granted).expect(200).json();
        let access = tokens["access_token"].as_str().expect("an access token");
        let refresh = tokens["refresh_token"].as_str().expect("a refresh token");
        assert!(provider.is_active(&client, access));
        // A stranger who has the code alone ends nothing.
        let stranger = provider.public_client();
        expect_error(&provider.redeem(&stranger, &granted), "invalid_grant");
        assert!(provider.is_active(&client, access));
        expect_error(&provider.redeem(&client, &granted), "invalid_grant");
        assert!(!provider.is_active(&client, access));
        expect_error(&provider.refresh(&client, refresh), "invalid_grant");
    }
}

fn a_code_that_is_old_gives_nothing(case: &Case) {
    let mut case = case.with_clock();
    let (client, granted) = {
        let provider = Provider::new(&case);
        let client = provider.client(json!({}));
        let granted = provider.grant(&client, &provider.user());
        (client, granted)
    };
    case.server_mut().advance(Duration::from_secs(61));
    expect_error(&Provider::new(&case).redeem(&client, &granted), "invalid_grant");
}

/// All that is not exactly right is refused, and uses nothing up.
fn a_code_belongs_to_its_client_redirect_and_verifier(case: &Case) {
    let provider = Provider::new(case);
    let two = json!({"redirect_uris": ["https://app.example.com/callback", "https://app.example.com/other"]});
    let (client, other) = (provider.client(two.clone()), provider.client(two));
    let granted = provider.grant(&client, &provider.user());
    let redirects = [Some("https://app.example.com/callback"), Some("https://app.example.com/other"), None];
    let wrong = "another-verifier-0123456789-abcdefghijklmnopqrstuvwxyz";
    let verifiers = [Some(granted.asked.verifier.as_str()), Some(wrong), Some(""), None];
    let attempt = |client: &RegisteredClient, redirect: Option<&str>, verifier: Option<&str>| {
        let mut pairs = vec![("grant_type", "authorization_code"), ("code", granted.code.as_str())];
        pairs.extend(redirect.map(|value| ("redirect_uri", value)));
        pairs.extend(verifier.map(|value| ("code_verifier", value)));
        provider.token(client, &pairs)
    };
    for (is_right, client) in [(false, &other), (true, &client)] {
        for (at, redirect) in redirects.iter().enumerate() {
            for (place, verifier) in verifiers.iter().enumerate() {
                if !(is_right && at == 0 && place == 0) {
                    expect_error(&attempt(client, *redirect, *verifier), "invalid_grant");
                }
            }
        }
    }
    attempt(&client, redirects[0], verifiers[0]).expect(200);
}

fn a_verifier_without_a_challenge_is_refused(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({"require_pkce": false}));
    let asked = provider.ask(&client).without("code_challenge").without("code_challenge_method");
    let granted = provider.grant_in(&mut provider.browser(), &asked, &provider.user());
    expect_error(&provider.redeem(&client, &granted), "invalid_grant");
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", granted.code.as_str()),
        ("redirect_uri", &client.redirect_uri),
    ];
    provider.token(&client, &pairs).expect(200);
}

fn fifty_redeem_one_code_and_one_gets_it(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({}));
    let user = provider.user();
    let mut browser = provider.signed_in(&client, &user);
    racing(case, 50, |race| {
        for round in 0..rounds() {
            let granted = provider.grant_in(&mut browser, &provider.ask(&client), &user);
            let answers = race(&provider.redemption(&client, &granted));
            // Fifty had it: whoever got the tokens is not to be trusted (RFC 6749 section 10.5).
            let access = the_one(&answers, round).string("access_token");
            assert!(!provider.is_active(&client, &access), "round {round}");
        }
    });
}

/// The one answer with tokens; all others are refusals, or on a busy machine no answer for want of a database
/// connection (R153).
#[track_caller]
pub fn the_one(answers: &[Response], round: usize) -> &Response {
    let (got, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(got.len(), 1, "round {round}");
    for answer in refused.iter().filter(|answer| answer.status != 503) {
        expect_error(answer, "invalid_grant");
    }
    assert!(refused.iter().any(|answer| answer.status != 503), "round {round}");
    got[0]
}

fn there_is_no_password_grant(case: &Case) {
    let provider = Provider::new(case);
    let user = provider.user();
    let clients = [provider.client(json!({})), provider.public_client(), provider.service(json!({}))];
    for client in clients {
        let pairs = [
            ("grant_type", "password"),
            ("username", user.email.as_str()),
            ("password", &user.password),
            ("scope", "openid"),
        ];
        expect_error(&provider.token(&client, &pairs), "unsupported_grant_type");
    }
}
