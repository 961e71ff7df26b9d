//! How often things may be tried.

mod guessing;
mod hosts;
mod messages;
mod overload;
mod sources;

use std::net::Ipv4Addr;

use countersign_testkit::{Client, LineClient, Response, source};
use serde_json::json;

use crate::case::Case;
use crate::parity::Surface;

/// What a guess got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password was right.
    Right,
    /// It was looked at and is wrong.
    Wrong,
    /// It was not looked at; come back later.
    TooMany,
}

/// One sign-in from a source.
#[track_caller]
pub fn guess(case: &Case, from: Ipv4Addr, surface: Surface, name: &str, password: &str) -> Verdict {
    let http = Client::from_source(case.server().http_address(), from);
    let (response, wrong) = match surface {
        Surface::Ouser => {
            let body = json!({ "identifier": name, "identifier_type": "email", "password": password });
            (http.post_json("/login", &body), 401)
        }
        Surface::Authd => {
            (http.post_json("/v1/tokens/", &json!({ "email": name, "password": password })), 401)
        }
        Surface::AuthV1 => {
            let body = json!({ "username": name, "password": password });
            (http.post_json("/auth/v1/tokenrequest", &body), 401)
        }
        Surface::Rest => {
            (http.post_json("/auth/login/", &json!({ "username": name, "password": password })), 400)
        }
        Surface::Line => {
            let mut line = LineClient::connect_from(from, case.server().line_address());
            return match crate::line::login(&mut line, name, password).as_str() {
                "nop credentials" => Verdict::Wrong,
                "nop unavailable" => Verdict::TooMany,
                reply if reply.starts_with("ok ") => Verdict::Right,
                reply => panic!("{reply}"),
            };
        }
    };
    match response.status {
        200 => Verdict::Right,
        429 => {
            come_back(&response);
            Verdict::TooMany
        }
        // The hash pool was full before anything was counted.
        503 if response.header("retry-after").is_some() => Verdict::TooMany,
        status if status == wrong => Verdict::Wrong,
        other => panic!("{surface:?}: {other} {}", response.text()),
    }
}

/// The same from an address that nobody else has.
#[track_caller]
pub fn guess_from_anywhere(case: &Case, surface: Surface, name: &str, password: &str) -> Verdict {
    guess(case, source::fresh(), surface, name, password)
}

/// The seconds of `Retry-After`.
#[track_caller]
pub fn come_back(response: &Response) -> u64 {
    assert_eq!(response.status, 429, "{}", response.text());
    let seconds = response.header("retry-after").expect("a time to come back").parse().expect("seconds");
    assert!((1..=86_400).contains(&seconds), "{seconds}");
    seconds
}
