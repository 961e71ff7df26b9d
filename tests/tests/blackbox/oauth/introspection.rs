//! What resource servers are told of tokens (RFC 7662), and how tokens are revoked (RFC 7009).

use serde_json::{Value, json};

use super::provider::{Provider, RegisteredClient, User, another_node, basic, decoded};
use crate::away::Away;
use crate::case::{Case, at_once, on_both_engines, password, unique};
use crate::parity::{self, Surface, register, sign_in};
use crate::running::schema::sql;
use crate::{authd, ouser};
use countersign_testkit::{Engine, poll};

on_both_engines! {
    a_token_tells_what_it_is
    all_five_documents_tokens_can_be_introspected
    another_clients_token_is_inactive
    a_cut_or_padded_token_is_inactive
    revocation_is_immediate_at_introspection
    an_end_holds_for_another_process
    a_revoked_token_is_ended_and_a_revoked_refresh_token_ends_its_grant
    a_revocation_that_fails_says_so
    facts_that_cannot_be_read_are_not_passed_over
    an_answer_is_signed_for_whoever_wants_it
}

const JWT: &str = "application/token-introspection+jwt";

#[track_caller]
fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}

/// A client with opaque access tokens, and one with signed ones.
fn both_kinds(provider: &Provider<'_>) -> [RegisteredClient; 2] {
    ["opaque", "jwt"].map(|format| provider.client(json!({ "access_token_format": format })))
}

/// A client that gets tokens for itself, in either form.
fn service(provider: &Provider<'_>, format: &str) -> RegisteredClient {
    provider.service(json!({ "access_token_format": format, "scope": "read write" }))
}

fn own_token(provider: &Provider<'_>, service: &RegisteredClient) -> String {
    provider.token(service, &[("grant_type", "client_credentials")]).expect(200).string("access_token")
}

fn a_token_tells_what_it_is(case: &Case) {
    let provider = Provider::new(case);
    for client in both_kinds(&provider) {
        let user = provider.user();
        let tokens = provider.code_flow(&client, &user);
        let (_, id) = decoded(&text(&tokens, "id_token"));
        let told = provider.introspect(&client, &text(&tokens, "access_token"));
        assert_eq!(told["active"], true);
        assert_eq!(told["sub"], id["sub"]);
        assert_eq!(told["sid"], id["sid"]);
        assert_eq!(told["client_id"], client.id.as_str());
        assert_eq!(told["iss"], provider.issuer());
        assert_eq!(told["token_type"], "Bearer");
        assert_eq!(told["scope"], tokens["scope"]);
        let lives = told["exp"].as_i64().unwrap() - told["iat"].as_i64().unwrap();
        assert_eq!(Some(lives), tokens["expires_in"].as_i64(), "{told}");
        // RFC 7662 §2.2: the type is one of access tokens.
        let told = provider.introspect(&client, &text(&tokens, "refresh_token"));
        assert!(told["active"] == true && told.get("token_type").is_none(), "{told}");
    }
    for format in ["opaque", "jwt"] {
        let service = service(&provider, format);
        let told = provider.introspect(&service, &own_token(&provider, &service));
        assert_eq!((&told["active"], &told["sub"]), (&json!(true), &json!(service.id)), "{told}");
        assert_eq!(told["scope"], "read write");
        assert!(told.get("sid").is_none());
    }
}

fn all_five_documents_tokens_can_be_introspected(case: &Case) {
    let provider = Provider::new(case);
    let trusted = provider.service(json!({ "introspect_documents": true }));
    let other = provider.service(json!({}));
    for surface in Surface::ALL {
        let person = register(case, surface);
        let tokens = sign_in(case, surface, &person.email, &person.password).expect("signed in");
        let told = provider.introspect(&trusted, &tokens.access);
        assert_eq!(told["active"], true, "{surface:?}");
        assert!(told["sub"].is_string() && told["iat"].is_i64(), "{told}");
        assert!(told["exp"].is_i64(), "{told}");
        let userinfo = provider.userinfo(&tokens.access).expect(200).json();
        assert_eq!(told["sub"], userinfo["sub"]);
        assert!(!provider.is_active(&other, &tokens.access), "{surface:?}: not everybody's business");
        parity::operate(case, "suspend", &person.email);
        assert!(!provider.is_active(&trusted, &tokens.access), "{surface:?}");
    }
    // It gets new tokens and opens nothing.
    let member = authd::register(case);
    let refresh = authd::login(case, &member.email, &member.password).string("refresh");
    assert!(!provider.is_active(&trusted, &refresh));
}

