//! `POST /login`, by password and by code.

use std::time::Duration;

use serde_json::json;

use super::{
    Member, code_for, code_of_type, each_is_required, login, login_by_code, redeem, refresh, register, reset,
    session, token,
};
use crate::case::{Case, on_both_engines, password, visible};

on_both_engines! {
    seed_000_12
    seed_000_13
    seed_000_14
    seed_000_15
    seed_000_16
    seed_000_17
    seed_000_18
    seed_000_19
    seed_000_20
    seed_000_21
    seed_000_32
}

/// The right password: 200 with a session token that works.
fn seed_000_12(case: &Case) {
    let member = register(case);
    let response = login(case, &member.email, &member.password).expect(200);
    assert_eq!(response.json().as_object().map(|object| object.len()), Some(1), "{}", response.text());
    token(refresh(case, &token(response)));
    let phone = case.phone();
    let code = code_of_type(case, &phone, "sms");
    redeem(case, &code, &member.password).expect(201);
    let body = json!({"identifier": phone, "identifier_type": "sms", "password": member.password});
    token(case.post("/login", body));
}

/// Any of the three missing or empty: 400.
fn seed_000_13(case: &Case) {
    let Member { email, password } = register(case);
    let body = json!({"identifier": email, "identifier_type": "email", "password": password});
    each_is_required(case, "/login", &body);
}

/// A wrong password: 401.
fn seed_000_14(case: &Case) {
    let member = register(case);
    let almost = format!("{} ", member.password);
    for wrong in ["something else", &almost, &member.password.to_uppercase()] {
        login(case, &member.email, wrong).expect(401);
    }
    token(login(case, &member.email, &member.password));
}

/// An unknown identifier: the very answer of a wrong password.
fn seed_000_15(case: &Case) {
    let member = register(case);
    let wrong = login(case, &member.email, "something else").expect(401);
    let unknown = login(case, &case.email(), "something else").expect(401);
    assert_eq!(visible(&wrong), visible(&unknown));
}

/// The right value under the other identifier type never signs in.
fn seed_000_16(case: &Case) {
    let member = register(case);
    let phone = case.phone();
    let code = code_of_type(case, &phone, "sms");
    redeem(case, &code, &member.password).expect(201);
    for (identifier, identifier_type) in [(&member.email, "sms"), (&phone, "email")] {
        let body = json!({"identifier": identifier, "identifier_type": identifier_type, "password": member.password});
        let status = case.post("/login", body).status;
        assert!(matches!(status, 400 | 401), "{identifier} as {identifier_type}: {status}");
    }
}

/// The right code: 200 with a session token that works; case, dashes and spaces in the code do not matter.
fn seed_000_17(case: &Case) {
    let member = register(case);
    let code = code_for(case, &member.email);
    let session_token = token(login_by_code(case, &member.email, &code));
    token(refresh(case, &session_token));
    let code = code_for(case, &member.email);
    let spoken = format!(" {} ", code.to_lowercase().replace('-', " "));
    token(login_by_code(case, &member.email, &spoken));
}

/// Code given, but the identifier or its type missing: 400; neither password nor code: 400.
fn seed_000_18(case: &Case) {
    let member = register(case);
    let code = code_for(case, &member.email);
    let body = json!({"identifier": member.email, "identifier_type": "email", "verification_code": code});
    each_is_required(case, "/login", &body);
    token(case.post("/login", body));
}

/// A code of someone else: 401, for both of them until its owner uses it.
fn seed_000_19(case: &Case) {
    let (member, other) = (register(case), register(case));
    let code = code_for(case, &member.email);
    login_by_code(case, &other.email, &code).expect(401);
    login_by_code(case, &case.email(), &code).expect(401);
    token(login_by_code(case, &member.email, &code));
    for email in [&member.email, &other.email] {
        login_by_code(case, email, &code).expect(401);
    }
}

/// An invalid, expired or used code: 401; so is one for an address without an account.
fn seed_000_20(case: &Case) {
    let mut case = case.with_clock();
    let member = register(&case);
    login_by_code(&case, &member.email, "00000-00000").expect(401);
    login_by_code(&case, &member.email, "no code at all").expect(401);
    let code = code_for(&case, &member.email);
    token(login_by_code(&case, &member.email, &code));
    login_by_code(&case, &member.email, &code).expect(401);
    let stranger = case.email();
    let code = code_for(&case, &stranger);
    login_by_code(&case, &stranger, &code).expect(401);
    let code = code_for(&case, &member.email);
    case.server_mut().advance(Duration::from_secs(10 * 60 + 1));
    login_by_code(&case, &member.email, &code).expect(401);
}

/// Password and code together: 400, and the code is still good.
fn seed_000_21(case: &Case) {
    let Member { email, password } = register(case);
    let code = code_for(case, &email);
    let both = json!({"identifier": email, "identifier_type": "email", "password": password, "verification_code": code});
    case.post("/login", both).expect(400);
    token(login_by_code(case, &email, &code));
}

/// A code serves register, login and reset alike, whatever message it came with.
fn seed_000_32(case: &Case) {
    for message in [None, Some("register"), Some("login"), Some("reset_password")] {
        let email = case.email();
        let send = || {
            let before = case.server().messages_to(&email).len();
            let mut body = json!({"identifier": email, "identifier_type": "email"});
            if let Some(message) = message {
                body["message"] = json!(message);
            }
            case.post("/send", body).expect(202);
            case.server().await_messages(&email, before + 1).pop().expect("a message").code()
        };
        let member = Member { email: email.clone(), password: password() };
        redeem(case, &send(), &password()).expect(201);
        token(login_by_code(case, &email, &send()));
        reset(case, &send(), &member.password).expect(204);
        session(case, &member);
    }
}
