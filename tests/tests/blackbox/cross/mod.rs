//! What holds for all surfaces together.

mod paths;
mod races;
mod robustness;
pub mod rules;
pub(crate) mod secrets;

use countersign_testkit::Response;
use serde_json::{Value, json};

use crate::case::{Case, password};

/// Every path that takes POST, with a body that has all the fields of its document, about somebody unknown.
///
/// Those that register do so under another password than those that sign in use, so that their order is no matter.
pub fn posts(case: &Case) -> Vec<(&'static str, Value)> {
    let uuid = "c7719bb1-f640-4cd7-9025-01b5ba1a7ad3";
    let reset: &'static str = "/v1/requests/credentials/39802b61-9dd4-4ec5-b5c3-94f3d6c68ef0";
    let (email, username, code) = (case.email(), case.username(), "00000-00000");
    let (password, first) = (password(), password());
    vec![
        ("/send", json!({"identifier": email, "identifier_type": "email", "message": "login"})),
        ("/login", json!({"identifier": email, "identifier_type": "email", "password": password})),
        ("/register", json!({"verification_code": code, "password": password})),
        ("/reset_password", json!({"verification_code": code, "password": password})),
        ("/refresh", json!({"session_token": uuid})),
        (
            "/change_password",
            json!({"session_token": uuid, "current_password": password, "password": password}),
        ),
        ("/logout", json!({"session_token": uuid, "all": false})),
        ("/v1/requests/accounts", json!({"email": email, "password": first})),
        ("/v1/tokens/", json!({"email": email, "password": password})),
        ("/v1/requests/credentials/", json!({"email": email})),
        (reset, json!({"password": password})),
        ("/auth/v1/tokenrequest", json!({"username": username, "password": password})),
        ("/auth/v1/tokenrefresh", json!({"oauth_token": uuid, "oauth_timestamp": "2021-01-29T10:39:26Z"})),
        ("/auth/v1/registermember", json!({"email": email, "username": username, "password": first})),
        ("/auth/v1/logoff", json!({"oauth_token": uuid, "oauth_timestamp": "2021-01-29T10:39:26Z"})),
        ("/auth/v1/passwordreset", json!({"email": email})),
        ("/auth/register/", json!({"email": email, "password": first, "first_name": "A", "last_name": "B"})),
        ("/auth/login/", json!({"username": email, "password": password})),
        ("/auth/layer/", json!({"nonce": "abc"})),
    ]
}

/// Registers by document 003; the answer.
pub fn register_member(case: &Case, username: &str, email: &str, password: &str) -> Response {
    case.post("/auth/v1/registermember", json!({"username": username, "email": email, "password": password}))
}

/// Signs in by document 003.
pub fn request_token(case: &Case, username: &str, password: &str) -> Response {
    case.post("/auth/v1/tokenrequest", json!({"username": username, "password": password}))
}

/// Registers by document 004; the answer.
pub fn register_user(case: &Case, email: &str, password: &str) -> Response {
    let body = json!({"email": email, "password": password, "first_name": "Ada", "last_name": "Byron"});
    case.post("/auth/register/", body)
}

/// Signs in by document 004.
pub fn obtain_token(case: &Case, email: &str, password: &str) -> Response {
    case.post("/auth/login/", json!({"username": email, "password": password}))
}

/// The profile of document 004 for a token of any surface.
pub fn profile(case: &Case, token: &str) -> Response {
    case.http().get("/auth/profile/").header("Authorization", &format!("Token {token}")).send()
}
