//! Devices that wait for somebody to allow them (RFC 8628).

use serde_json::{Value, json};

use super::provider::{Provider, RegisteredClient};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    a_device_is_allowed_on_a_page_that_names_it
    a_device_that_is_refused_gets_nothing
    user_code_guesses_are_limited
    whoever_starts_too_many_is_told_when_to_come_back
}

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn device(case: &Case) -> RegisteredClient {
    Provider::new(case).client(json!({
        "client_name": "Living room TV",
        "token_endpoint_auth_method": "none",
        "grant_types": [GRANT, "refresh_token"],
        "redirect_uris": [],
        "response_types": [],
        "scope": "openid profile",
    }))
}

fn start(case: &Case, client: &RegisteredClient) -> Value {
    let asked = [("scope", "openid")];
    let started = Provider::new(case).call(client, "/oauth2/device_authorization", &asked).expect(200).json();
    assert_eq!((&started["expires_in"], &started["interval"]), (&json!(600), &json!(5)));
    started
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

fn poll(case: &Case, client: &RegisteredClient, started: &Value) -> Value {
    let pairs = [("grant_type", GRANT), ("device_code", text(started, "device_code"))];
    Provider::new(case).token(client, &pairs).json()
}

fn a_device_is_allowed_on_a_page_that_names_it(case: &Case) {
    let provider = Provider::new(case);
    let (client, user) = (device(case), provider.user());
    let started = start(case, &client);
    let code = text(&started, "user_code");
    let mut browser = provider.browser();
    // Signed out first: the code is kept on the way.
    let complete = text(&started, "verification_uri_complete").to_owned();
    let typed = code.to_lowercase().replace('-', " ");
    browser.open_with("/device", &[("user_code", &typed)]);
    assert!(browser.page().text().contains(&format!("value=\"{code}\"")), "{browser}");
    browser.open(&complete).submit(&[("user_code", code)]);
    assert!(browser.asks_for_password(), "{browser}");
    browser.sign_in(&user).submit(&[("user_code", &typed)]);
    let page = browser.page().text().to_owned();
    // As the device shows it, to be compared.
    assert!(page.contains(&format!("shows the code {code} ")) && !page.contains(&typed), "{page}");
    for named in ["Living room TV", &user.email, &case.http().source().to_string(), "UTC"] {
        assert!(page.contains(named), "{named}: {page}");
    }
    // Looking is not allowing.
    assert_eq!(poll(case, &client, &started)["error"], "authorization_pending");
    let allow = browser.form_with(&[("decision", "allow")]).filled(&[("decision", "allow")]);
    let allow: Vec<_> = allow.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let other = start(case, &client);
    browser.submit(&[("decision", "allow")]);
    assert_eq!(browser.page().status, 200, "{browser}");
    browser.post("/device", &allow);
    assert_eq!(browser.page().status, 404, "the first decision holds: {browser}");
    // It asks as often as it was told to, or it is told to slow down.
    let second = poll(case, &client, &started);
    assert!(second["access_token"].is_string() || second["error"] == "slow_down", "{second}");
    assert_eq!(poll(case, &client, &other)["error"], "authorization_pending");
    browser.open("/account");
    assert!(browser.page().text().contains("Living room TV"), "{browser}");
}

fn a_device_that_is_refused_gets_nothing(case: &Case) {
    let provider = Provider::new(case);
    let (client, user) = (device(case), provider.user());
    let started = start(case, &client);
    let mut browser = provider.browser();
    browser.open("/sign-in").sign_in(&user).open("/device");
    browser.submit(&[("user_code", text(&started, "user_code"))]).submit(&[("decision", "deny")]);
    assert_eq!(poll(case, &client, &started)["error"], "access_denied");
    let refused = |pairs: &[(&str, &str)], client: &RegisteredClient, error: &str| {
        let answer = provider.call(client, "/oauth2/device_authorization", pairs).expect(400).json();
        assert_eq!(answer["error"], error);
    };
    refused(&[("scope", "openid email")], &client, "invalid_scope");
    refused(&[("scope", "openid")], &provider.public_client(), "unauthorized_client");
}

fn whoever_starts_too_many_is_told_when_to_come_back(case: &Case) {
    let limits = "[limits]\nregistrations_per_source_burst = 1\nregistrations_per_source_interval = \"1h\"";
    let case = case.with_config(limits);
    let client = device(&case);
    start(&case, &client);
    let refused = Provider::new(&case).call(&client, "/oauth2/device_authorization", &[]).expect(429);
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
    let seconds = refused.header("retry-after").and_then(|value| value.parse::<u64>().ok());
    assert!(seconds.is_some_and(|seconds| (1..=3600).contains(&seconds)), "{refused:?}");
}

/// RFC 8628 section 5.1.
fn user_code_guesses_are_limited(case: &Case) {
    let provider = Provider::new(case);
    let (client, user) = (device(case), provider.user());
    let mut browser = provider.browser();
    browser.open("/sign-in").sign_in(&user).open("/device");
    // Right codes are no guesses.
    for _ in 0..12 {
        let started = start(case, &client);
        browser.submit(&[("user_code", text(&started, "user_code"))]);
        assert_eq!(browser.page().status, 200, "{browser}");
        browser.open("/device");
    }
    let guess = |number: usize| format!("GVESS-{number:05}").replace('V', "W");
    let statuses: Vec<u16> =
        (0..14).map(|number| browser.submit(&[("user_code", &guess(number))]).page().status).collect();
    assert_eq!(statuses[0], 404, "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
}
