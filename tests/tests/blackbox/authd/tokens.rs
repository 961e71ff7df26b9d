//! Signing in.

use serde_json::json;

use super::{create, is_accepted, is_timestamp, is_uuid, login, register, reset, reset_id, tokens};
use crate::case::{Case, on_both_engines, password, visible};

on_both_engines! {
    seed_001_12
    seed_001_13
    seed_001_14
    seed_001_15
    seed_001_16
    seed_001_17
    seed_001_23
    seed_001_24
}

/// A confirmed account: 200 with the four members at the top level.
fn seed_001_12(case: &Case) {
    let member = register(case);
    let body = tokens(case, &member);
    let object = body.as_object().expect("an object");
    let mut keys: Vec<_> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["access", "created", "expired", "refresh"]);
    assert!(is_accepted(case, &body["access"]));
}

/// Tokens are UUIDs, times are `YYYY-MM-DD hh:mm:ss`.
fn seed_001_13(case: &Case) {
    let body = tokens(case, &register(case));
    assert!(is_uuid(&body["access"]) && is_uuid(&body["refresh"]), "{body}");
    assert!(is_timestamp(&body["created"]) && is_timestamp(&body["expired"]), "{body}");
}

/// Created is now in UTC, expired is an hour later, and no token comes twice.
fn seed_001_14(case: &Case) {
    let member = register(case);
    let (before, first) = (now(), tokens(case, &member));
    let (second, after) = (tokens(case, &member), now());
    let created = seconds(first["created"].as_str().expect("a string"));
    assert!(before <= created && created <= after, "{before} {created} {after}");
    assert_eq!(seconds(first["expired"].as_str().expect("a string")) - created, 3600);
    let mut all =
        [&first["access"], &first["refresh"], &second["access"], &second["refresh"]].map(|t| t.to_string());
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
}

/// A wrong password and an unknown address: 401, and the same answer.
fn seed_001_15(case: &Case) {
    let member = register(case);
    let wrong = login(case, &member.email, "something else").expect(401);
    let unknown = login(case, &case.email(), "something else").expect(401);
    assert_eq!(visible(&wrong), visible(&unknown));
    for body in [
        json!({}),
        json!({"email": member.email}),
        json!({"email": "", "password": ""}),
        json!({"password": "x"}),
    ] {
        assert_eq!(case.post("/v1/tokens/", body.clone()).status, 401, "{body}");
    }
    case.http().post("/v1/tokens/").body("application/json", "{\"email\":").send().expect(400);
}

/// An account that is not confirmed: 401 even with the right password, as if it did not exist.
fn seed_001_16(case: &Case) {
    let (email, password) = (case.email(), password());
    create(case, &email, &password).expect(201);
    let unconfirmed = login(case, &email, &password).expect(401);
    let unknown = login(case, &case.email(), &password).expect(401);
    assert_eq!(visible(&unconfirmed), visible(&unknown));
}

/// The path works without its last slash, and the others with one.
fn seed_001_17(case: &Case) {
    let member = register(case);
    let body = json!({"email": member.email, "password": member.password});
    case.post("/v1/tokens", body.clone()).expect(200);
    case.post("/v1/requests/credentials", json!({"email": member.email})).expect(204);
    case.post("/v1/requests/accounts/", json!({"email": case.email(), "password": password()})).expect(201);
}

/// JSON is understood with the document's charset and without.
fn seed_001_23(case: &Case) {
    let member = register(case);
    let body = json!({"email": member.email, "password": member.password}).to_string();
    for content_type in
        ["application/json; charset=UTF-8", "application/json", "application/json;charset=utf-8"]
    {
        let response = case.http().post("/v1/tokens/").body(content_type, body.as_str()).send();
        assert_eq!(response.status, 200, "{content_type}");
    }
}

/// Each call has its own status: create 201, confirm 200, login 200, both reset calls 204.
fn seed_001_24(case: &Case) {
    let (email, password) = (case.email(), password());
    create(case, &email, &password).expect(201);
    super::confirm(case, &super::confirmation_id(case, &email)).expect(200);
    login(case, &email, &password).expect(200);
    let id = reset_id(case, &email);
    reset(case, &id, &password).expect(204);
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("small")
}

/// Seconds since 1970 of `YYYY-MM-DD hh:mm:ss` in UTC, by counting the days of the civil calendar.
fn seconds(text: &str) -> i64 {
    let parts: Vec<i64> = text.split([' ', '-', ':']).map(|part| part.parse().expect("a number")).collect();
    let [year, month, day, hour, minute, second] = parts[..] else { panic!("not six numbers: {text}") };
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let february = if leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years: i64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let months: i64 = (1..month).map(|month| lengths[usize::try_from(month - 1).expect("a month")]).sum();
    ((years + months + day - 1) * 24 + hour) * 3600 + minute * 60 + second
}
