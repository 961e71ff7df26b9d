//! `POST /reset_password`.

use std::time::Duration;

use serde_json::json;

use super::{alive, code_for, each_is_required, login, redeem, register, reset, session, token};
use crate::case::{Case, on_both_engines, password};

on_both_engines! {
    seed_000_28
    seed_000_29
    seed_000_30
    seed_000_31
}

/// A code and a new password: 204; the new one signs in, the old one no longer.
fn seed_000_28(case: &Case) {
    let member = register(case);
    let new = password();
    let code = code_for(case, &member.email);
    let response = reset(case, &code, &new).expect(204);
    assert!(response.body.is_empty());
    token(login(case, &member.email, &new));
    login(case, &member.email, &member.password).expect(401);
}

/// Either parameter missing or empty, or a password too short: 400, and the code is still good.
fn seed_000_29(case: &Case) {
    let member = register(case);
    let code = code_for(case, &member.email);
    let body = json!({"verification_code": code, "password": password()});
    each_is_required(case, "/reset_password", &body);
    reset(case, &code, "seven77").expect(400);
    case.post("/reset_password", body).expect(204);
}

/// An invalid, expired or used code: 410.
fn seed_000_30(case: &Case) {
    let mut case = case.with_clock();
    let member = register(&case);
    reset(&case, "00000-00000", &password()).expect(410);
    let code = code_for(&case, &member.email);
    reset(&case, &code, &member.password).expect(204);
    reset(&case, &code, &password()).expect(410);
    session(&case, &member);
    let code = code_for(&case, &member.email);
    case.server_mut().advance(Duration::from_secs(10 * 60 + 1));
    reset(&case, &code, &password()).expect(410);
}

/// For an identifier without an account: 410, and none comes to be. A reset ends every session of its account.
fn seed_000_31(case: &Case) {
    let (stranger, new) = (case.email(), password());
    let code = code_for(case, &stranger);
    reset(case, &code, &new).expect(410);
    login(case, &stranger, &new).expect(401);
    let member = register(case);
    let sessions = [session(case, &member), session(case, &member)];
    let code = code_for(case, &member.email);
    reset(case, &code, &new).expect(204);
    for session_token in sessions {
        assert!(alive(case, &session_token).is_none(), "a session survived the reset");
    }
    redeem(case, &code, &new).expect(410);
}
