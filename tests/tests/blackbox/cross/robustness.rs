//! Requests that nobody means well with.

use serde_json::json;

use super::posts;
use crate::case::{Case, on_both_engines};
use crate::ouser;

on_both_engines! {
    seed_x_09
}

/// Broken JSON, JSON that is no object, wrong types, NUL: 4xx on every path, never 500, and the server lives on.
fn seed_x_09(case: &Case) {
    let deep = "[".repeat(20_000);
    let broken: [&[u8]; 12] = [
        b"{",
        b"[]",
        b"\"text\"",
        b"null",
        b"5",
        b"{}{}",
        b"\xff\xfe",
        b"{\"a\": \"\xff\"}",
        b"{\"a\":1,}",
        b"",
        b"\0",
        deep.as_bytes(),
    ];
    for (path, good) in posts(case) {
        // A source of its own for each path, so that no limit answers in place of the parser.
        let http = case.server().client();
        for body in broken {
            let status = http.post(path).body("application/json", body).send().status;
            let shown = String::from_utf8_lossy(&body[..body.len().min(20)]).into_owned();
            assert!(matches!(status, 400..=422), "{path} with {shown:?}: {status}");
        }
        let keys: Vec<String> = good.as_object().expect("an object").keys().cloned().collect();
        for key in &keys {
            for wrong in [
                json!(5),
                json!(-1.5e300),
                json!(null),
                json!([]),
                json!({"a": "b"}),
                json!(["x"]),
                json!("\0"),
            ] {
                let mut body = good.clone();
                body[key] = wrong;
                let status = http.post_json(path, &body).status;
                // Some fields may be absent, and null may count as that.
                assert!(status < 500, "{path} with {body}: {status}");
                let optional = ["message", "all", "oauth_timestamp"].contains(&key.as_str());
                assert!(optional || status >= 400, "{path} with {body}: {status}");
            }
        }
        let huge = format!("{{\"a\": \"{}\"}}", "x".repeat(1 << 20));
        // The server may stop reading and close before the answer is read.
        let status =
            http.post(path).body("application/json", huge).try_send().map_or(413, |response| response.status);
        assert_eq!(status, 413, "{path} with a megabyte");
        let status = http.post(path).body("text/plain", good.to_string()).send().status;
        assert!(matches!(status, 400..=422), "{path} as text: {status}");
    }
    let bad_heads: [&[u8]; 5] = [
        b"GARBAGE\r\n\r\n",
        b"POST /login HTTP/1.1\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /%00/%ff%fe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ];
    for head in bad_heads {
        let shown = String::from_utf8_lossy(head).into_owned();
        if let Some(response) = close_after(case, head) {
            assert!((400..500).contains(&response), "{shown:?}: {response}");
        }
    }
    ouser::session(case, &ouser::register(case));
}

/// Sends `head`, ends the sending side, and reads the status of whatever comes.
fn close_after(case: &Case, head: &[u8]) -> Option<u16> {
    use std::io::{Read, Write};
    let mut stream = case.http().connect();
    stream.write_all(head).expect("the server reads");
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).split(' ').nth(1).and_then(|status| status.parse().ok())
}
