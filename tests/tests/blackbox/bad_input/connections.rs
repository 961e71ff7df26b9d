//! Slow, half-open and too many connections.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use countersign_testkit::{Client, Engine, LineClient, Postgres, poll, source};
use serde_json::json;

use crate::case::{Case, on_both_engines};
use crate::ouser;

on_both_engines! {
    slow_requests_are_cut_off
    abandoned_connections_are_forgotten
    one_source_cannot_take_all_connections
    one_source_cannot_take_all_line_connections
    who_says_nothing_on_the_line_is_hung_up_on
    oversized_heads_are_refused
    clients_that_go_away_cost_no_database_connection
}

/// Slower than this nobody is served (R120: 15 s, and some patience for a busy machine).
const CUT_OFF: Duration = Duration::from_secs(40);

/// Sends a byte each second until the other end closes; what it said.
fn drip(mut stream: TcpStream, head: &[u8], drop: u8) -> Option<Vec<u8>> {
    let started = Instant::now();
    stream.write_all(head).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).expect("a timeout");
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while started.elapsed() < CUT_OFF {
        match stream.read(&mut buffer) {
            Ok(0) => return Some(answer),
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                if stream.write_all(&[drop]).is_err() {
                    return Some(answer);
                }
            }
            Err(_) => return Some(answer),
        }
    }
    None
}