/// CVE-2025-59363 and its like: whose token it is, is nobody else's business.
fn another_clients_token_is_inactive(case: &Case) {
    let provider = Provider::new(case);
    let user = provider.user();
    let api = format!("https://api-{}.example.com", unique());
    let stranger = provider.service(json!({}));
    let resource = provider.service(json!({ "audience": [api] }));
    for format in ["opaque", "jwt"] {
        let client = provider.client(json!({ "access_token_format": format, "audience": [api] }));
        let tokens = provider.code_flow(&client, &user);
        let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
        assert!(provider.is_active(&client, &access));
        for caller in [&stranger, &resource] {
            assert_eq!(provider.introspect(caller, &access), json!({ "active": false }), "{format}");
        }
        // One that is for the resource is the resource's business; a refresh token never is.
        let asked = provider.ask(&client).with("resource", &api);
        let granted = provider.grant_in(&mut provider.browser(), &asked, &user);
        let tokens = provider.redeem(&client, &granted).expect(200).json();
        let told = provider.introspect(&resource, &text(&tokens, "access_token"));
        assert_eq!((&told["active"], &told["aud"]), (&json!(true), &json!(api)), "{format}: {told}");
        assert!(!provider.is_active(&stranger, &text(&tokens, "access_token")));
        for refresh in [refresh, text(&tokens, "refresh_token")] {
            assert!(!provider.is_active(&resource, &refresh), "{format}");
        }
    }
    // A resource server that was set up for a client sees that client's tokens.
    let [client, _] = both_kinds(&provider);
    let serving = provider.service(json!({ "audience": [client.id] }));
    assert!(provider.is_active(&serving, &text(&provider.code_flow(&client, &user), "access_token")));
    // Whoever shows no secret is told nothing at all.
    let public = provider.public_client();
    let access = text(&provider.code_flow(&public, &user), "access_token");
    let refused = provider.call(&public, "/oauth2/introspect", &[("token", &access)]);
    assert_eq!(refused.expect(401).string("error"), "invalid_client");
    case.http().post("/oauth2/introspect").form(&[("token", &access)]).send().expect(401);
}

fn a_cut_or_padded_token_is_inactive(case: &Case) {
    let provider = Provider::new(case);
    let user = provider.user();
    let resources = both_kinds(&provider).map(|client| {
        let tokens = provider.code_flow(&client, &user);
        (client, vec![text(&tokens, "access_token"), text(&tokens, "refresh_token")])
    });
    let services = ["opaque", "jwt"].map(|format| {
        let service = service(&provider, format);
        let token = own_token(&provider, &service);
        (service, vec![token])
    });
    for (client, tokens) in resources.into_iter().chain(services) {
        for token in tokens {
            assert!(provider.is_active(&client, &token));
            let spoilt = [
                token[1..].to_owned(),
                token[..token.len() - 1].to_owned(),
                format!("{token}A"),
                format!("{token}="),
                format!(" {token}"),
                format!("{token}\n"),
                format!("{token}."),
                token.to_uppercase(),
                format!("{token}{}", "A".repeat(20_000)),
            ];
            for spoilt in spoilt {
                assert_eq!(provider.introspect(&client, &spoilt), json!({ "active": false }), "{spoilt}");
            }
        }
    }
    let [client, _] = both_kinds(&provider);
    let refused = provider.call(&client, "/oauth2/introspect", &[("token_type_hint", "access_token")]);
    assert_eq!(refused.expect(400).string("error"), "invalid_request");
    case.http()
        .post("/oauth2/introspect?token=x")
        .header("Authorization", &basic(&client.id, client.secret.as_deref().unwrap()))
        .form(&[("token", "x")])
        .send()
        .expect(400);
}

/// All that ends what a client holds: whose it is, what it is called, and doing it.
type End = (&'static str, fn(&Provider<'_>, &RegisteredClient, &User, &str));

