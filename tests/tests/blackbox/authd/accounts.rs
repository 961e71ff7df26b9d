//! Creating an account and confirming it.

use std::time::Duration;

use serde_json::json;

use super::{confirm, confirmation_id, create, is_accepted, is_timestamp, is_uuid, login, register, tokens};
use crate::case::{Case, on_both_engines, password};

on_both_engines! {
    seed_001_01
    seed_001_02
    seed_001_03
    seed_001_04
    seed_001_05
    seed_001_06
    seed_001_07
    seed_001_08
    seed_001_09
    seed_001_10
    seed_001_11
    a_prefix_is_in_the_link
}

/// What programs send that name HTML and want the document's answer; the last is what Java sends by itself.
const NO_BROWSERS: [&str; 4] = [
    "application/json, text/html;q=0.1",
    "text/html;q=0, application/json",
    "text/html;q=0.5, application/xhtml+xml;q=0.5, application/json",
    "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
];

const UNKNOWN: &str = "c7719bb1-f640-4cd7-9025-01b5ba1a7ad3";

/// A new account: 201.
fn seed_001_01(case: &Case) {
    create(case, &case.email(), &password()).expect(201);
}

/// The content type is the document's, on answers good and bad.
fn seed_001_02(case: &Case) {
    let documented = Some("application/json; charset=UTF-8");
    let email = case.email();
    assert_eq!(create(case, &email, &password()).expect(201).header("content-type"), documented);
    let confirmed = confirm(case, &confirmation_id(case, &email)).expect(200);
    assert_eq!(confirmed.header("content-type"), documented);
    assert_eq!(create(case, "no-address", &password()).expect(400).header("content-type"), documented);
    assert_eq!(confirm(case, UNKNOWN).expect(404).header("content-type"), documented);
}

/// The body holds the user, not yet active, with the address as sent, and neither password nor token.
fn seed_001_03(case: &Case) {
    let email = case.email().replace("user", "User");
    let body = create(case, &email, &password()).expect(201).json();
    let id = body["user"]["id"].clone();
    assert!(is_uuid(&id), "{body}");
    assert_eq!(body, json!({"user": {"id": id, "email": email, "active": false}}));
}

/// A bad address, a short password, a missing field, an empty body: 400, and nothing goes out.
fn seed_001_04(case: &Case) {
    let (email, password) = (case.email(), password());
    for (email, password) in [("no-address", &*password), ("", &password), (&email, "12345"), (&email, "")] {
        assert_eq!(create(case, email, password).status, 400, "{email:?} {password:?}");
    }
    let path = "/v1/requests/accounts";
    for body in [
        json!({}),
        json!({"email": email}),
        json!({"password": password}),
        json!({"email": email, "password": 123_456}),
    ] {
        assert_eq!(case.post(path, body.clone()).status, 400, "{body}");
    }
    case.http().post(path).send().expect(400);
    case.http().post(path).body("application/json; charset=UTF-8", "").send().expect(400);
    assert!(case.server().messages_to(&email).is_empty());
}

/// The document's own example is accepted.
fn seed_001_05(case: &Case) {
    let body = create(case, "test-user-1@mail.com", "123456").expect(201).json();
    assert_eq!(body["user"]["email"], "test-user-1@mail.com");
    confirm(case, &confirmation_id(case, "test-user-1@mail.com")).expect(200);
    login(case, "test-user-1@mail.com", "123456").expect(200);
}

/// A confirmation goes to the address; its id is a UUID and not the user's.
fn seed_001_06(case: &Case) {
    let email = case.email();
    let user = create(case, &email, &password()).expect(201).json()["user"]["id"].clone();
    let message = case.server().latest_to(&email);
    assert_eq!((message.channel.as_str(), message.template.as_str()), ("email", "confirm_account"));
    assert_eq!(message.link_path(), format!("/v1/requests/accounts/{}", message.link_token()));
    let id = json!(message.link_token());
    assert!(is_uuid(&id) && id != user, "{message:?}");
}