fn slow_requests_are_cut_off(case: &Case) {
    let server = case.server();
    let (http, line) = (server.http_address(), server.line_address());
    let connect = |to| source::connect(source::fresh(), to).expect("a connection");
    let head =
        b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{";
    std::thread::scope(|scope| {
        let slow = [
            ("a head", scope.spawn(|| drip(connect(http), b"POST /login HTTP/1.1\r\nX: ", b'a'))),
            ("a body", scope.spawn(|| drip(connect(http), head, b' '))),
            ("a request line", scope.spawn(|| drip(connect(http), b"POST /", b'a'))),
            ("a handshake", scope.spawn(|| drip(connect(line), b"\x16\x03\x01\x02\x00", 1))),
        ];
        let cut_line = scope.spawn(|| {
            let mut slow = LineClient::connect(line);
            let started = Instant::now();
            while started.elapsed() < CUT_OFF && slow.try_send(b"a").is_ok() {
                std::thread::sleep(Duration::from_millis(500));
            }
            started.elapsed() < CUT_OFF
        });
        // Nobody else waits for them.
        let member = ouser::register(case);
        ouser::session(case, &member);
        for (what, thread) in slow {
            let answer = thread.join().expect("no panic");
            let answer = answer.unwrap_or_else(|| panic!("{what} that drips was not cut off"));
            let text = String::from_utf8_lossy(&answer).into_owned();
            let plain_error = text.is_empty() || text.starts_with("HTTP/1.1 4") || what == "a handshake";
            assert!(plain_error, "{what}: {text}");
        }
        assert!(cut_line.join().expect("no panic"), "a line that drips was not cut off");
    });
}

fn abandoned_connections_are_forgotten(case: &Case) {
    let http = case.http();
    for number in 0..200 {
        let mut stream = http.connect();
        match number % 4 {
            0 => {}
            1 => drop(stream.write_all(b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{")),
            2 => drop(stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n")),
            _ => drop(stream.shutdown(std::net::Shutdown::Write)),
        }
        let line = source::connect(http.source(), case.server().line_address()).expect("a connection");
        drop((stream, line));
    }
    ouser::session(case, &ouser::register(case));
    assert_eq!(case.line().ask("login"), "nop syntax:u,p");
}

fn one_source_cannot_take_all_connections(case: &Case) {
    let case = case.with_config("[limits]\nconnections_per_source = 20");
    let greedy = case.http();
    let held: Vec<_> = (0..40).map(|_| greedy.connect()).collect();
    // Once 20 are closed, all have been looked at.
    let closed = |stream: &TcpStream| {
        stream.set_nonblocking(true).expect("a socket");
        matches!(stream.peek(&mut [0]), Ok(0))
    };
    poll::until("20 of 40 connections to be closed", || {
        (held.iter().filter(|stream| closed(stream)).count() == 20).then_some(())
    });
    let request = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let served = held.into_iter().filter(|mut stream: &TcpStream| {
        stream.set_nonblocking(false).expect("a socket");
        let mut answer = Vec::new();
        let _ = stream.write_all(request);
        let _ = stream.read_to_end(&mut answer);
        answer.starts_with(b"HTTP/1.1 200")
    });
    let served = served.count();
    assert_eq!(served, 20);
    Client::new(case.server().http_address()).get("/health/live").send().expect(200);
    // Once they are gone the source is served again.
    let again = poll::within(Duration::from_secs(20), || {
        greedy.get("/health/live").try_send().filter(|response| response.status == 200)
    });
    assert!(again.is_some());
}

fn oversized_heads_are_refused(case: &Case) {
    let http = case.http();
    let get = |target: &str| http.get(target);
    let checks = [
        ("a long header", get("/health/live").header("X-Long", &"a".repeat(1 << 20)).try_send()),
        ("a long path", get(&format!("/{}", "a".repeat(1 << 17))).try_send()),
        ("a long query", get(&format!("/health/live?{}", "a=b&".repeat(1 << 15))).try_send()),
        ("many headers", {
            let many = (0..5000)
                .fold(get("/health/live"), |request, number| request.header(&format!("X-{number}"), "a"));
            many.try_send()
        }),
    ];
    for (what, response) in checks {
        // Refused by closing, or with 414 or 431.
        assert!(
            response.as_ref().is_none_or(|answer| (400..500).contains(&answer.status)),
            "{what}: {response:?}"
        );
    }
    get("/health/live").send().expect(200);
}

/// A source that holds all it may leaves room for the others, also with default settings (R139).
fn one_source_cannot_take_all_line_connections(case: &Case) {
    let case = case.with_config("[limits]\nline_connections_per_source = 3");
    let greedy = source::fresh();
    let address = case.server().line_address();
    let held: Vec<_> = (0..3).map(|_| LineClient::connect_from(greedy, address)).collect();
    assert!(LineClient::try_connect(greedy, address).is_err());
    assert_eq!(case.line().ask("login"), "nop syntax:u,p");
    drop(held);
    poll::until("a place for the source again", || LineClient::try_connect(greedy, address).ok());
    let default = case.with_config("");
    let address = default.server().line_address();
    let held: Vec<_> = (0..100).map(|_| LineClient::connect_from(greedy, address)).collect();
    assert!(LineClient::try_connect(greedy, address).is_err());
    assert_eq!(default.line().ask("login"), "nop syntax:u,p");
    drop(held);
}

/// Handshake and first line have 15 s together; whoever has spoken may be silent for longer (R120, R139).
fn who_says_nothing_on_the_line_is_hung_up_on(case: &Case) {
    let mut spoken = case.line();
    assert_eq!(spoken.ask("login"), "nop syntax:u,p");
    let mut begun = case.line();
    begun.send(b"login u:");
    let started = Instant::now();
    assert_eq!(case.line().reply(), None);
    assert_eq!(begun.reply(), None);
    let took = started.elapsed();
    assert!((Duration::from_secs(10)..CUT_OFF).contains(&took), "{took:?}");
    assert_eq!(spoken.ask("login"), "nop syntax:u,p");
}

/// A connection in the midst of a transaction is of no use to anybody else, so what was begun is finished.
fn clients_that_go_away_cost_no_database_connection(case: &Case) {
    let opened = || match case.engine() {
        Engine::Sqlite => 0,
        Engine::Postgres => {
            let name = case.server().database_url().rsplit('/').next().expect("a name");
            let count = format!("SELECT sessions FROM pg_stat_database WHERE datname = '{name}'");
            Postgres::shared().psql("postgres", &count).parse::<i64>().expect("a number")
        }
    };
    let body =
        json!({ "identifier": case.email(), "identifier_type": "email", "password": "wrong password" });
    let body = body.to_string();
    let request = format!(
        "POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    case.post(
        "/login",
        json!({ "identifier": case.email(), "identifier_type": "email", "password": "wrong password" }),
    );
    let before = opened();
    // They go at every moment that a sign-in has. At once there are no more than 64 connections for writing.
    for number in 0..500 {
        let mut stream = case.http().connect();
        stream.write_all(request.as_bytes()).expect("a request");
        let goes = Instant::now() + Duration::from_micros(50 * (number % 100));
        while Instant::now() < goes {
            std::thread::yield_now();
        }
    }
    ouser::session(case, &ouser::register(case));
    let more = opened() - before;
    assert!(more < 80, "{more} connections to the database for 500 clients that went away");
}
