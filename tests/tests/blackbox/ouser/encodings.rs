//! The ways in which parameters may arrive.

use countersign_testkit::Response;
use serde_json::{Map, Value, json};

use super::{Member, code_for, session, token};
use crate::case::{Case, on_both_engines, password};

on_both_engines! {
    seed_000_49
    seed_000_50
    seed_000_51
}

const PATHS: [&str; 7] =
    ["/send", "/login", "/register", "/reset_password", "/refresh", "/change_password", "/logout"];

#[derive(Clone, Copy, Debug)]
enum Encoding {
    Json,
    Form,
    Query,
}

fn call(case: &Case, encoding: Encoding, path: &str, pairs: &[(&str, &str)]) -> Response {
    let request = case.http().post(path);
    match encoding {
        Encoding::Json => {
            let object: Map<String, Value> =
                pairs.iter().map(|(key, value)| ((*key).into(), json!(value))).collect();
            request.json(&Value::Object(object)).send()
        }
        Encoding::Form => request.form(pairs).send(),
        Encoding::Query => request.query(pairs).send(),
    }
}

/// Every call works with JSON, with a form and with the query string; the same key with two values is refused.
fn seed_000_49(case: &Case) {
    for encoding in [Encoding::Json, Encoding::Form, Encoding::Query] {
        let call = |path: &str, pairs: &[(&str, &str)]| call(case, encoding, path, pairs);
        let (email, first, second, third) =
            (case.email(), password(), "ä &=+%25 ünïcode".to_owned(), password());
        let who = [("identifier", email.as_str()), ("identifier_type", "email")];
        assert_eq!(call("/send", &who).status, 202, "{encoding:?}");
        let code = case.server().latest_to(&email).code();
        call("/register", &[("verification_code", &code), ("password", &first)]).expect(201);
        let session_token = token(call("/login", &[who[0], who[1], ("password", &first)]));
        let code = code_for(case, &email);
        token(call("/login", &[who[0], who[1], ("verification_code", &code)]));
        let session_token = token(call("/refresh", &[("session_token", &session_token)]));
        let pairs =
            [("session_token", session_token.as_str()), ("current_password", &first), ("password", &second)];
        call("/change_password", &pairs).expect(204);
        let code = code_for(case, &email);
        call("/reset_password", &[("verification_code", &code), ("password", &third)]).expect(204);
        let session_token = session(case, &Member { email, password: third });
        call("/logout", &[("session_token", &session_token), ("all", "true")]).expect(204);
    }
    let email = case.email();
    let here = [("identifier", email.as_str()), ("identifier_type", "email")];
    case.http().post("/send").query(&here).form(&[("identifier", "x@example.com")]).send().expect(400);
    case.http().post("/send").form(&[here[0], here[1], ("identifier", "x@example.com")]).send().expect(400);
    assert!(case.server().messages_to(&email).is_empty());
}

/// A charset in the content type and unknown fields are fine; broken JSON answers 400.
fn seed_000_50(case: &Case) {
    let email = case.email();
    let body = json!({"identifier": email, "identifier_type": "email", "colour": {"red": [1, null]}});
    for content_type in
        ["application/json; charset=utf-8", "application/json;charset=UTF-8", "APPLICATION/JSON"]
    {
        let response = case.http().post("/send").body(content_type, body.to_string()).send();
        assert_eq!(response.status, 202, "{content_type}");
    }
    for path in PATHS {
        for broken in ["{", "{\"identifier\": }", "[]", "\"text\"", "{} {}", "{'a': 1}"] {
            let response = case.http().post(path).body("application/json", broken).send();
            assert_eq!(response.status, 400, "{path} {broken}");
        }
    }
}

/// All seven paths answer POST only: 405 with `Allow: POST` otherwise.
fn seed_000_51(case: &Case) {
    for path in PATHS {
        for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE"] {
            let response = case.http().request(method, path).send();
            assert_eq!((response.status, response.header("allow")), (405, Some("POST")), "{method} {path}");
        }
    }
}
