//! Every kind of token, code and link at every place that takes one: only its own place takes it (CVE-2026-4282,
//! RFC 8725 section 3.12).

use serde_json::{Value, json};

use super::provider::{Provider, REDIRECT_URI};
use crate::case::{Case, on_both_engines, password};
use crate::generous::generous;
use crate::{authd, authv1, ouser, rest};

on_both_engines! {
    only_the_diagonal_works
}

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// What somebody may hold: its name, and itself.
type Held = Vec<(&'static str, String)>;

/// A place that takes one kind of them, or some.
struct Door<'a> {
    name: &'static str,
    opened_by: &'static [&'static str],
    opens: Box<dyn Fn(&str) -> bool + 'a>,
}

fn only_the_diagonal_works(case: &Case) {
    let case = &generous(case);
    let provider = Provider::new(case);
    let offered = case.get("/.well-known/openid-configuration").expect(200).json();
    let offers = |grant: &str| offered["grant_types_supported"].as_array().unwrap().contains(&json!(grant));
    let grants = ["authorization_code", "refresh_token", "client_credentials", DEVICE, EXCHANGE];
    let grants: Vec<_> = grants.into_iter().filter(|grant| offers(grant)).collect();
    let client = provider.client(json!({"grant_types": grants}));
    let held = everything(&provider, &client, offers(DEVICE));
    let doors = doors(&provider, &client, offers(DEVICE), offers(EXCHANGE));
    for door in &doors {
        for (kind, value) in held.iter().filter(|(kind, _)| !door.opened_by.contains(kind)) {
            assert!(!(door.opens)(value), "{} takes a {kind}", door.name);
        }
    }
    // They still work where they belong, so none was used up on the way.
    for door in &doors {
        for (kind, value) in held.iter().filter(|(kind, _)| door.opened_by.contains(kind)) {
            assert!((door.opens)(value), "{} does not take a {kind}", door.name);
        }
    }
}

/// One of each kind, all of them good.
fn everything(provider: &Provider<'_>, client: &super::provider::RegisteredClient, device: bool) -> Held {
    let case = provider.case;
    let text = |value: &Value, key: &str| {
        value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
    };
    let user = provider.user();
    let tokens = provider.code_flow(client, &user);
    let signing = provider.client(json!({"access_token_format": "jwt"}));
    let signed = provider.code_flow(&signing, &user);
    let own = provider.token(client, &[("grant_type", "client_credentials")]).expect(200).json();
    let browser = provider.signed_in(client, &user);
    let cookie = browser.cookies.get("__Host-countersign").expect("a session cookie").clone();
    let (member, person) = (ouser::register(case), authd::register(case));
    let documents = authd::tokens(case, &person);
    let profile = rest::User::new(case);
    let rest = rest::login(case, &profile.email, &profile.password).expect(200).string("token");
    let mut held = vec![
        ("code", provider.grant(client, &user).code),
        ("access token", text(&tokens, "access_token")),
        ("signed access token", text(&signed, "access_token")),
        ("refresh token", text(&tokens, "refresh_token")),
        ("ID token", text(&tokens, "id_token")),
        ("client's token", text(&own, "access_token")),
        ("cookie", cookie),
        ("000 session token", ouser::session(case, &member)),
        ("000 code", ouser::code_for(case, &member.email)),
        ("001 access token", text(&documents, "access")),
        ("001 refresh token", text(&documents, "refresh")),
        ("001 reset", authd::reset_id(case, &person.email)),
        ("003 token", authv1::Member::register(case).token),
        ("004 token", rest),
        ("client secret", client.secret.clone().expect("a secret")),
        ("client id", client.id.clone()),
    ];
    if device {
        let started = provider.call(client, "/oauth2/device_authorization", &[("scope", "openid")]);
        let started = started.expect(200).json();
        held.extend([
            ("device code", text(&started, "device_code")),
            ("user code", text(&started, "user_code")),
        ]);
    }
    held
}

