//! `POST /logout`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{alive, change, code_for, logout, refresh, register, reset, session};
use crate::case::{Case, on_both_engines, password};

on_both_engines! {
    seed_000_42
    seed_000_43
    seed_000_44
    seed_000_45
    seed_000_46
    seed_000_47
    seed_000_48
}

fn logout_all(case: &Case, session_token: &str, all: Value) -> u16 {
    case.post("/logout", json!({"session_token": session_token, "all": all})).status
}

/// 204; the token is then gone everywhere.
fn seed_000_42(case: &Case) {
    let member = register(case);
    let session_token = session(case, &member);
    logout(case, &session_token).expect(204);
    refresh(case, &session_token).expect(410);
    change(case, &session_token, &member.password, &password()).expect(410);
    logout(case, &session_token).expect(410);
}

/// Without `all`, the other sessions of the user survive.
fn seed_000_43(case: &Case) {
    let member = register(case);
    let (this, other) = (session(case, &member), session(case, &member));
    logout(case, &this).expect(204);
    assert!(alive(case, &this).is_none() && alive(case, &other).is_some());
}

/// With `all`, every session of the user ends, and nobody else's.
fn seed_000_44(case: &Case) {
    let (member, neighbour) = (register(case), register(case));
    let sessions = [session(case, &member), session(case, &member), session(case, &member)];
    let next_door = session(case, &neighbour);
    assert_eq!(logout_all(case, &sessions[1], json!(true)), 204);
    for session_token in sessions {
        assert!(alive(case, &session_token).is_none(), "a session survived");
    }
    assert!(alive(case, &next_door).is_some(), "a session of someone else ended");
}

/// With `all` set to false, only this session ends.
fn seed_000_45(case: &Case) {
    let member = register(case);
    let (this, other) = (session(case, &member), session(case, &member));
    assert_eq!(logout_all(case, &this, json!(false)), 204);
    assert!(alive(case, &this).is_none() && alive(case, &other).is_some());
}

/// Without a session token, or with an `all` that is no boolean: 400, and the session lives.
fn seed_000_46(case: &Case) {
    let session_token = session(case, &register(case));
    case.post("/logout", json!({})).expect(400);
    case.post("/logout", json!({"all": true})).expect(400);
    case.post("/logout", json!({"session_token": ""})).expect(400);
    for all in [json!("perhaps"), json!(2), json!([true]), json!({"all": true})] {
        assert_eq!(logout_all(case, &session_token, all.clone()), 400, "{all}");
    }
    let form = case.http().post("/logout").form(&[("session_token", &session_token), ("all", "yes")]).send();
    assert_eq!(form.status, 400);
    assert!(alive(case, &session_token).is_some());
}

/// An unknown or expired session, or the second logout: 410.
fn seed_000_47(case: &Case) {
    let mut case = case.with_clock();
    let member = register(&case);
    logout(&case, "unknown").expect(410);
    assert_eq!(logout_all(&case, "unknown", json!(true)), 410);
    let once = session(&case, &member);
    logout(&case, &once).expect(204);
    logout(&case, &once).expect(410);
    let old = session(&case, &member);
    case.server_mut().advance(Duration::from_secs(31 * 86_400));
    logout(&case, &old).expect(410);
}

/// An answer 204 has no body and announces none.
fn seed_000_48(case: &Case) {
    let member = register(case);
    let session_token = session(case, &member);
    let answers = [
        change(case, &session_token, &member.password, &password()).expect(204),
        reset(case, &code_for(case, &member.email), &member.password).expect(204),
        logout(case, &session(case, &member)).expect(204),
    ];
    for answer in answers {
        assert!(answer.body.is_empty(), "{}", answer.text());
        // RFC 9110, section 8.6: a server must not send Content-Length in a 204.
        assert_eq!((answer.header("content-length"), answer.header("transfer-encoding")), (None, None));
    }
}