/// The address of an active account, in any case: 400. Of an unconfirmed one: 201 with the same user and a new mail.
fn seed_001_07(case: &Case) {
    let member = register(case);
    create(case, &member.email, &password()).expect(400);
    create(case, &member.email.to_uppercase(), &password()).expect(400);
    tokens(case, &member);
    let (email, second) = (case.email(), password());
    let first_answer = create(case, &email, &password()).expect(201).json();
    let first = confirmation_id(case, &email);
    let second_answer = create(case, &email, &second).expect(201).json();
    assert!(is_uuid(&first_answer["user"]["id"]), "{first_answer}");
    assert_eq!(second_answer, first_answer);
    let again = case.server().await_messages(&email, 2).pop().expect("two").link_token();
    assert_ne!(first, again);
    assert_eq!(confirm(case, &again).expect(200).json()["user"]["id"], first_answer["user"]["id"]);
    login(case, &email, &second).expect(200);
    confirm(case, &first).expect(404);
}

/// Confirming: 200 with the same user, now active.
fn seed_001_08(case: &Case) {
    let email = case.email().replace("user", "User");
    let created = create(case, &email, &password()).expect(201).json();
    let confirmed = confirm(case, &confirmation_id(case, &email)).expect(200);
    let user = json!({"id": created["user"]["id"], "email": email, "active": true});
    assert_eq!(confirmed.json()["user"], user);
    assert_eq!(confirmed.header("cache-control"), Some("no-store"));
    for accept in NO_BROWSERS {
        let email = case.email();
        create(case, &email, &password()).expect(201);
        let link = format!("/v1/requests/accounts/{}", confirmation_id(case, &email));
        let confirmed = case.http().get(&link).header("Accept", accept).send().expect(200).json();
        assert_eq!(confirmed["user"]["active"], true, "{accept}: {confirmed}");
        assert!(is_accepted(case, &confirmed["token"]["access"]), "{accept}: {confirmed}");
    }
}

/// The answer to a confirmation holds tokens, all strings, and they work.
fn seed_001_09(case: &Case) {
    let email = case.email();
    create(case, &email, &password()).expect(201);
    let body = confirm(case, &confirmation_id(case, &email)).expect(200).json();
    let token = &body["token"];
    assert_eq!(token.as_object().map(|object| object.len()), Some(4), "{body}");
    assert!(is_uuid(&token["access"]) && is_uuid(&token["refresh"]), "{body}");
    assert!(is_timestamp(&token["created"]) && is_timestamp(&token["expired"]), "{body}");
    assert!(is_accepted(case, &token["access"]));
}

/// An unknown, used, expired or malformed id: 404.
fn seed_001_10(case: &Case) {
    let mut case = case.with_clock();
    for id in [UNKNOWN, "1", "..", "c7719bb1", &UNKNOWN.replace('-', ""), "%00", &"a".repeat(4000)] {
        assert_eq!(confirm(&case, id).status, 404, "{id}");
    }
    let email = case.email();
    create(&case, &email, &password()).expect(201);
    let id = confirmation_id(&case, &email);
    confirm(&case, &id).expect(200);
    confirm(&case, &id).expect(404);
    let (late, in_time) = (case.email(), case.email());
    for email in [&late, &in_time] {
        create(&case, email, &password()).expect(201);
    }
    case.server_mut().advance(Duration::from_secs(5 * 86_400 - 60));
    confirm(&case, &confirmation_id(&case, &in_time)).expect(200);
    case.server_mut().advance(Duration::from_secs(120));
    confirm(&case, &confirmation_id(&case, &late)).expect(404);
}

/// HEAD and OPTIONS, as mail scanners send them, confirm nothing.
fn seed_001_11(case: &Case) {
    let (email, password) = (case.email(), password());
    create(case, &email, &password).expect(201);
    let id = confirmation_id(case, &email);
    for method in ["HEAD", "OPTIONS"] {
        case.http().request(method, &format!("/v1/requests/accounts/{id}")).send();
        login(case, &email, &password).expect(401);
    }
    confirm(case, &id).expect(200);
}

/// And a link from before there was a prefix works on.
fn a_prefix_is_in_the_link(case: &Case) {
    let case = case.with_config("[surfaces.authd]\nprefix = \"/old\"");
    let link = || {
        let email = case.email();
        case.post("/old/v1/requests/accounts", json!({"email": email, "password": password()})).expect(201);
        case.server().latest_to(&email)
    };
    let message = link();
    assert_eq!(message.link_path(), format!("/old/v1/requests/accounts/{}", message.link_token()));
    case.get(&message.link_path()).expect(200);
    confirm(&case, &link().link_token()).expect(200);
}