fn doors<'a>(
    provider: &'a Provider<'a>,
    client: &'a super::provider::RegisteredClient,
    device: bool,
    exchange: bool,
) -> Vec<Door<'a>> {
    let case = provider.case;
    let mut doors = vec![
        // Decision 14: a token of the five documents tells userinfo who its owner is.
        Door {
            name: "userinfo",
            opened_by: &[
                "access token",
                "signed access token",
                "000 session token",
                "001 access token",
                "003 token",
                "004 token",
            ],
            opens: Box::new(|value| provider.userinfo(value).status == 200),
        },
        Door {
            name: "introspection",
            opened_by: &["access token", "refresh token", "client's token"],
            opens: Box::new(|value| provider.is_active(client, value)),
        },
        Door {
            name: "the code grant",
            opened_by: &[],
            opens: Box::new(|value| {
                let pairs =
                    [("grant_type", "authorization_code"), ("code", value), ("redirect_uri", REDIRECT_URI)];
                provider.token(client, &pairs).status == 200
            }),
        },
        Door {
            name: "the profile of 004",
            opened_by: &["000 session token", "001 access token", "003 token", "004 token"],
            opens: Box::new(|value| {
                let authorization = format!("Token {value}");
                rest::authorized(case, "GET", "/auth/profile/", &authorization).send().status == 200
            }),
        },
        Door {
            name: "the account page",
            opened_by: &["cookie"],
            opens: Box::new(|value| {
                let mut browser = provider.browser();
                browser.cookies.insert("__Host-countersign".to_owned(), value.to_owned());
                browser.open("/account");
                browser.page().status == 200 && !browser.asks_for_password()
            }),
        },
        Door {
            name: "a pushed request",
            opened_by: &[],
            opens: Box::new(|value| {
                for reference in [value.to_owned(), format!("urn:ietf:params:oauth:request_uri:{value}")] {
                    let mut browser = provider.browser();
                    let pairs = [("client_id", client.id.as_str()), ("request_uri", &reference)];
                    browser.open_with("/oauth2/authorize", &pairs);
                    if browser.asks_for_password() {
                        return true;
                    }
                }
                false
            }),
        },
        Door {
            name: "a client's registration",
            opened_by: &[],
            opens: Box::new(|value| {
                let request = case.http().get(&format!("/oauth2/register/{}", client.id));
                request.header("Authorization", &format!("Bearer {value}")).send().status == 200
            }),
        },
        Door {
            name: "client authentication",
            opened_by: &["client secret"],
            opens: Box::new(|value| {
                let authorization = super::provider::basic(&client.id, value);
                let request = case.http().post("/oauth2/introspect").header("Authorization", &authorization);
                request.form(&[("token", "x")]).send().status == 200
            }),
        },
    ];
    doors.extend(grants(provider, client, device, exchange));
    doors.extend(documents(case));
    doors
}

/// The other grants of the token endpoint.
fn grants<'a>(
    provider: &'a Provider<'a>,
    client: &'a super::provider::RegisteredClient,
    device: bool,
    exchange: bool,
) -> Vec<Door<'a>> {
    let mut doors = Vec::new();
    if exchange {
        doors.push(Door {
            name: "token exchange",
            opened_by: &["access token"],
            opens: Box::new(|value| {
                let pairs = [
                    ("grant_type", EXCHANGE),
                    ("subject_token", value),
                    ("subject_token_type", ACCESS_TOKEN),
                ];
                provider.token(client, &pairs).status == 200
            }),
        });
    }
    if device {
        doors.push(Door {
            name: "the device grant",
            opened_by: &["device code"],
            opens: Box::new(|value| {
                let answer = provider.token(client, &[("grant_type", DEVICE), ("device_code", value)]);
                matches!(answer.string("error").as_str(), "authorization_pending" | "slow_down")
            }),
        });
    }
    // It uses its token up, so it comes behind all that want one.
    doors.push(Door {
        name: "the refresh grant",
        opened_by: &["refresh token"],
        opens: Box::new(|value| provider.refresh(client, value).status == 200),
    });
    doors
}

/// The places of the five documents that take what was given out.
fn documents(case: &Case) -> Vec<Door<'_>> {
    vec![
        Door {
            name: "the refresh of 000",
            opened_by: &["000 session token"],
            opens: Box::new(|value| ouser::refresh(case, value).status == 200),
        },
        Door {
            name: "the refresh of 001",
            opened_by: &["001 refresh token"],
            opens: Box::new(|value| {
                let pairs = [("grant_type", "refresh_token"), ("refresh_token", value)];
                case.http().post("/v1/tokens/").form(&pairs).send().status == 200
            }),
        },
        Door {
            name: "the refresh of 003",
            opened_by: &["003 token"],
            opens: Box::new(|value| authv1::refresh(case, value).status == 200),
        },
        Door {
            name: "the reset of 000",
            opened_by: &["000 code"],
            opens: Box::new(|value| matches!(ouser::reset(case, value, &password()).status, 200..300)),
        },
        Door {
            name: "the reset of 001",
            opened_by: &["001 reset"],
            opens: Box::new(|value| {
                let path = format!("/v1/requests/credentials/{value}");
                let answer = case.http().post(&path).json(&json!({"password": password()})).send();
                matches!(answer.status, 200..300)
            }),
        },
    ]
}
