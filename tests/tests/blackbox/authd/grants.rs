//! `/v1/tokens/` as a token endpoint of RFC 6749.

use std::time::Duration;

use countersign_testkit::Response;
use serde_json::json;

use super::{Member, is_accepted, register, tokens};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    seed_001_26
}

fn grant(case: &Case, form: &[(&str, &str)]) -> Response {
    case.http().post("/v1/tokens/").form(form).send()
}

#[track_caller]
fn refused(response: Response, error: &str) {
    assert_eq!(response.status, 400, "{}", response.text());
    assert_eq!(response.string("error"), error);
}

/// The password and refresh grants of RFC 6749 work here as forms, with its answers and errors.
fn seed_001_26(case: &Case) {
    let mut case = case.with_clock();
    let Member { email, password } = register(&case);
    let right = [("grant_type", "password"), ("username", email.as_str()), ("password", password.as_str())];
    let response = grant(&case, &right).expect(200);
    // RFC 6749, section 5.1: neither cached nor stored.
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let body = response.json();
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert!(is_accepted(&case, &body["access_token"]));
    let old = response.string("refresh_token");
    let renewed = grant(&case, &[("grant_type", "refresh_token"), ("refresh_token", &old)]).expect(200);
    assert_ne!(renewed.string("refresh_token"), old, "a refresh token is rotated");
    assert!(is_accepted(&case, &renewed.json()["access_token"]));
    let documented = tokens(&case, &Member { email: email.clone(), password: password.clone() });
    let documented = documented["refresh"].as_str().expect("a string");
    grant(&case, &[("grant_type", "refresh_token"), ("refresh_token", documented)]).expect(200);

    refused(grant(&case, &[right[0], right[1], ("password", "something else")]), "invalid_grant");
    refused(grant(&case, &[right[0], ("username", "nobody@example.com"), right[2]]), "invalid_grant");
    refused(grant(&case, &[("grant_type", "refresh_token"), ("refresh_token", "unknown")]), "invalid_grant");
    refused(grant(&case, &right[..2]), "invalid_request");
    refused(grant(&case, &[("grant_type", "refresh_token")]), "invalid_request");
    refused(grant(&case, &right[1..]), "invalid_request");
    refused(grant(&case, &[("grant_type", "magic")]), "unsupported_grant_type");
    // Section 3.2: parameters must not be included more than once.
    refused(grant(&case, &[right[0], right[1], right[2], right[2]]), "invalid_request");

    let access = renewed.json()["access_token"].clone();
    let late = renewed.string("refresh_token");
    case.server_mut().advance(Duration::from_secs(3601));
    assert!(!is_accepted(&case, &access), "an access token outlived its hour");
    case.server_mut().advance(Duration::from_secs(5 * 86_400));
    refused(grant(&case, &[("grant_type", "refresh_token"), ("refresh_token", &late)]), "invalid_grant");
}
