//! Who is suspended gets nothing, by whatever grant, and what they had is worth nothing (CVE-2025-53942,
//! CVE-2025-64521, CVE-2024-47000 and their like).

use serde_json::{Value, json};

use super::browser::Browser;
use super::provider::{Granted, Provider, RegisteredClient, User};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    whoever_is_suspended_gets_nothing_by_any_grant
    a_removed_client_does_not_come_back
}

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// All that was issued before.
struct Issued {
    client: RegisteredClient,
    /// Introspects for the client: its tokens have it as an audience.
    resource: RegisteredClient,
    granted: Granted,
    tokens: Value,
    signed: Value,
    signing: RegisteredClient,
    device: Option<String>,
    exchange: bool,
    browser: Browser,
}

fn issued(provider: &Provider<'_>, user: &User) -> Issued {
    let offered = provider.case.get("/.well-known/openid-configuration").expect(200).json();
    let offers = |grant: &str| offered["grant_types_supported"].as_array().unwrap().contains(&json!(grant));
    let all = ["authorization_code", "refresh_token", "client_credentials", DEVICE, EXCHANGE];
    let all: Vec<_> = all.into_iter().filter(|grant| offers(grant)).collect();
    let client = provider.client(json!({"grant_types": all}));
    let resource = provider.service(json!({"audience": [client.id]}));
    let signing = provider.client(json!({"access_token_format": "jwt"}));
    let mut browser = provider.browser();
    let granted = provider.grant_in(&mut browser, &provider.ask(&client), user);
    let tokens = provider.code_flow(&client, user);
    let signed = provider.code_flow(&signing, user);
    let device = offers(DEVICE).then(|| approved_device(provider, &client, &mut browser));
    Issued { client, resource, granted, tokens, signed, signing, device, exchange: offers(EXCHANGE), browser }
}

/// A device code that its user has allowed and that nobody has redeemed.
fn approved_device(provider: &Provider<'_>, client: &RegisteredClient, browser: &mut Browser) -> String {
    let started = provider.call(client, "/oauth2/device_authorization", &[("scope", "openid")]);
    let started = started.expect(200).json();
    let user_code = started["user_code"].as_str().unwrap();
    browser.open("/device").submit(&[("user_code", user_code)]);
    browser.submit(&[("decision", "allow")]);
    started["device_code"].as_str().unwrap().to_owned()
}

impl Issued {
    fn token(&self, key: &str) -> &str {
        self.tokens[key].as_str().unwrap()
    }

    /// The error of each grant.
    fn refusals(&self, provider: &Provider<'_>) -> Vec<(&'static str, String)> {
        let error = |answer: countersign_testkit::Response| {
            assert!(matches!(answer.status, 400 | 401), "{}: {}", answer.status, answer.text());
            answer.string("error")
        };
        let mut all = vec![
            ("code", error(provider.redeem(&self.client, &self.granted))),
            ("refresh", error(provider.refresh(&self.client, self.token("refresh_token")))),
        ];
        if let Some(code) = &self.device {
            let pairs = [("grant_type", DEVICE), ("device_code", code.as_str())];
            all.push(("device", error(provider.token(&self.client, &pairs))));
        }
        if self.exchange {
            let pairs = [
                ("grant_type", EXCHANGE),
                ("subject_token", self.token("access_token")),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ];
            all.push(("exchange", error(provider.token(&self.client, &pairs))));
        }
        all
    }
}

fn whoever_is_suspended_gets_nothing_by_any_grant(case: &Case) {
    let provider = Provider::new(case);
    // The account.
    let user = provider.user();
    let mut before = issued(&provider, &user);
    assert!(provider.is_active(&before.client, before.token("access_token")));
    provider.command(&["account", "suspend", &user.email, "--json"]);
    for (grant, error) in before.refusals(&provider) {
        // RFC 8628 section 3.5 and RFC 8693 section 2.2.2 have words of their own.
        let expected = match grant {
            "device" => "access_denied",
            "exchange" => "invalid_request",
            _ => "invalid_grant",
        };
        assert_eq!(error, expected, "{grant}");
    }
    for token in ["access_token", "refresh_token"] {
        assert!(!provider.is_active(&before.client, before.token(token)), "{token}");
    }
    let signed = before.signed["access_token"].as_str().unwrap().to_owned();
    assert!(!provider.is_active(&before.signing, &signed), "a signed token");
    for token in [before.token("access_token"), &signed] {
        provider.userinfo(token).expect(401);
    }
    let silent = provider.ask(&before.client).with("prompt", "none").target();
    assert_eq!(before.browser.open(&silent).answer().error(), Some("login_required"));
    before.browser.open(&provider.ask(&before.client).target()).sign_in(&user);
    assert_eq!(before.browser.page().status, 401, "{}", before.browser);
    // The client.
    let user = provider.user();
    let mut before = issued(&provider, &user);
    let resource = before.resource.clone();
    provider.command(&["client", "suspend", &before.client.id, "--json"]);
    for (grant, error) in before.refusals(&provider) {
        assert_eq!(error, "invalid_client", "{grant}");
    }
    let own = provider.token(&before.client, &[("grant_type", "client_credentials")]);
    assert_eq!(own.expect(401).string("error"), "invalid_client");
    for token in ["access_token", "refresh_token"] {
        assert!(!provider.is_active(&resource, before.token(token)), "{token}");
    }
    provider.userinfo(before.token("access_token")).expect(401);
    before.browser.open(&provider.ask(&before.client).target());
    assert!(before.browser.away().is_none() && !before.browser.asks_for_consent(), "{}", before.browser);
    // It may be used again, and its user was not affected.
    provider.command(&["client", "restore", &before.client.id, "--json"]);
    assert!(provider.code_flow(&before.client, &user)["access_token"].is_string());
}

fn a_removed_client_does_not_come_back(case: &Case) {
    let provider = Provider::new(case);
    let user = provider.user();
    let client = provider.client(json!({}));
    let tokens = provider.code_flow(&client, &user);
    provider.command(&["client", "remove", &client.id, "--json"]);
    let file = countersign_testkit::scratch::directory("again").join("metadata.json");
    let again = json!({"redirect_uris": [client.redirect_uri], "grant_types": ["authorization_code", "refresh_token"], "scope": client.scope});
    std::fs::write(&file, again.to_string()).unwrap();
    let file = file.display().to_string();
    let made = provider.command(&["client", "add", "--client-id", &client.id, "--metadata", &file, "--json"]);
    let secret = made["client_secret"].as_str().map(str::to_owned);
    let again = RegisteredClient { secret, ..client };
    for token in ["access_token", "refresh_token"] {
        assert!(!provider.is_active(&again, tokens[token].as_str().unwrap()), "{token}");
    }
    provider.userinfo(tokens["access_token"].as_str().unwrap()).expect(401);
    let refused = provider.refresh(&again, tokens["refresh_token"].as_str().unwrap()).expect(400);
    assert_eq!(refused.string("error"), "invalid_grant");
    // What its user allowed, they allowed the one that is gone.
    let mut browser = provider.browser();
    browser.open(&provider.ask(&again).target()).sign_in(&user);
    assert!(browser.asks_for_consent(), "{browser}");
}
