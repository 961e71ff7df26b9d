//! A graceful stop (R160).

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use countersign_testkit::{Client, LineClient, poll, source};

use crate::case::{Case, on_both_engines};
use crate::{line, rest};

on_both_engines! {
    requests_in_flight_are_finished
    silent_connections_hold_nothing_up
}

/// The time that a stop may take, with some for a busy machine.
const STOP: Duration = Duration::from_secs(12);

/// One hash takes long enough to send the signal meanwhile.
const SLOW: &str = "[password]\nmemory_kib = 65536\niterations = 12\nhash_threads = 1";

/// What was asked before the signal is done and answered, also when the rest of its body comes after the signal.
/// Nobody new is let in.
fn requests_in_flight_are_finished(case: &Case) {
    let mut case = case.with_config(SLOW);
    let who = line::Registration::new(&case).validated(&case);
    let email = case.email();
    let body = rest::registration(&email, "Tr0mbone-in-flight").to_string();
    let mut stream = case.http().connect();
    let head = format!(
        "POST /auth/register/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let (begin, end) = body.split_at(20);
    stream.write_all((head + begin).as_bytes()).expect("the server reads");
    let mut line = case.line();
    line.send(format!("login u:{} p:{}\n", who.username, who.password).as_bytes());
    let metrics = Client::new(case.server().metrics_address());
    poll::until("the login to be hashed", || {
        let text = metrics.get("/metrics").send();
        text.text().lines().any(|line| line == "countersign_hash_admitted 1").then_some(())
    });
    case.server().signal("TERM");
    stream.write_all(end.as_bytes()).expect("the server still reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer and an end");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(line.reply().is_some_and(|reply| reply.starts_with("ok ")));
    assert_eq!(line.reply(), None);
    assert!(
        source::connect(source::fresh(), case.server().http_address()).is_err(),
        "somebody new is let in"
    );
    let ended = poll::within(STOP, || (!case.server_mut().is_alive()).then_some(()));
    assert!(ended.is_some(), "still there after {STOP:?}");
    // What was answered is there.
    case.server_mut().kill();
    case.server_mut().launch();
    rest::login(&case, &email, "Tr0mbone-in-flight").expect(200);
}

/// Idle connections, unfinished heads, bodies and lines do not keep the server from ending in time, and it ends well.
fn silent_connections_hold_nothing_up(case: &Case) {
    let mut case = case.with_config("");
    let http = case.http();
    let heads: [&[u8]; 4] = [
        b"",
        b"POST /login HTTP/1.1\r\nHo",
        b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
        b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    let held: Vec<_> = heads
        .iter()
        .map(|head| {
            let mut stream = http.connect();
            stream.write_all(head).expect("the server reads");
            stream
        })
        .collect();
    let raw = source::connect(http.source(), case.server().line_address()).expect("a connection");
    let idle = case.line();
    let mut cut = LineClient::connect(case.server().line_address());
    cut.send(b"login u:some");
    case.get("/health/live").expect(200);
    let started = Instant::now();
    let status = case.server_mut().terminate(STOP).unwrap_or_else(|| panic!("not ended within {STOP:?}"));
    assert!(status.success(), "{status} after {:?}\n{}", started.elapsed(), case.server().log());
    drop((held, raw, idle, cut));
}
