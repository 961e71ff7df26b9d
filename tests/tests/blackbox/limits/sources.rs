//! Whose address counts.

use countersign_testkit::Client;
use serde_json::json;

use crate::case::{Case, on_both_engines};

on_both_engines! {
    a_source_has_a_limit_over_all_names
    a_stranger_cannot_name_another_source
    a_trusted_proxy_names_the_source
    ipv6_sources_count_by_their_network
}

const FIVE: &str = "
[limits]
sign_in_per_source_burst = 5
sign_in_per_source_interval = \"1h\"
";

/// How many of `count` sign-ins with a name of their own each are looked at; `header` makes the header of each.
fn looked_at(
    case: &Case,
    http: &Client,
    count: usize,
    header: impl Fn(usize) -> (&'static str, String),
) -> usize {
    let tries = (0..count).filter(|number| {
        let (name, value) = header(*number);
        let body = json!({ "email": case.email(), "password": "Wrong-passw0rd" });
        let response = http.post("/v1/tokens/").header(name, &value).json(&body).send();
        match response.status {
            401 => true,
            400 | 429 => false,
            other => panic!("{name}: {value}: {other}"),
        }
    });
    tries.count()
}

fn a_source_has_a_limit_over_all_names(case: &Case) {
    let case = case.with_config(FIVE);
    assert_eq!(looked_at(&case, &case.server().client(), 10, |_| ("X-Nothing", String::new())), 5);
    assert_eq!(looked_at(&case, &case.server().client(), 10, |_| ("X-Nothing", String::new())), 5);
}

/// Without a list of proxies every such header is the invention of the client (R020).
fn a_stranger_cannot_name_another_source(case: &Case) {
    let case = case.with_config(FIVE);
    type Spoof = (&'static str, fn(usize) -> String);
    let spoofs: [Spoof; 6] = [
        ("X-Forwarded-For", |number| format!("10.1.2.{number}")),
        ("X-Forwarded-For", |number| format!("10.1.2.{number}, 127.0.0.1")),
        ("Forwarded", |number| format!("for=10.1.2.{number}")),
        ("X-Real-IP", |number| format!("10.1.2.{number}")),
        ("CF-Connecting-IP", |number| format!("10.1.2.{number}")),
        ("X-Forwarded-For", |number| format!("nonsense {number}")),
    ];
    for (name, value) in spoofs {
        let counted = looked_at(&case, &case.server().client(), 12, |number| (name, value(number)));
        assert_eq!(counted, 5, "{name}: {}", value(7));
    }
}

/// Behind a proxy the right-most address that is no proxy of ours counts.
fn a_trusted_proxy_names_the_source(case: &Case) {
    let case = case.with_config(&format!("{FIVE}\n[proxy]\ntrusted = [\"127.0.0.0/8\", \"10.9.0.0/16\"]"));
    let http = case.server().client();
    let counts = |header: &'static str, value: fn(usize) -> String| {
        looked_at(&case, &http, 12, |number| (header, value(number)))
    };
    assert_eq!(counts("X-Forwarded-For", |number| format!("198.51.100.{number}")), 12);
    assert_eq!(counts("X-Forwarded-For", |_| "203.0.113.1".to_owned()), 5);
    assert_eq!(counts("X-Forwarded-For", |_| "203.0.113.1, 10.9.3.4".to_owned()), 0, "the same source");
    // What stands left of the last stranger was written by that stranger.
    assert_eq!(counts("X-Forwarded-For", |number| format!("192.0.2.{number}, 203.0.113.2")), 5);
    assert_eq!(counts("Forwarded", |_| "for=203.0.113.3;proto=https".to_owned()), 5);
    assert_eq!(counts("Forwarded", |number| format!("for=192.0.2.{number}, for=\"203.0.113.4:4711\"")), 5);
    assert_eq!(counts("X-Forwarded-For", |_| "::ffff:203.0.113.5".to_owned()), 5);
    assert_eq!(counts("X-Forwarded-For", |_| "203.0.113.5".to_owned()), 0, "the same source");
    assert!(counts("X-Forwarded-For", |number| format!("nonsense-{number}")) <= 5);
}

/// One customer has a whole /64 (R021).
fn ipv6_sources_count_by_their_network(case: &Case) {
    let case = case.with_config(&format!("{FIVE}\n[proxy]\ntrusted = [\"127.0.0.0/8\"]"));
    let http = case.server().client();
    let counts =
        |value: fn(usize) -> String| looked_at(&case, &http, 12, |number| ("X-Forwarded-For", value(number)));
    assert_eq!(counts(|number| format!("2001:db8:0:1::{number:x}")), 5);
    assert_eq!(counts(|number| format!("2001:0DB8:0000:0001:ffff::{number:x}")), 0, "the same network");
    assert_eq!(counts(|number| format!("2001:db8:0:{:x}::1", number + 2)), 12);
}
