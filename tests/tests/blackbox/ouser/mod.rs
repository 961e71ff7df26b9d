//! Document 000: `/send /login /register /reset_password /refresh /change_password /logout`.

mod change_password;
mod dredd;
mod encodings;
mod faults;
mod login;
mod logout;
mod refresh;
mod register;
mod reset_password;
mod send;

use countersign_testkit::Response;
use serde_json::{Value, json};

use crate::case::{Case, password};

/// Someone registered by e-mail.
pub struct Member {
    pub email: String,
    pub password: String,
}

/// Asks for a code and reads it from the outbox.
pub fn code_for(case: &Case, email: &str) -> String {
    code_of_type(case, email, "email")
}

/// The same for any kind of identifier.
pub fn code_of_type(case: &Case, identifier: &str, identifier_type: &str) -> String {
    let before = case.server().messages_to(identifier).len();
    case.post("/send", json!({"identifier": identifier, "identifier_type": identifier_type})).expect(202);
    let messages = case.server().await_messages(identifier, before + 1);
    messages.last().expect("a message").code()
}

/// Registers a fresh address with a fresh password.
pub fn register(case: &Case) -> Member {
    let member = Member { email: case.email(), password: password() };
    let code = code_for(case, &member.email);
    redeem(case, &code, &member.password).expect(201);
    member
}

/// `/register`.
pub fn redeem(case: &Case, code: &str, password: &str) -> Response {
    case.post("/register", json!({"verification_code": code, "password": password}))
}

/// `/reset_password`.
pub fn reset(case: &Case, code: &str, password: &str) -> Response {
    case.post("/reset_password", json!({"verification_code": code, "password": password}))
}

/// `/login` by e-mail and password.
pub fn login(case: &Case, email: &str, password: &str) -> Response {
    case.post("/login", json!({"identifier": email, "identifier_type": "email", "password": password}))
}

/// `/login` by e-mail and code.
pub fn login_by_code(case: &Case, email: &str, code: &str) -> Response {
    case.post("/login", json!({"identifier": email, "identifier_type": "email", "verification_code": code}))
}

/// `/refresh`.
pub fn refresh(case: &Case, session_token: &str) -> Response {
    case.post("/refresh", json!({"session_token": session_token}))
}

/// `/change_password`.
pub fn change(case: &Case, session_token: &str, current: &str, new: &str) -> Response {
    let body = json!({"session_token": session_token, "current_password": current, "password": new});
    case.post("/change_password", body)
}

/// `/logout` of one session.
pub fn logout(case: &Case, session_token: &str) -> Response {
    case.post("/logout", json!({"session_token": session_token}))
}

/// The session token of a login or refresh that must succeed.
#[track_caller]
pub fn token(response: Response) -> String {
    let token = response.expect(200).string("session_token");
    assert!(!token.is_empty(), "an empty session token");
    token
}

/// A new session of `member`.
pub fn session(case: &Case, member: &Member) -> String {
    token(login(case, &member.email, &member.password))
}

/// Whether a session still works. It is rotated by this; the new token is given back.
pub fn alive(case: &Case, session_token: &str) -> Option<String> {
    let response = refresh(case, session_token);
    match response.status {
        200 => Some(response.string("session_token")),
        410 => None,
        other => panic!("/refresh answered {other}: {}", response.text()),
    }
}

/// `body` without `key`.
pub fn without(body: &Value, key: &str) -> Value {
    let mut body = body.clone();
    body.as_object_mut().expect("an object").remove(key).expect("the key is there");
    body
}

/// Sends `body` to `path` once without each of its keys, and once with each of them empty: all must answer 400.
#[track_caller]
pub fn each_is_required(case: &Case, path: &str, body: &Value) {
    let keys: Vec<String> = body.as_object().expect("an object").keys().cloned().collect();
    for key in keys {
        assert_eq!(case.post(path, without(body, &key)).status, 400, "{path} without {key}");
        let mut empty = body.clone();
        empty[&key] = json!("");
        assert_eq!(case.post(path, empty).status, 400, "{path} with an empty {key}");
    }
}
