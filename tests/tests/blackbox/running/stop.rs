//! A graceful stop (R160).

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use countersign_testkit::{LineClient, source};

use crate::case::{Case, on_both_engines};
use crate::{line, rest};

on_both_engines! {
    requests_in_flight_are_finished
    silent_connections_hold_nothing_up
}

/// The time that a stop may take, with some for a busy machine.
const STOP: Duration = Duration::from_secs(12);

/// The rest of a request that comes after the signal is read, obeyed and answered.
fn requests_in_flight_are_finished(case: &Case) {
    let mut case = case.with_config("");
    let who = line::Registration::new(&case).validated(&case);
    let body = rest::registration(&case.email(), "Tr0mbone-in-flight").to_string();
    let mut stream = case.http().connect();
    let head = format!(
        "POST /auth/register/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let (begin, rest) = body.split_at(20);
    stream.write_all((head + begin).as_bytes()).expect("the server reads");
    let mut line = case.line();
    line.send(b"login u:");
    // An answer on another connection shows that what was sent before has arrived.
    case.get("/health/live").expect(200);
    std::thread::scope(|scope| {
        let address = case.server().http_address();
        case.server().signal("TERM");
        // Nobody new is let in.
        let refused = countersign_testkit::poll::within(STOP, || {
            let stream = source::connect(source::fresh(), address);
            let mut stream = match stream {
                Err(_) => return Some(()),
                Ok(stream) => stream,
            };
            let _ = stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            answer.is_empty().then_some(())
        });
        assert!(refused.is_some(), "new connections are served after SIGTERM");
        scope.spawn(move || {
            stream.write_all(rest.as_bytes()).expect("the server still reads");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("an answer and an end");
            assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
            assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
        });
        scope.spawn(move || {
            line.send(format!("{} p:{}\n", who.username, who.password).as_bytes());
            assert!(line.reply().is_some_and(|reply| reply.starts_with("ok ")));
            assert_eq!(line.reply(), None);
        });
    });
    let started = Instant::now();
    let ended = countersign_testkit::poll::within(STOP, || (!case.server_mut().is_alive()).then_some(()));
    assert!(ended.is_some(), "still there after {:?}", started.elapsed());
    // What was answered is there.
    case.server_mut().kill();
    case.server_mut().launch();
    let email = serde_json::from_str::<serde_json::Value>(&body).expect("JSON")["email"].clone();
    rest::login(&case, email.as_str().unwrap_or_default(), "Tr0mbone-in-flight").expect(200);
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
