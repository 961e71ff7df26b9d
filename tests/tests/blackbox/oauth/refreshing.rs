//! Refresh tokens at the token endpoint.

use std::time::Duration;

use serde_json::{Value, json};

use super::codes::{expect_error, rounds, the_one};
use super::provider::{Provider, RegisteredClient, User};
use crate::case::{Case, on_both_engines, racing};

on_both_engines! {
    a_refresh_gives_another_pair
    a_refresh_token_belongs_to_its_client
    a_used_refresh_token_that_comes_back_late_ends_the_family
    a_grant_ends_with_the_browsers_session_unless_it_is_offline
    fifty_refresh_one_token_and_one_family_goes_on
    refresh_notices_suspension_consent_and_groups
    scope_never_grows
}

#[track_caller]
fn refresh_of(tokens: &Value) -> &str {
    tokens["refresh_token"].as_str().unwrap_or_else(|| panic!("no refresh token in {tokens}"))
}

fn a_refresh_gives_another_pair(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({}));
    let first = provider.code_flow(&client, &provider.user());
    let second = provider.refresh(&client, refresh_of(&first)).expect(200).json();
    for name in ["access_token", "refresh_token", "id_token"] {
        assert_ne!(first[name], second[name], "{name}");
    }
    let (_, before) = super::provider::decoded(first["id_token"].as_str().expect("an ID token"));
    let (_, after) = super::provider::decoded(second["id_token"].as_str().expect("an ID token"));
    for name in ["iss", "sub", "aud", "auth_time", "sid"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    assert!(before["nonce"].is_string() && after["nonce"].is_null(), "{after}");
    // At once again: refused, and the family goes on.
    expect_error(&provider.refresh(&client, refresh_of(&first)), "invalid_grant");
    provider.refresh(&client, refresh_of(&second)).expect(200);
}

fn a_refresh_token_belongs_to_its_client(case: &Case) {
    let provider = Provider::new(case);
    let (client, other) = (provider.client(json!({})), provider.client(json!({})));
    let tokens = provider.code_flow(&client, &provider.user());
    expect_error(&provider.refresh(&other, refresh_of(&tokens)), "invalid_grant");
    // An access token is no refresh token.
    let access = tokens["access_token"].as_str().expect("an access token");
    expect_error(&provider.refresh(&client, access), "invalid_grant");
    let next = provider.refresh(&client, refresh_of(&tokens)).expect(200).json();
    // The used one of another client ends nothing.
    expect_error(&provider.refresh(&other, refresh_of(&tokens)), "invalid_grant");
    provider.refresh(&client, refresh_of(&next)).expect(200);
    let without = provider.client(json!({"grant_types": ["authorization_code"]}));
    let tokens = provider.code_flow(&without, &provider.user());
    assert!(tokens["refresh_token"].is_null(), "{tokens}");
    expect_error(&provider.refresh(&without, refresh_of(&next)), "unauthorized_client");
}

fn a_used_refresh_token_that_comes_back_late_ends_the_family(case: &Case) {
    let mut case = case.with_clock();
    let (client, first, second) = {
        let provider = Provider::new(&case);
        let client = provider.client(json!({}));
        let first = provider.code_flow(&client, &provider.user());
        let second = provider.refresh(&client, refresh_of(&first)).expect(200).json();
        (client, first, second)
    };
    case.server_mut().advance(Duration::from_secs(11));
    let provider = Provider::new(&case);
    let access = second["access_token"].as_str().expect("an access token");
    assert!(provider.is_active(&client, access));
    expect_error(&provider.refresh(&client, refresh_of(&first)), "invalid_grant");
    expect_error(&provider.refresh(&client, refresh_of(&second)), "invalid_grant");
    assert!(!provider.is_active(&client, access));
}

