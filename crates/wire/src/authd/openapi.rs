//! 001 in OpenAPI.

use utoipa::openapi::path::HttpMethod;

use crate::openapi::describe::Shape::{
    self, Either, Email, Flag, Integer, Object, OneOf, Password, Text, Texts, Uuid,
};
use crate::openapi::describe::{Description, Draft, FORM, JSON, Member, optional, required};

/// The calls.
pub(crate) fn describe() -> Vec<Description> {
    vec![request_account(), confirm_account(), tokens(), request_reset(), reset_password()]
}

fn request_account() -> Description {
    draft(HttpMethod::Post, "/v1/requests/accounts", "Create an account", &errors())
        .takes(&[JSON, FORM], vec![required("email", Email), required("password", Password(6))])
        .answers_with(201, "Not yet active; a confirmation is on its way.", &Object(vec![user()]))
        .is_limited()
        .done()
}

fn confirm_account() -> Description {
    let confirmed = Object(vec![user(), required("token", token())]);
    draft(HttpMethod::Get, "/v1/requests/accounts/{id}", "Confirm an account", &errors())
        .answers_with(200, "The account and its tokens.", &confirmed)
        .refuses(404, "Unknown, used or expired.")
        .done()
}

/// One path, two dialects: JSON as the document has it, forms as RFC 6749 does.
fn tokens() -> Description {
    let login = Object(vec![required("email", Text), required("password", Text)]);
    let grant = Object(vec![
        required("grant_type", OneOf(&["password", "refresh_token"])),
        optional("username", Text),
        optional("password", Text),
        optional("refresh_token", Text),
    ]);
    let granted = Object(vec![
        required("access_token", Text),
        required("token_type", OneOf(&["Bearer"])),
        required("expires_in", Integer),
        required("refresh_token", Text),
    ]);
    let errors = Either(vec![errors(), Object(vec![required("error", Text)])]);
    draft(HttpMethod::Post, "/v1/tokens/", "Sign in (JSON), or exchange a grant of RFC 6749 (form)", &errors)
        .takes_each(&[(JSON, login), (FORM, grant)])
        .answers_with(200, "The tokens.", &Either(vec![token(), granted]))
        .refuses(401, "The credentials are not valid.")
        .is_limited()
        .done()
}

fn request_reset() -> Description {
    draft(HttpMethod::Post, "/v1/requests/credentials/", "Request a password reset", &errors())
        .takes(&[JSON, FORM], vec![required("email", Email)])
        .answers(204, "If the address is known, a message is on its way.")
        .is_limited()
        .done()
}

fn reset_password() -> Description {
    draft(HttpMethod::Post, "/v1/requests/credentials/{id}", "Reset a password", &errors())
        .takes(&[JSON, FORM], vec![required("password", Password(6))])
        .answers(204, "Password changed.")
        .refuses(404, "Unknown, used or expired.")
        .is_limited()
        .done()
}

fn draft(method: HttpMethod, path: &'static str, summary: &str, errors: &Shape) -> Draft {
    Draft::new("authd (001)", method, path, summary, errors)
}

fn errors() -> Shape {
    Object(vec![required("message", Text), required("errors", Texts)])
}

fn user() -> Member {
    required("user", Object(vec![required("id", Uuid), required("email", Text), required("active", Flag)]))
}

fn token() -> Shape {
    Object(vec![
        required("access", Uuid),
        required("refresh", Uuid),
        required("created", Text),
        required("expired", Text),
    ])
}
