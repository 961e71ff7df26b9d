//! 003 in OpenAPI, at the paths of its headings; those of its example (`/rest/auth/v1/…`) are the same.

use utoipa::openapi::path::HttpMethod;

use crate::openapi::describe::Shape::{self, AnyText, Email, Object, Password, Text};
use crate::openapi::describe::{Description, Draft, JSON, Member, optional, required};

/// The calls.
pub(crate) fn describe() -> Vec<Description> {
    vec![
        post("/auth/v1/tokenrequest", "Get a token for a member's credentials", login())
            .answers_with(200, "A token.", &token())
            .refuses(401, "The username or the password is wrong.")
            .is_limited()
            .done(),
        post("/auth/v1/tokenrefresh", "Exchange a token for a new one", given_token())
            .answers_with(200, "The new token; the old one is void.", &token())
            .refuses(401, "The token is not valid.")
            .done(),
        post("/auth/v1/registermember", "Register a member", member())
            .answers_with(200, "A token of the new member.", &token())
            .refuses(409, "The username or the address is in use.")
            .is_limited()
            .done(),
        post("/auth/v1/logoff", "End a token", given_token())
            .answers(200, "The token grants nothing any more.")
            .done(),
        post("/auth/v1/passwordreset", "Request a password reset", vec![required("email", Email)])
            .answers_with(200, "If the address is a member's, a message is on its way.", &message())
            .is_limited()
            .done(),
    ]
}

fn post(path: &'static str, summary: &str, members: Vec<Member>) -> Draft {
    Draft::new("Auth/v1 (003)", HttpMethod::Post, path, summary, &message())
        .takes(&[JSON], members)
        .refuses(415, "Not JSON.")
}

fn login() -> Vec<Member> {
    vec![required("username", Text), required("password", Text)]
}

fn member() -> Vec<Member> {
    vec![required("username", Text), required("email", Email), required("password", Password(6))]
}

/// The timestamp may be sent along, and is not used.
fn given_token() -> Vec<Member> {
    vec![required("oauth_token", Text), optional("oauth_timestamp", AnyText)]
}

fn token() -> Shape {
    Object(vec![required("oauth_timestamp", Text), required("oauth_token", Text)])
}

fn message() -> Shape {
    Object(vec![required("message", Text)])
}
