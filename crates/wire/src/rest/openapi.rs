//! 004 in OpenAPI.

use utoipa::openapi::path::HttpMethod;

use crate::openapi::describe::Shape::{self, AnyText, Email, Integer, Object, Password, Text, Texts};
use crate::openapi::describe::{Description, Draft, FORM, JSON, MULTIPART, Member, optional, required};

/// The calls.
pub(crate) fn describe() -> Vec<Description> {
    vec![
        with_body(HttpMethod::Post, "/auth/register/", "Register", registration())
            .answers_with(201, "Registered.", &profile())
            .refuses(403, "The request bears credentials.")
            .is_limited()
            .done(),
        with_body(HttpMethod::Post, "/auth/login/", "Sign in; wrong credentials are answered 400", login())
            .answers_with(200, "Signed in.", &Object(vec![required("token", Text)]))
            .is_limited()
            .done(),
        draft(HttpMethod::Get, "/auth/profile/", "Show one's profile")
            .authenticated()
            .answers_with(200, "The profile.", &profile())
            .refuses(401, UNAUTHORIZED)
            .done(),
        with_body(HttpMethod::Patch, "/auth/profile/", "Change one's profile", change())
            .authenticated()
            .answers_with(200, "The profile as it is now.", &profile())
            .refuses(401, UNAUTHORIZED)
            .done(),
        with_body(HttpMethod::Post, "/auth/layer/", "Get an identity token", vec![required("nonce", Text)])
            .authenticated()
            .answers_with(201, "The identity token.", &Object(vec![required("identity_token", Text)]))
            .refuses(401, UNAUTHORIZED)
            .done(),
    ]
}

const UNAUTHORIZED: &str = "No token, or one that is not valid.";

/// Refusals tell what is wrong with each field, with the fields together, or as `detail` with the
/// request as a whole.
fn draft(method: HttpMethod, path: &'static str, summary: &str) -> Draft {
    let fields = ["email", "username", "password", "first_name", "last_name", "nonce", "non_field_errors"];
    let faults = fields.map(|field| optional(field, Texts)).into_iter().chain([optional("detail", Text)]);
    Draft::new("Accounts (004)", method, path, summary, &Object(faults.collect()))
}

fn with_body(method: HttpMethod, path: &'static str, summary: &str, members: Vec<Member>) -> Draft {
    draft(method, path, summary)
        .takes(&[JSON, FORM, MULTIPART], members)
        .refuses(415, "Neither JSON nor a form.")
}

fn registration() -> Vec<Member> {
    vec![
        required("email", Email),
        required("password", Password(8)),
        required("first_name", Text),
        required("last_name", Text),
    ]
}

fn login() -> Vec<Member> {
    vec![required("username", Text), required("password", Text)]
}

fn change() -> Vec<Member> {
    vec![optional("email", Email), optional("first_name", Text), optional("last_name", Text)]
}

/// An account of another surface may have no address to show and no names.
fn profile() -> Shape {
    Object(vec![
        required("id", Integer),
        required("email", AnyText),
        required("first_name", AnyText),
        required("last_name", AnyText),
    ])
}
