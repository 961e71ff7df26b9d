//! `POST /change_password`.

use std::time::Duration;

use serde_json::json;

use super::{alive, change, each_is_required, login, logout, refresh, register, session, token};
use crate::case::{Case, on_both_engines, password};

on_both_engines! {
    seed_000_37
    seed_000_38
    seed_000_39
    seed_000_40
    seed_000_41
}

/// 204; the new password signs in, the old one no longer; this session stays, the others end.
fn seed_000_37(case: &Case) {
    let member = register(case);
    let (this, other, new) = (session(case, &member), session(case, &member), password());
    let response = change(case, &this, &member.password, &new).expect(204);
    assert!(response.body.is_empty());
    token(login(case, &member.email, &new));
    login(case, &member.email, &member.password).expect(401);
    assert!(alive(case, &this).is_some(), "the session that changed it ended");
    assert!(alive(case, &other).is_none(), "another session survived");
}

/// Any of the three missing or empty, or a new password that is too short: 400.
fn seed_000_38(case: &Case) {
    let member = register(case);
    let session_token = session(case, &member);
    let body =
        json!({"session_token": session_token, "current_password": member.password, "password": password()});
    each_is_required(case, "/change_password", &body);
    change(case, &session_token, &member.password, "seven77").expect(400);
    session(case, &member);
}

/// A wrong current password: 403, and nothing is changed.
fn seed_000_39(case: &Case) {
    let member = register(case);
    let (session_token, new) = (session(case, &member), password());
    change(case, &session_token, "something else", &new).expect(403);
    login(case, &member.email, &new).expect(401);
    session(case, &member);
    assert!(alive(case, &session_token).is_some());
}

/// An unknown, logged-out or expired session: 410, also with a wrong current password.
fn seed_000_40(case: &Case) {
    let mut case = case.with_clock();
    let member = register(&case);
    change(&case, "unknown", &member.password, &password()).expect(410);
    let ended = session(&case, &member);
    logout(&case, &ended).expect(204);
    change(&case, &ended, &member.password, &password()).expect(410);
    change(&case, &ended, "something else", &password()).expect(410);
    let old = session(&case, &member);
    case.server_mut().advance(Duration::from_secs(31 * 86_400));
    change(&case, &old, &member.password, &password()).expect(410);
    session(&case, &member);
}

/// A token from login and one from refresh are both good.
fn seed_000_41(case: &Case) {
    let member = register(case);
    let (second, third) = (password(), password());
    let from_login = session(case, &member);
    change(case, &from_login, &member.password, &second).expect(204);
    let from_refresh = token(refresh(case, &from_login));
    change(case, &from_refresh, &second, &third).expect(204);
    token(login(case, &member.email, &third));
}