const ENDS: [End; 6] = [
    ("account suspend", |provider, _, user, _| parity::operate(provider.case, "suspend", &user.email)),
    ("account close", |provider, _, user, _| {
        provider.command(&["account", "close", &user.email, "--json"]);
    }),
    ("new password", |provider, _, user, _| {
        let code = ouser::code_for(provider.case, &user.email);
        ouser::reset(provider.case, &code, &password()).expect(204);
    }),
    ("sign out everywhere", |provider, _, user, _| {
        provider.command(&["account", "sessions", &user.email, "--end-all", "--json"]);
    }),
    ("client suspend", |provider, client, _, _| {
        provider.command(&["client", "suspend", &client.id, "--json"]);
        provider.command(&["client", "restore", &client.id, "--json"]);
        provider.command(&["client", "suspend", &client.id, "--json"]);
    }),
    ("group", |provider, _, user, group| {
        provider.command(&["group", "withdraw", group, &user.email, "--json"]);
    }),
];

fn revocation_is_immediate_at_introspection(case: &Case) {
    let provider = Provider::new(case);
    for format in ["opaque", "jwt"] {
        for (name, end) in ENDS {
            let user = provider.user();
            let group = format!("group-{}", unique());
            provider.command(&["group", "add", &group, "--json"]);
            provider.command(&["group", "grant", &group, &user.email, "--json"]);
            let client = provider.client(json!({ "access_token_format": format, "groups": [group] }));
            let resource = provider.service(json!({ "audience": [client.id] }));
            let access = text(&provider.code_flow(&client, &user), "access_token");
            assert!(provider.is_active(&resource, &access), "{format} before {name}");
            provider.userinfo(&access).expect(200);
            end(&provider, &client, &user, &group);
            assert!(!provider.is_active(&resource, &access), "{format} after {name}");
            provider.userinfo(&access).expect(401);
        }
    }
}

/// What one process ends, another on the same database calls inactive at its next answer.
fn an_end_holds_for_another_process(case: &Case) {
    // SQLite is for one server; there the commands of the test above are the other process.
    if case.engine() == Engine::Sqlite {
        return;
    }
    let case = &case.with_config("");
    let beside = another_node(case);
    let (here, there) = (Provider::new(case), Provider::new(&beside));
    for client in both_kinds(&here) {
        let tokens = here.code_flow(&client, &here.user());
        let access = text(&tokens, "access_token");
        assert!(here.is_active(&client, &access) && there.is_active(&client, &access));
        here.revoke(&client, &access).expect(200);
        assert!(!here.is_active(&client, &access) && !there.is_active(&client, &access));
        let next = here.refresh(&client, &text(&tokens, "refresh_token")).expect(200).json();
        assert!(there.is_active(&client, &text(&next, "access_token")));
        here.revoke(&client, &text(&next, "refresh_token")).expect(200);
        assert!(!there.is_active(&client, &text(&next, "access_token")));
    }
}

fn a_revoked_token_is_ended_and_a_revoked_refresh_token_ends_its_grant(case: &Case) {
    let provider = Provider::new(case);
    let user = provider.user();
    for client in both_kinds(&provider) {
        let tokens = provider.code_flow(&client, &user);
        let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
        // Another client's stays, and it is told so.
        let other = provider.client(json!({}));
        assert_eq!(provider.revoke(&other, &access).expect(400).string("error"), "invalid_grant");
        assert_eq!(provider.revoke(&other, &refresh).expect(400).string("error"), "invalid_grant");
        assert!(provider.is_active(&client, &access) && provider.is_active(&client, &refresh));
        provider.revoke(&client, &access).expect(200);
        assert!(!provider.is_active(&client, &access));
        provider.userinfo(&access).expect(401);
        assert!(provider.is_active(&client, &refresh), "the grant goes on");
        let next = provider.refresh(&client, &refresh).expect(200).json();
        let (access, newer) = (text(&next, "access_token"), text(&next, "refresh_token"));
        // Also by the one that was used up: whoever logs out may hold an old one.
        provider.revoke(&client, &refresh).expect(200);
        assert!(!provider.is_active(&client, &access) && !provider.is_active(&client, &newer));
        assert_eq!(provider.refresh(&client, &newer).expect(400).string("error"), "invalid_grant");
    }
    let [client, _] = both_kinds(&provider);
    for token in ["x", "cs_at_x", "cs_ct_x", "a.b.c"] {
        assert_eq!(provider.revoke(&client, token).expect(200).text(), "", "{token}");
    }
    provider.call(&client, "/oauth2/revoke", &[]).expect(400);
    for format in ["opaque", "jwt"] {
        let (service, other) = (service(&provider, format), service(&provider, format));
        let token = own_token(&provider, &service);
        let _ = provider.revoke(&other, &token);
        assert!(provider.is_active(&service, &token));
        provider.revoke(&service, &token).expect(200);
        assert!(!provider.is_active(&service, &token), "{format}");
    }
}

