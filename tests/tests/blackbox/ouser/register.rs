//! `POST /register`.

use std::time::Duration;

use serde_json::json;

use super::{code_for, each_is_required, login, redeem, register, session, token};
use crate::case::{Case, on_both_engines, password};

on_both_engines! {
    seed_000_22
    seed_000_23
    seed_000_24
    seed_000_25
    seed_000_26
    seed_000_27
}

/// A code and a password: 201; then the identifier that the code went to signs in.
fn seed_000_22(case: &Case) {
    let (email, password) = (case.email(), password());
    login(case, &email, &password).expect(401);
    let code = code_for(case, &email);
    let response = redeem(case, &code, &password).expect(201);
    assert_eq!(response.text(), "", "no session comes with it");
    token(login(case, &email, &password));
}

/// The identifier comes from the code alone: one in the body changes nothing.
fn seed_000_23(case: &Case) {
    let (email, other, password) = (case.email(), case.email(), password());
    let code = code_for(case, &email);
    let body = json!({"verification_code": code, "password": password, "identifier": other, "identifier_type": "email"});
    case.post("/register", body).expect(201);
    token(login(case, &email, &password));
    login(case, &other, &password).expect(401);
}

/// Either parameter missing or empty: 400, and the code is still good.
fn seed_000_24(case: &Case) {
    let code = code_for(case, &case.email());
    let body = json!({"verification_code": code, "password": password()});
    each_is_required(case, "/register", &body);
    case.post("/register", body).expect(201);
}

/// An invalid, expired or used code: 410.
fn seed_000_25(case: &Case) {
    let mut case = case.with_clock();
    redeem(&case, "00000-00000", &password()).expect(410);
    redeem(&case, "no code at all", &password()).expect(410);
    let code = code_for(&case, &case.email());
    redeem(&case, &code, &password()).expect(201);
    redeem(&case, &code, &password()).expect(410);
    let code = code_for(&case, &case.email());
    case.server_mut().advance(Duration::from_secs(10 * 60 + 1));
    redeem(&case, &code, &password()).expect(410);
}

/// A fresh code for a registered identifier: 409, and the old password still works.
fn seed_000_26(case: &Case) {
    let member = register(case);
    let code = code_for(case, &member.email);
    let new = password();
    redeem(case, &code, &new).expect(409);
    session(case, &member);
    login(case, &member.email, &new).expect(401);
}

/// A password that is too short: 400, and the code is still good.
fn seed_000_27(case: &Case) {
    let email = case.email();
    let code = code_for(case, &email);
    redeem(case, &code, "seven77").expect(400);
    redeem(case, &code, "eight888").expect(201);
    token(login(case, &email, "eight888"));
}
