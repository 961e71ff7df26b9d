//! Links in messages lead to where the operator says, whatever host a request names (R040).

use countersign_testkit::Client;
use serde_json::{Value, json};

use crate::case::{Case, on_both_engines};

on_both_engines! {
    no_header_reaches_a_link
}

const EVIL: &str = "evil.example";

/// POSTs JSON with a head of the test's own making; the status.
fn post(client: &Client, target: &str, head: &str, body: &Value) -> Option<u16> {
    let body = body.to_string();
    let request = format!(
        "POST {target} HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    client.raw(request.as_bytes()).map(|response| response.status)
}

fn no_header_reaches_a_link(case: &Case) {
    let case =
        case.with_config("public_url = \"https://accounts.example.org\"\ntls_terminated_by_proxy = true");
    let server = case.server().http_address();
    let good = format!("Host: {server}\r\n");
    let heads = [
        format!("Host: {EVIL}\r\n"),
        format!("Host: accounts.example.org:443@{EVIL}\r\n"),
        format!("{good}Host: {EVIL}\r\n"),
        format!("{good}X-Forwarded-Host: {EVIL}\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 81\r\n"),
        format!("{good}Forwarded: host={EVIL};proto=http\r\n"),
        format!("{good}X-Host: {EVIL}\r\nX-Original-Host: {EVIL}\r\nX-Rewrite-URL: http://{EVIL}/\r\n"),
        format!("{good}Origin: http://{EVIL}\r\nReferer: http://{EVIL}/\r\n"),
    ];
    let mut sent = 0;
    for head in &heads {
        for prefix in ["", "http://evil.example"] {
            let email = case.email();
            let body = json!({ "email": email, "password": "Tr0mbone-poison" });
            let status =
                post(&case.server().client(), &format!("{prefix}/v1/requests/accounts"), head, &body);
            match status {
                Some(201) => {
                    let link = case.server().latest_to(&email).link.unwrap_or_default();
                    assert!(
                        link.starts_with("https://accounts.example.org/v1/requests/accounts/"),
                        "{link} after {head}"
                    );
                    sent += 1;
                }
                // Or it is not served at all.
                other => {
                    assert!(other.is_none_or(|status| (400..500).contains(&status)), "{other:?} after {head}")
                }
            }
        }
    }
    assert!(sent >= 4, "{sent} messages");
    let document = format!("GET /openapi.json HTTP/1.1\r\nHost: {EVIL}\r\nConnection: close\r\n\r\n");
    let document = case.server().client().raw(document.as_bytes());
    assert!(document.is_none_or(|response| !response.text().contains(EVIL)));
}
