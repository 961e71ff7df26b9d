//! Input that nobody means well with: a clear error in the surface's own form, never a 5xx, and nobody else notices.
//! Broken JSON and wrong types are `seed_x_09`.

mod bodies;
mod connections;
mod framing;
mod http2;
mod noise;

use countersign_testkit::Response;

/// A refusal in the form that the surface of `path` gives to errors.
#[track_caller]
pub fn refused_in_its_own_form(path: &str, response: &Response) {
    let shown = format!("{path}: {} {}", response.status, String::from_utf8_lossy(&response.body));
    assert!((400..500).contains(&response.status), "{shown}");
    let kind = response.header("content-type").unwrap_or_default();
    if path.starts_with("/auth/v1") || path.starts_with("/v1") {
        assert!(kind.starts_with("application/json"), "{shown}");
        // 001's form grants have the errors of RFC 6749.
        assert!(response.json()["message"].is_string() || response.json()["error"].is_string(), "{shown}");
    } else if path.starts_with("/auth/") {
        assert_eq!(kind, "application/json", "{shown}");
        assert!(response.json().as_object().is_some_and(|fields| !fields.is_empty()), "{shown}");
    } else if !response.body.is_empty() {
        assert!(kind.starts_with("application/json") && response.json().is_object(), "{shown}");
    }
}
