//! Devices that wait for somebody to allow them (RFC 8628).

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::browser::Browser;
use super::provider::{Provider, RegisteredClient, User};
use crate::case::{Case, at_once, on_both_engines, password};
use crate::generous::generous;
use crate::ouser;
use crate::parity::{Surface, operate, register};

on_both_engines! {
    a_device_is_allowed_on_a_page_that_names_it
    a_device_that_is_refused_gets_nothing
    what_is_allowed_while_the_account_is_evicted_is_worth_nothing
    what_is_allowed_while_the_account_is_suspended_is_worth_nothing
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

/// Devices that were allowed, one after the other, while the account of their user was ended in some way.
struct Raced {
    client: RegisteredClient,
    devices: Vec<Value>,
    /// What they were given meanwhile.
    given: Vec<Value>,
}

impl Raced {
    fn run(case: &Case, user: &User, end: impl Fn() + Sync) -> Raced {
        const RACERS: usize = 3;
        let client = device(case);
        let mut browser = Provider::new(case).browser();
        browser.open("/sign-in").sign_in(user).open("/device");
        let asked = |_| {
            let (started, mut browser) = (start(case, &client), browser.clone());
            browser.submit(&[("user_code", text(&started, "user_code"))]);
            (started, browser)
        };
        let asked: Vec<(Value, Browser)> = (0..RACERS * 16).map(asked).collect();
        let (waiting, is_over) = (Mutex::new(asked.iter()), AtomicBool::new(false));
        let answers = at_once(RACERS + 1, |number| {
            let mut answers = Vec::new();
            if number == RACERS {
                end();
                is_over.store(true, Ordering::Relaxed);
            }
            while !is_over.load(Ordering::Relaxed) {
                let next = waiting.lock().expect("no panic while held").next();
                let Some((started, browser)) = next else { break };
                browser.clone().submit(&[("decision", "allow")]);
                // The others of them ask only afterwards.
                if number > 0 {
                    answers.push(poll(case, &client, started));
                }
            }
            answers
        });
        let given = answers.into_iter().flatten().filter(|answer| answer["access_token"].is_string());
        let (given, devices) = (given.collect(), asked.into_iter().map(|(started, _)| started).collect());
        Raced { client, devices, given }
    }

    /// Nothing that was given works, and nothing more is given.
    fn is_worth_nothing(&self, case: &Case) {
        let provider = Provider::new(case);
        for tokens in &self.given {
            provider.userinfo(text(tokens, "access_token")).expect(401);
            let refused = provider.refresh(&self.client, text(tokens, "refresh_token")).expect(400);
            assert_eq!(refused.string("error"), "invalid_grant");
        }
        for started in &self.devices {
            let answer = poll(case, &self.client, started);
            assert!(answer["access_token"].is_null(), "{answer}");
        }
    }
}

/// Somebody who only claims the address allows a device at the moment at which its owner proves it.
fn what_is_allowed_while_the_account_is_evicted_is_worth_nothing(case: &Case) {
    let case = &generous(case);
    for _ in 0..3 {
        let claimer = register(case, Surface::AuthV1);
        let code = ouser::code_for(case, &claimer.email);
        let owner = User { email: claimer.email.clone(), password: password() };
        let claimer = User { email: claimer.email, password: claimer.password };
        let raced =
            Raced::run(case, &claimer, || drop(ouser::reset(case, &code, &owner.password).expect(204)));
        raced.is_worth_nothing(case);
        let mut browser = Provider::new(case).browser();
        browser.open("/sign-in").sign_in(&owner).open("/account");
        let page = browser.page().text();
        assert!(page.contains(&owner.email) && !page.contains("Living room TV"), "{browser}");
    }
}

/// Not even when the account may be used again.
fn what_is_allowed_while_the_account_is_suspended_is_worth_nothing(case: &Case) {
    let case = &generous(case);
    for _ in 0..2 {
        let user = Provider::new(case).user();
        let raced = Raced::run(case, &user, || operate(case, "suspend", &user.email));
        operate(case, "restore", &user.email);
        raced.is_worth_nothing(case);
    }
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
