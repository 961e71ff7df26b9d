//! Document 003: `/auth/v1/*`.

mod password_reset;
mod register_member;
mod tokens;

use countersign_testkit::Response;
use serde_json::json;

use crate::case::{Case, password};

/// A registered member.
pub struct Member {
    /// `username`
    pub username: String,
    /// `email`
    pub email: String,
    /// `password`
    pub password: String,
    /// The `oauth_token` of the registration.
    pub token: String,
}

impl Member {
    /// Registers one.
    pub fn register(case: &Case) -> Self {
        let (username, email, password) = (case.username(), case.email(), password());
        let body = json!({ "username": username, "email": email, "password": password });
        let token = case.post("/auth/v1/registermember", body).expect(200).string("oauth_token");
        Self { username, email, password, token }
    }

    /// Asks for a token.
    pub fn request_token(&self, case: &Case) -> Response {
        request_token(case, &self.username, &self.password)
    }
}

/// The answer to a tokenrequest.
pub fn request_token(case: &Case, username: &str, password: &str) -> Response {
    case.post("/auth/v1/tokenrequest", json!({ "username": username, "password": password }))
}

/// The answer to a tokenrefresh.
pub fn refresh(case: &Case, token: &str) -> Response {
    case.post("/auth/v1/tokenrefresh", json!({ "oauth_token": token }))
}

/// The answer to a logoff.
pub fn logoff(case: &Case, token: &str) -> Response {
    case.post("/auth/v1/logoff", json!({ "oauth_token": token }))
}

/// The token of an answer that has the two documented fields, and its timestamp.
#[track_caller]
pub fn token_of(response: &Response) -> (String, jiff::Timestamp) {
    assert_eq!(response.status, 200, "{}", response.text());
    let stamp = response.string("oauth_timestamp");
    // `2012-07-16T17:23:34Z`: no fraction, no offset.
    assert!(stamp.len() == 20 && stamp.ends_with('Z') && stamp.as_bytes()[10] == b'T', "{stamp}");
    let token = response.string("oauth_token");
    assert!(!token.is_empty());
    (token, stamp.parse().expect("a date"))
}

/// A refusal has the status and says why.
#[track_caller]
pub fn refused(response: Response, status: u16) -> Response {
    let response = response.expect(status);
    assert!(!response.string("message").is_empty());
    response
}