/// RFC 7009 section 2.2.1: the client is known and the token found, and then nothing can be written. Whoever is told 200
/// stops trying (CVE-2020-15223).
fn a_revocation_that_fails_says_so(case: &Case) {
    let mut away = Away::start(case);
    let held = {
        let provider = Provider::new(away.case());
        let mut held = Vec::new();
        for format in ["opaque", "jwt"] {
            let client = provider.client(json!({ "access_token_format": format }));
            let tokens = provider.code_flow(&client, &provider.user());
            held.extend(["access_token", "refresh_token"].map(|name| (client.clone(), text(&tokens, name))));
            let service = service(&provider, format);
            held.push((service.clone(), own_token(&provider, &service)));
        }
        held
    };
    away.freeze();
    let provider = Provider::new(away.case());
    // Connections of PostgreSQL that were cut are noticed by the first who use them.
    poll::until("the store to be readable", || {
        let told = provider.call(&held[0].0, "/oauth2/introspect", &[("token", &held[0].1)]);
        (told.status == 200).then_some(())
    });
    let answers = at_once(held.len(), |number| provider.revoke(&held[number].0, &held[number].1));
    for answer in answers {
        let answer = answer.expect(503);
        assert_eq!(answer.string("error"), "temporarily_unavailable");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
    }
    for (client, token) in &held {
        assert!(provider.is_active(client, token), "it was not revoked");
    }
    let (client, token) = &held[0];
    away.thaw(|case| Provider::new(case).revoke(client, token).status == 200);
    let provider = Provider::new(away.case());
    for (client, token) in &held {
        provider.revoke(client, token).expect(200);
        assert!(!provider.is_active(client, token));
    }
}

/// What a token is bound to is one of its facts: without them nobody takes it for an unbound one, nor a browser for one
/// that is signed in.
fn facts_that_cannot_be_read_are_not_passed_over(case: &Case) {
    let mut case = case.with_config("");
    let (held, cookie) = {
        let provider = Provider::new(&case);
        let (client, service) = (provider.client(json!({})), service(&provider, "opaque"));
        let mut browser = provider.browser();
        let granted = provider.grant_in(&mut browser, &provider.ask(&client), &provider.user());
        let tokens = provider.redeem(&client, &granted).expect(200).json();
        let own = own_token(&provider, &service);
        let held = [(client.clone(), text(&tokens, "access_token")), (service, own)];
        (held, format!("__Host-countersign={}", browser.cookies["__Host-countersign"]))
    };
    let account = |case: &Case| case.http().get("/account").header("Cookie", &cookie).send().status;
    assert_eq!(account(&case), 200);
    case.server_mut().kill();
    for table in ["tokens", "oauth_client_tokens"] {
        let statement = format!("UPDATE {table} SET facts = 'no JSON' WHERE facts IS NOT NULL");
        sql(case.engine(), case.server().database_url(), &statement);
    }
    case.server_mut().launch();
    let provider = Provider::new(&case);
    for (client, token) in &held {
        let told = provider.call(client, "/oauth2/introspect", &[("token", token)]);
        assert_eq!((told.status, told.string("error")), (500, "server_error".to_owned()), "{told:?}");
    }
    assert_eq!(account(&case), 500);
}

/// RFC 9701.
fn an_answer_is_signed_for_whoever_wants_it(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({}));
    let access = text(&provider.code_flow(&client, &provider.user()), "access_token");
    let ask = |token: &str| {
        let secret = client.secret.as_deref().unwrap();
        let request = case.http().post("/oauth2/introspect").header("Accept", JWT);
        let request = request.header("Authorization", &basic(&client.id, secret));
        request.form(&[("token", token)]).send().expect(200)
    };
    let signed = ask(&access);
    assert_eq!(signed.header("content-type"), Some(JWT));
    let (header, claims) = decoded(signed.text());
    assert_eq!(header["typ"], "token-introspection+jwt");
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(provider.issuer()), &json!(client.id)));
    assert_eq!(claims["token_introspection"], provider.introspect(&client, &access));
    let (_, claims) = decoded(ask("x").text());
    assert_eq!(claims["token_introspection"], json!({ "active": false }));
    // It is no access token.
    assert!(!provider.is_active(&client, signed.text()));
    provider.userinfo(signed.text()).expect(401);
}
