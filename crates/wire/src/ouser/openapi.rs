//! 000 in OpenAPI. Parameters may come in the query string too; a body is what clients send.

use utoipa::openapi::path::HttpMethod;

use crate::openapi::describe::Shape::{Flag, Object, OneOf, Password, Text};
use crate::openapi::describe::{Description, Draft, FORM, JSON, Member, optional, required};

/// The calls.
pub(crate) fn describe() -> Vec<Description> {
    vec![send(), login(), register(), reset_password(), refresh(), change_password(), logout()]
}

fn send() -> Description {
    let message = OneOf(&["register", "login", "reset_password"]);
    let [identifier, identifier_type] = who();
    let fields = vec![identifier, identifier_type, optional("message", message)];
    post("/send", "Send a verification code", fields)
        .answers(202, "Queued for delivery.")
        .refuses(404, "There is no such message.")
        .is_limited()
        .done()
}

fn login() -> Description {
    let [identifier, identifier_type] = who();
    let proofs = [optional("password", Text), optional("verification_code", Text)];
    let fields = [identifier, identifier_type].into_iter().chain(proofs).collect();
    post("/login", "Sign in with a password or with a verification code", fields)
        .answers_with(200, "The session.", &Object(vec![session()]))
        .refuses(401, "Incorrect identifier, password or code.")
        .is_limited()
        .done()
}

fn register() -> Description {
    post("/register", "Register the identifier that a code was sent to", vec![code(), new_password()])
        .answers(201, "Created.")
        .refuses(409, "The identifier is already registered.")
        .refuses(410, "The code is invalid or expired.")
        .is_limited()
        .done()
}

fn reset_password() -> Description {
    post("/reset_password", "Change the password without the current one", vec![code(), new_password()])
        .answers(204, "Password changed.")
        .refuses(410, "The code is invalid or expired.")
        .is_limited()
        .done()
}

fn refresh() -> Description {
    post("/refresh", "Exchange a session token for a new one", vec![session()])
        .answers_with(200, "The new token; the old one is void.", &Object(vec![session()]))
        .refuses(410, "The session is invalid or expired.")
        .done()
}

fn change_password() -> Description {
    let fields = vec![session(), required("current_password", Text), new_password()];
    post("/change_password", "Change the password", fields)
        .answers(204, "Password changed.")
        .refuses(403, "The current password is incorrect.")
        .refuses(410, "The session is invalid or expired.")
        .is_limited()
        .done()
}

fn logout() -> Description {
    post("/logout", "End this session, or all of the account", vec![session(), optional("all", Flag)])
        .answers(204, "Logged out.")
        .refuses(410, "The session is invalid or expired.")
        .done()
}

fn post(path: &'static str, summary: &str, fields: Vec<Member>) -> Draft {
    let errors = Object(vec![required("message", Text)]);
    Draft::new("OUser (000)", HttpMethod::Post, path, summary, &errors)
        .takes(&[JSON, FORM], fields)
        .refuses(415, "Neither JSON nor a form.")
}

fn who() -> [Member; 2] {
    [required("identifier", Text), required("identifier_type", OneOf(&["email", "sms"]))]
}

fn code() -> Member {
    required("verification_code", Text)
}

fn session() -> Member {
    required("session_token", Text)
}

fn new_password() -> Member {
    required("password", Password(8))
}
