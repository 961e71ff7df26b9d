//! Resetting a password.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    ask_for_reset, confirm, confirmation_id, create, is_accepted, login, register, reset, reset_id, tokens,
};
use crate::case::{Case, on_both_engines, password, visible};

on_both_engines! {
    seed_001_18
    seed_001_19
    seed_001_20
    seed_001_21
    seed_001_22
    seed_001_25
}

const UNKNOWN: &str = "39802b61-9dd4-4ec5-b5c3-94f3d6c68ef0";

/// Asking for a reset: 204 without a body, and a message goes out.
fn seed_001_18(case: &Case) {
    let member = register(case);
    let response = ask_for_reset(case, &member.email).expect(204);
    assert!(response.body.is_empty());
    let message = case.server().await_messages(&member.email, 2).pop().expect("two");
    assert_eq!((message.channel.as_str(), message.template.as_str()), ("email", "reset_credentials"));
    assert!(super::is_uuid(&json!(message.link_token())), "{message:?}");
    for body in [json!({}), json!({"email": "no-address"}), json!({"email": 5})] {
        assert_eq!(case.post("/v1/requests/credentials/", body.clone()).status, 400, "{body}");
    }
}

/// An unknown address is answered alike, and no message goes out.
fn seed_001_19(case: &Case) {
    let (member, unknown) = (register(case), case.email());
    let to_known = ask_for_reset(case, &member.email).expect(204);
    let to_unknown = ask_for_reset(case, &unknown).expect(204);
    assert_eq!(visible(&to_known), visible(&to_unknown));
    // The second request for the known one is a fence: what came before it would be in the outbox by now.
    ask_for_reset(case, &member.email).expect(204);
    case.server().await_messages(&member.email, 3);
    assert!(case.server().messages_to(&unknown).is_empty());
}

/// The id and a new password: 204 without a body; the new one signs in, the old one no longer.
fn seed_001_20(case: &Case) {
    let member = register(case);
    let (id, new) = (reset_id(case, &member.email), password());
    let response = reset(case, &id, &new).expect(204);
    assert!(response.body.is_empty());
    login(case, &member.email, &new).expect(200);
    login(case, &member.email, &member.password).expect(401);
}

/// A password below the criteria: 400, and the id is still good.
fn seed_001_21(case: &Case) {
    let member = register(case);
    let (id, new) = (reset_id(case, &member.email), password());
    reset(case, &id, "12345").expect(400);
    case.post(&format!("/v1/requests/credentials/{id}"), json!({})).expect(400);
    case.post(&format!("/v1/requests/credentials/{id}"), json!({"password": 123_456})).expect(400);
    tokens(case, &member);
    reset(case, &id, &new).expect(204);
    login(case, &member.email, &new).expect(200);
}

/// An unknown, used, expired or malformed id: 404. A reset voids the tokens issued before.
fn seed_001_22(case: &Case) {
    let mut case = case.with_clock();
    for id in [UNKNOWN, "1", "%2e%2e", &UNKNOWN.replace('-', "")] {
        assert_eq!(reset(&case, id, &password()).status, 404, "{id}");
    }
    let member = register(&case);
    let before: Value = tokens(&case, &member);
    assert!(is_accepted(&case, &before["access"]));
    let id = reset_id(&case, &member.email);
    reset(&case, &id, &member.password).expect(204);
    reset(&case, &id, &password()).expect(404);
    assert!(!is_accepted(&case, &before["access"]), "an access token survived the reset");
    let refresh = before["refresh"].as_str().expect("a string");
    let grant = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    case.http().post("/v1/tokens/").form(&grant).send().expect(400);
    let (late, in_time) = (reset_id(&case, &member.email), register(&case));
    let in_time_id = reset_id(&case, &in_time.email);
    case.server_mut().advance(Duration::from_secs(12 * 3600 - 60));
    reset(&case, &in_time_id, &password()).expect(204);
    case.server_mut().advance(Duration::from_secs(120));
    reset(&case, &late, &password()).expect(404);
}

/// An id of one kind is unknown to the other, and not used up by the attempt.
fn seed_001_25(case: &Case) {
    let (email, first, member) = (case.email(), password(), register(case));
    create(case, &email, &first).expect(201);
    let confirmation = confirmation_id(case, &email);
    let reset_id = reset_id(case, &member.email);
    reset(case, &confirmation, &password()).expect(404);
    confirm(case, &reset_id).expect(404);
    confirm(case, &confirmation).expect(200);
    login(case, &email, &first).expect(200);
    reset(case, &reset_id, &password()).expect(204);
}
