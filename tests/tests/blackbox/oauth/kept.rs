//! What stays: no secret where it could be read, and what was done, whatever becomes of the process.

use std::time::Duration;

use countersign_testkit::{Engine, Postgres};
use serde_json::json;

use super::provider::Provider;
use crate::case::{Case, on_both_engines};
use crate::cross::secrets::{bytes_below, contains};

on_both_engines! {
    no_secret_of_oauth_is_stored_or_logged
    what_was_rotated_stays_rotated_after_a_crash
    no_answer_with_a_secret_is_cached
}

fn no_secret_of_oauth_is_stored_or_logged(case: &Case) {
    let mut case = case.with_config("[log]\nlevel = \"debug\"");
    let mut secrets = Vec::new();
    {
        let provider = Provider::new(&case);
        let (client, user) = (provider.client(json!({})), provider.user());
        let service = provider.service(json!({}));
        let mut browser = provider.browser();
        let granted = provider.grant_in(&mut browser, &provider.ask(&client), &user);
        let tokens = provider.redeem(&client, &granted).expect(200).json();
        let token = |key: &str| tokens[key].as_str().expect("a token").to_owned();
        let own = provider.token(&service, &[("grant_type", "client_credentials")]).expect(200);
        secrets.push(own.string("access_token"));
        // Also where nothing expects them.
        provider.call(&client, "/oauth2/introspect", &[("token", &token("access_token"))]).expect(200);
        let code = granted.code.as_str();
        case.get(&format!("/oauth2/authorize?code={code}&access_token={}", token("access_token")));
        provider.token(&client, &[("grant_type", code), ("code", code), ("refresh_token", code)]).expect(400);
        secrets.extend([client.secret.clone().expect("a secret"), granted.code.clone()]);
        secrets.extend(["access_token", "refresh_token", "id_token"].map(token));
        secrets.extend([user.password, granted.asked.verifier, granted.asked.state, granted.asked.nonce]);
        secrets.push(browser.cookies["__Host-countersign"].clone());
    }
    let mut stored = match case.engine() {
        Engine::Sqlite => Vec::new(),
        Engine::Postgres => Postgres::shared().dump(case.server().database_url()),
    };
    let status = case.server_mut().terminate(Duration::from_secs(60)).expect("the server ends at SIGTERM");
    assert!(status.success());
    stored.extend(bytes_below(&case.server().data_dir()));
    assert!(stored.len() > 10_000, "there is something to look at");
    let log = case.server().log();
    for secret in secrets {
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        // A nonce and a state are no secrets of ours; they stay in the facts of a grant at most.
        let is_stored = contains(&stored, secret.as_bytes()) || contains(&stored, hex.as_bytes());
        assert!(!is_stored || secret.starts_with("nonce-"), "{secret} is stored");
        assert!(!log.contains(&secret), "{secret} is in the log:\n{log}");
    }
}

/// CVE-2026-9802: after a restart a used refresh token was good again.
fn what_was_rotated_stays_rotated_after_a_crash(case: &Case) {
    let mut case = case.with_config("[sessions]\nreuse_grace = \"0s\"");
    let (client, user, tokens, spare, redeemed, next) = {
        let provider = Provider::new(&case);
        let (client, user) = (provider.client(json!({})), provider.user());
        let redeemed = provider.grant(&client, &user);
        let tokens = provider.redeem(&client, &redeemed).expect(200).json();
        let spare = provider.code_flow(&client, &user);
        let next = provider.refresh(&client, tokens["refresh_token"].as_str().unwrap()).expect(200).json();
        provider.revoke(&client, spare["access_token"].as_str().unwrap()).expect(200);
        (client, user, tokens, spare, redeemed, next)
    };
    case.server_mut().kill();
    case.server_mut().launch();
    let provider = Provider::new(&case);
    let text = |value: &serde_json::Value, key: &str| value[key].as_str().unwrap().to_owned();
    assert!(!provider.is_active(&client, &text(&spare, "access_token")), "revoked before the crash");
    assert!(provider.is_active(&client, &text(&next, "access_token")), "issued before the crash");
    let replayed = provider.refresh(&client, &text(&tokens, "refresh_token")).expect(400);
    assert_eq!(replayed.string("error"), "invalid_grant");
    assert!(!provider.is_active(&client, &text(&next, "refresh_token")), "two parties held it");
    assert_eq!(provider.redeem(&client, &redeemed).expect(400).string("error"), "invalid_grant");
    assert!(provider.code_flow(&client, &user)["access_token"].is_string());
}

fn no_answer_with_a_secret_is_cached(case: &Case) {
    let provider = Provider::new(case);
    let (client, user) = (provider.client(json!({})), provider.user());
    let mut browser = provider.browser();
    browser.open(&provider.ask(&client).target());
    assert_eq!(browser.page().header("cache-control"), Some("no-store"));
    let tokens = provider.redeem(&client, &provider.grant(&client, &user)).expect(200);
    let access = tokens.string("access_token");
    let answers = [
        tokens,
        provider.userinfo(&access),
        provider.call(&client, "/oauth2/introspect", &[("token", &access)]),
        provider.token(&client, &[("grant_type", "authorization_code"), ("code", "x")]),
    ];
    for answer in answers {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.text());
    }
}
