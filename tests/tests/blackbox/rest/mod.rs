//! Document 004: `/auth/register/`, `/auth/login/`, `/auth/profile/`, `/auth/layer/`.

mod contract;
mod layer;
mod login;
mod profile;
mod register;

use countersign_testkit::Response;
use countersign_testkit::http::Request;
use serde_json::{Value, json};

use crate::case::{Case, password};

/// A registered user, signed in.
pub struct User {
    /// `id`
    pub id: i64,
    /// `email`, the username of the login
    pub email: String,
    /// `password`
    pub password: String,
    /// `token`
    pub token: String,
}

impl User {
    /// Registers and signs in.
    pub fn new(case: &Case) -> Self {
        let (email, password) = (case.email(), password());
        let made = case.post("/auth/register/", registration(&email, &password)).expect(201);
        let id = made.json()["id"].as_i64().expect("an integer");
        let token = login(case, &email, &password).expect(200).string("token");
        Self { id, email, password, token }
    }

    /// A request with the token.
    pub fn request(&self, case: &Case, method: &str, path: &str) -> Request {
        authorized(case, method, path, &format!("Token {}", self.token))
    }

    /// The profile.
    pub fn profile(&self, case: &Case) -> Value {
        self.request(case, "GET", "/auth/profile/").send().expect(200).json()
    }

    /// The answer to a change of the profile.
    pub fn patch(&self, case: &Case, body: &Value) -> Response {
        self.request(case, "PATCH", "/auth/profile/").json(body).send()
    }
}

/// The body of a registration.
pub fn registration(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password, "first_name": "Ada", "last_name": "Byron" })
}

/// The answer to a login.
pub fn login(case: &Case, username: &str, password: &str) -> Response {
    case.post("/auth/login/", json!({ "username": username, "password": password }))
}

/// A request with an `Authorization` header.
pub fn authorized(case: &Case, method: &str, path: &str, value: &str) -> Request {
    case.http().request(method, path).header("Authorization", value)
}

/// A refusal has exactly this body, in JSON without a charset.
#[track_caller]
pub fn refused(response: &Response, status: u16, body: &Value) {
    assert_eq!((response.status, &response.json()), (status, body));
    assert_eq!(response.header("content-type"), Some("application/json"));
}