fn a_grant_ends_with_the_browsers_session_unless_it_is_offline(case: &Case) {
    let mut case = case.with_clock();
    let (client, user) = {
        let provider = Provider::new(&case);
        (provider.client(json!({})), provider.user())
    };
    let begin = |case: &Case, scope: &str| {
        let provider = Provider::new(case);
        let asked = provider.ask(&client).with("scope", scope);
        let granted = provider.grant_in(&mut provider.browser(), &asked, &user);
        provider.redeem(&client, &granted).expect(200).json()
    };
    let (online, offline) = (begin(&case, "openid"), begin(&case, "openid offline_access"));
    let unused = begin(&case, "openid");
    // A browser that is not used is signed out after 14 days, and after 30 anyway. A refresh is a use.
    case.server_mut().advance(Duration::from_secs(13 * 86_400));
    let provider = Provider::new(&case);
    let online = provider.refresh(&client, refresh_of(&online)).expect(200).json();
    let offline = provider.refresh(&client, refresh_of(&offline)).expect(200).json();
    case.server_mut().advance(Duration::from_secs(13 * 86_400));
    let provider = Provider::new(&case);
    expect_error(&provider.refresh(&client, refresh_of(&unused)), "invalid_grant");
    let online = provider.refresh(&client, refresh_of(&online)).expect(200).json();
    let offline = provider.refresh(&client, refresh_of(&offline)).expect(200).json();
    case.server_mut().advance(Duration::from_secs(5 * 86_400));
    let provider = Provider::new(&case);
    expect_error(&provider.refresh(&client, refresh_of(&online)), "invalid_grant");
    provider.refresh(&client, refresh_of(&offline)).expect(200);
    // Each refresh takes it on.
    let mut offline =
        provider.refresh(&client, refresh_of(&begin(&case, "openid offline_access"))).expect(200).json();
    for _ in 0..3 {
        case.server_mut().advance(Duration::from_secs(25 * 86_400));
        offline = Provider::new(&case).refresh(&client, refresh_of(&offline)).expect(200).json();
    }
}

fn fifty_refresh_one_token_and_one_family_goes_on(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({}));
    let mut tokens = provider.code_flow(&client, &provider.user());
    racing(case, 50, |race| {
        for round in 0..rounds() {
            let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh_of(&tokens))];
            tokens = the_one(&race(&provider.request(&client, "/oauth2/token", &pairs)), round).json();
        }
    });
    provider.refresh(&client, refresh_of(&tokens)).expect(200);
}

fn refresh_notices_suspension_consent_and_groups(case: &Case) {
    let provider = Provider::new(case);
    let command = |arguments: &[&str]| {
        let output = case.server().command(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let begin = |client: &RegisteredClient| -> (User, Value) {
        let user = provider.user();
        let tokens = provider.code_flow(client, &user);
        (user, provider.refresh(client, refresh_of(&tokens)).expect(200).json())
    };
    let client = provider.client(json!({}));
    let (user, tokens) = begin(&client);
    command(&["account", "suspend", &user.email]);
    expect_error(&provider.refresh(&client, refresh_of(&tokens)), "invalid_grant");
    let (_, tokens) = begin(&client);
    command(&["client", "suspend", &client.id]);
    expect_error(&provider.refresh(&client, refresh_of(&tokens)), "invalid_client");

    let client = provider.client(json!({}));
    let user = provider.user();
    let mut browser = provider.browser();
    let first = provider.grant_in(&mut browser, &provider.ask(&client), &user);
    let tokens = provider.redeem(&client, &first).expect(200).json();
    let not_redeemed = provider.grant_in(&mut browser, &provider.ask(&client), &user);
    browser.open("/account").submit(&[("action", "withdraw")]);
    expect_error(&provider.refresh(&client, refresh_of(&tokens)), "invalid_grant");
    expect_error(&provider.redeem(&client, &not_redeemed), "invalid_grant");

    let group = format!("staff-{}", crate::case::unique());
    command(&["group", "add", &group]);
    let limited = provider.client(json!({"groups": [group]}));
    let user = provider.user();
    command(&["group", "grant", &group, &user.email]);
    let tokens = provider.code_flow(&limited, &user);
    let tokens = provider.refresh(&limited, refresh_of(&tokens)).expect(200).json();
    command(&["group", "withdraw", &group, &user.email]);
    expect_error(&provider.refresh(&limited, refresh_of(&tokens)), "invalid_grant");
}

fn scope_never_grows(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({}));
    let asked = provider.ask(&client).with("scope", "openid email offline_access");
    let granted = provider.grant_in(&mut provider.browser(), &asked, &provider.user());
    let tokens = provider.redeem(&client, &granted).expect(200).json();
    let refresh = |token: &str, scope: &str| {
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)];
        provider.token(&client, &pairs)
    };
    for more in ["openid profile", "openid email offline_access phone", "admin"] {
        expect_error(&refresh(refresh_of(&tokens), more), "invalid_scope");
    }
    // What was refused has used nothing up; what is less may be all again later.
    let less = refresh(refresh_of(&tokens), "email").expect(200).json();
    assert_eq!((&less["scope"], &less["id_token"]), (&json!("email"), &Value::Null));
    let access = less["access_token"].as_str().expect("an access token");
    assert_eq!(provider.introspect(&client, access)["scope"], "email");
    let all = provider.refresh(&client, refresh_of(&less)).expect(200).json();
    assert_eq!(all["scope"], "email offline_access openid");
}
