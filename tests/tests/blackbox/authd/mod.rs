//! Document 001: `/v1/requests/accounts`, `/v1/tokens/`, `/v1/requests/credentials/`.

mod accounts;
mod credentials;
mod grants;
mod tokens;

use countersign_testkit::Response;
use serde_json::{Value, json};

use crate::case::{Case, password};

/// Someone registered here.
pub struct Member {
    pub email: String,
    pub password: String,
}

/// `POST /v1/requests/accounts`.
pub fn create(case: &Case, email: &str, password: &str) -> Response {
    case.post("/v1/requests/accounts", json!({"email": email, "password": password}))
}

/// The id in the newest confirmation mail to `email`.
pub fn confirmation_id(case: &Case, email: &str) -> String {
    newest(case, email, "confirm_account")
}

/// `GET /v1/requests/accounts/{id}`.
pub fn confirm(case: &Case, id: &str) -> Response {
    case.get(&format!("/v1/requests/accounts/{id}"))
}

/// A confirmed account with a fresh address and password.
pub fn register(case: &Case) -> Member {
    let member = Member { email: case.email(), password: password() };
    create(case, &member.email, &member.password).expect(201);
    confirm(case, &confirmation_id(case, &member.email)).expect(200);
    member
}

/// `POST /v1/tokens/` as the document has it.
pub fn login(case: &Case, email: &str, password: &str) -> Response {
    case.post("/v1/tokens/", json!({"email": email, "password": password}))
}

/// The tokens of a login that must succeed.
#[track_caller]
pub fn tokens(case: &Case, member: &Member) -> Value {
    login(case, &member.email, &member.password).expect(200).json()
}

/// `POST /v1/requests/credentials/`.
pub fn ask_for_reset(case: &Case, email: &str) -> Response {
    case.post("/v1/requests/credentials/", json!({"email": email}))
}

/// Asks for a reset of an account that exists; the id in the mail.
pub fn reset_id(case: &Case, email: &str) -> String {
    ask_for_reset(case, email).expect(204);
    newest(case, email, "reset_credentials")
}

/// `POST /v1/requests/credentials/{id}`.
pub fn reset(case: &Case, id: &str, password: &str) -> Response {
    case.post(&format!("/v1/requests/credentials/{id}"), json!({"password": password}))
}

/// Whether an access token is accepted where any surface's token is: at the profile of document 004.
pub fn is_accepted(case: &Case, access: &Value) -> bool {
    let access = access.as_str().expect("a string");
    let response =
        case.http().get("/auth/profile/").header("Authorization", &format!("Token {access}")).send();
    match response.status {
        200 => true,
        401 => false,
        other => panic!("/auth/profile/ answered {other}: {}", response.text()),
    }
}

/// Whether `value` is a string in the form of a UUID: 8-4-4-4-12 lower-case hexadecimal digits.
pub fn is_uuid(value: &Value) -> bool {
    let Some(text) = value.as_str() else { return false };
    let lengths: Vec<_> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

/// Whether `value` looks like `2017-01-01 00:00:00`.
pub fn is_timestamp(value: &Value) -> bool {
    let Some(text) = value.as_str() else { return false };
    text.len() == 19
        && text.bytes().zip("dddd-dd-dd dd:dd:dd".bytes()).all(|(found, pattern)| match pattern {
            b'd' => found.is_ascii_digit(),
            exact => found == exact,
        })
}

fn newest(case: &Case, email: &str, template: &str) -> String {
    let messages = case.server().await_messages(email, 1);
    let message = messages.iter().rev().find(|message| message.template == template);
    message.unwrap_or_else(|| panic!("no {template} among {messages:?}")).link_token()
}
