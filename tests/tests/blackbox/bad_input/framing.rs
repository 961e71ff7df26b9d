//! Requests that a proxy in front and the server could read in two ways (R122), byte by byte.

use std::io::{Read, Write};

use serde_json::json;

use crate::case::{Case, on_both_engines};

on_both_engines! {
    a_request_names_its_host_once
    ambiguous_bodies_are_refused_and_end_the_connection
    broken_header_lines_are_refused_and_end_the_connection
    broken_chunks_are_refused_and_end_the_connection
    a_length_besides_chunks_is_refused_and_ends_the_connection
    what_is_well_framed_is_answered_in_turn
}

/// What a smuggler wants to be read as a request of its own.
const SECOND: &str = "GET /health/live HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n";

/// The statuses that come back until the server closes.
fn statuses(case: &Case, bytes: &[u8]) -> Vec<u16> {
    let mut stream = case.http().connect();
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer).into_owned();
    let after = |part: &str| part.get(..3).and_then(|status| status.parse().ok());
    text.split("HTTP/1.1 ").skip(1).filter_map(after).collect()
}

/// A request that is answered with 202 if its head is taken, with a second one behind it.
fn send_with(case: &Case, headers: &str, encode: impl Fn(&str) -> String) -> Vec<u16> {
    let body = json!({ "identifier": case.email(), "identifier_type": "email" }).to_string();
    let headers = headers.replace("LENGTH", &body.len().to_string());
    let head = format!("POST /send HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{headers}\r\n");
    statuses(case, format!("{head}{}{SECOND}", encode(&body)).as_bytes())
}

fn plain(body: &str) -> String {
    body.to_owned()
}

fn chunked(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}

/// RFC 9112 section 3.2, wherever the request goes.
fn a_request_names_its_host_once(case: &Case) {
    for target in ["/health/live", "/v1/tokens/", "/auth/login/", "/nothing", "http://a/health/live"] {
        for hosts in
            ["", "Host: a\r\nHost: a\r\n", "Host: a\r\nhost: b\r\n", "Host: a b\r\n", "Host: a/b\r\n"]
        {
            let request = format!("GET {target} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
            assert_eq!(statuses(case, request.as_bytes()), [400], "{request}");
        }
    }
    for path in ["/login", "/v1/tokens/", "/auth/v1/requesttoken", "/auth/login/"] {
        let request = format!("POST {path} HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        super::refused_in_its_own_form(path, &case.http().raw(request.as_bytes()).expect("an answer"));
    }
    for host in ["a", "", "example.com:8080", "127.0.0.1:1", "[::1]:8080"] {
        let request = format!("GET /health/live HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(statuses(case, request.as_bytes()), [200], "{request}");
    }
    // HTTP/1.0 knows no Host, but one at most.
    let old = |hosts: &str| case.http().raw(format!("GET /health/live HTTP/1.0\r\n{hosts}\r\n").as_bytes());
    old("").expect("an answer").expect(200);
    old("Host: a\r\nHost: b\r\n").expect("an answer").expect(400);
}

/// RFC 9112 section 6.3.
fn ambiguous_bodies_are_refused_and_end_the_connection(case: &Case) {
    for headers in [
        "Content-Length: LENGTH\r\nContent-Length: LENGTH\r\n",
        "Content-Length: LENGTH\r\nContent-Length: 1\r\n",
        "Content-Length: 1\r\nContent-Length: LENGTH\r\n",
        "Content-Length: LENGTH, LENGTH\r\n",
        "Content-Length: +LENGTH\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x20\r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Content-Length:\r\n",
    ] {
        assert_eq!(send_with(case, headers, plain), [400], "{headers}");
    }
    for headers in [
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \u{b}chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    ] {
        assert_eq!(send_with(case, headers, chunked), [400], "{headers}");
    }
    let old = b"POST /send HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    case.http().raw(old).expect("an answer").expect(400);
}

/// RFC 9112 sections 2.2, 5.1 and 5.2.
fn broken_header_lines_are_refused_and_end_the_connection(case: &Case) {
    for line in [
        "X-Folded: a\r\n b",
        "X-Folded: a\r\n\tb",
        "X-Space : a",
        "X-Tab\t: a",
        " X-Leading: a",
        "X-Carriage: a\rContent-Length: 1",
        "X-Nul: a\0b",
        "X-No-Colon",
        ": a",
        "X-(Comment): a",
    ] {
        let headers = format!("Content-Length: LENGTH\r\n{line}\r\n");
        assert_eq!(send_with(case, &headers, plain), [400], "{line:?}");
        let first = format!("GET /health/live HTTP/1.1\r\n{line}\r\nHost: a\r\n\r\n{SECOND}");
        assert_eq!(statuses(case, first.as_bytes()), [400], "{line:?}");
    }
    assert_eq!(send_with(case, "Transfer-Encoding:\r\n chunked\r\n", chunked), [400]);
    // Section 2.2 would let a server take them; a proxy that does not would see another request.
    for head in [
        "GET /health/live HTTP/1.1\nHost: a\r\n\r\n",
        "GET /health/live HTTP/1.1\r\nHost: a\n\r\n",
        "GET /health/live HTTP/1.1\r\nHost: a\r\n\n",
        "GET /health/live HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        "\nGET /health/live HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        assert_eq!(statuses(case, format!("{head}{SECOND}").as_bytes()), [400], "{head:?}");
    }
}

/// RFC 9112 section 7.1.
fn broken_chunks_are_refused_and_end_the_connection(case: &Case) {
    type Encode = fn(&str) -> String;
    let broken: [(&str, Encode); 9] = [
        ("a line feed after the size", |body| format!("{:x}\n{body}\r\n0\r\n\r\n", body.len())),
        ("a line feed after the data", |body| format!("{:x}\r\n{body}\n0\r\n\r\n", body.len())),
        ("a line feed in an extension", |body| format!("{:x};a\n{body}\r\n0\r\n\r\n", body.len())),
        ("a prefix", |body| format!("0x{:x}\r\n{body}\r\n0\r\n\r\n", body.len())),
        ("a sign", |body| format!("+{:x}\r\n{body}\r\n0\r\n\r\n", body.len())),
        ("no size", |body| format!("\r\n{body}\r\n0\r\n\r\n")),
        ("a size beyond 64 bits", |body| format!("1{:016x}\r\n{body}\r\n0\r\n\r\n", body.len())),
        ("data beyond the size", |body| format!("{:x}\r\n{body}x\r\n0\r\n\r\n", body.len())),
        ("a trailer that is none", |body| format!("{:x}\r\n{body}\r\n0\r\na\r\n\r\n", body.len())),
    ];
    for (what, encode) in broken {
        assert_eq!(send_with(case, "Transfer-Encoding: chunked\r\n", encode), [400], "{what}");
    }
}

/// RFC 9112 section 6.1: what a smuggler would send, and nobody else.
fn a_length_besides_chunks_is_refused_and_ends_the_connection(case: &Case) {
    for headers in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: LENGTH\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
    ] {
        assert_eq!(send_with(case, headers, chunked), [400], "{headers}");
    }
}

/// So that the refusals above are those of what is wrong.
fn what_is_well_framed_is_answered_in_turn(case: &Case) {
    assert_eq!(send_with(case, "Content-Length: LENGTH\r\n", plain), [202, 200]);
    assert_eq!(send_with(case, "Transfer-Encoding: Chunked\r\n", chunked), [202, 200]);
    // A GET's body is no request either.
    let length = SECOND.len();
    let get =
        format!("GET /health/live HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{SECOND}{SECOND}");
    assert_eq!(statuses(case, get.as_bytes()), [200, 200]);
}
