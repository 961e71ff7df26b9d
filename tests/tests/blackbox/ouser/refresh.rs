//! `POST /refresh`.

use std::time::Duration;

use serde_json::json;

use super::{alive, each_is_required, logout, refresh, register, session, token};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    seed_000_33
    seed_000_34
    seed_000_35
    seed_000_36
}

/// A token from login or from refresh: 200 with a session token.
fn seed_000_33(case: &Case) {
    let first = session(case, &register(case));
    let second = token(refresh(case, &first));
    let third = token(refresh(case, &second));
    token(refresh(case, &third));
}

/// Without a session token, or with an empty one or one of another type: 400.
fn seed_000_34(case: &Case) {
    each_is_required(case, "/refresh", &json!({"session_token": session(case, &register(case))}));
    case.post("/refresh", json!({"session_token": 5})).expect(400);
    case.post("/refresh", json!({"session_token": null})).expect(400);
}

/// An unknown, altered, logged-out or expired session: 410.
fn seed_000_35(case: &Case) {
    let mut case = case.with_clock();
    let member = register(&case);
    refresh(&case, "unknown").expect(410);
    let live = session(&case, &member);
    refresh(&case, &live[..live.len() - 1]).expect(410);
    refresh(&case, &format!("{live}x")).expect(410);
    let ended = session(&case, &member);
    logout(&case, &ended).expect(204);
    refresh(&case, &ended).expect(410);
    case.server_mut().advance(Duration::from_secs(30 * 86_400 - 60));
    let renewed = alive(&case, &live).expect("a session of just under 30 days");
    case.server_mut().advance(Duration::from_secs(31 * 86_400));
    refresh(&case, &renewed).expect(410);
}

/// A refresh gives a new token, and the old one is gone at once.
fn seed_000_36(case: &Case) {
    let first = session(case, &register(case));
    let second = token(refresh(case, &first));
    assert_ne!(first, second);
    refresh(case, &first).expect(410);
}
