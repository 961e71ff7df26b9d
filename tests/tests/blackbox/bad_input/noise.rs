//! Bytes without sense on every port.

use std::io::{Read, Write};

use countersign_testkit::{LineClient, source};

use crate::case::{Case, on_both_engines};
use crate::line;

on_both_engines! {
    noise_before_tls_is_no_harm
    noise_on_the_line_port_ends_in_an_error
    noise_on_the_http_port_ends_in_an_error
    pipelining_without_reading_takes_no_memory
    bodies_that_come_byte_by_byte_take_no_memory
}

/// The same noise in every run: splitmix64 with the number of the sample as seed.
fn noise(sample: u64, length: usize) -> Vec<u8> {
    let mut state = sample.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

fn noise_before_tls_is_no_harm(case: &Case) {
    let mut bystander = case.line();
    for sample in 0..40 {
        let mut stream =
            source::connect(source::fresh(), case.server().line_address()).expect("a connection");
        let _ = stream.write_all(&noise(sample, 3000));
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(!String::from_utf8_lossy(&answer).contains("nop"), "a reply before TLS");
    }
    assert_eq!(bystander.ask("login"), "nop syntax:u,p");
    assert_eq!(case.line().ask("login"), "nop syntax:u,p");
}

/// Each line of noise gets one error line or the end of the connection, nothing else.
fn noise_on_the_line_port_ends_in_an_error(case: &Case) {
    let mut bystander = case.line();
    for sample in 0..40 {
        let mut line = case.line();
        let mut bytes = noise(sample, 2000);
        bytes.push(b'\n');
        let _ = line.try_send(&bytes);
        line.half_close();
        while let Some(reply) = line.reply() {
            assert!(reply.starts_with("nop syntax:"), "{reply:?}");
            assert!(reply.chars().all(|c| !c.is_control()), "control characters come back: {reply:?}");
        }
    }
    for bytes in [
        b"login u:a\0b p:c\n".as_slice(),
        b"\0\n",
        b"login\tu:a\tp:b\n",
        b"\xff\xfe\n",
        b"login u:a p:\xf0\x9f\n",
    ] {
        let mut line = case.line();
        line.send(bytes);
        line.half_close();
        let reply = line.reply();
        assert!(reply.as_deref().is_none_or(|reply| reply.starts_with("nop ")), "{bytes:?}: {reply:?}");
    }
    assert_eq!(line::login(&mut bystander, "nobody", "wrong-password"), "nop credentials");
}

fn noise_on_the_http_port_ends_in_an_error(case: &Case) {
    for sample in 0..40 {
        let mut stream = case.http().connect();
        let _ = stream.write_all(&noise(sample, 3000));
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 4"), "{text}");
    }
    // Valid beginnings, then noise.
    for sample in 0..40 {
        let mut bytes = b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n".to_vec();
        bytes.extend_from_slice(b"Content-Length: 1000\r\nConnection: close\r\n\r\n");
        bytes.extend(noise(sample, 1000));
        case.server().client().raw(&bytes).expect("an answer").expect(400);
    }
    case.get("/health/live").expect(200);
}

/// Somebody sends and never reads: the server stops reading him, and goes on with the others.
fn pipelining_without_reading_takes_no_memory(case: &Case) {
    let address = case.server().line_address();
    let before = resident_kib(case.server().pid());
    let greedy: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                let mut line = LineClient::connect(address);
                line.set_write_timeout(std::time::Duration::from_secs(2));
                let requests = "nothing\n".repeat(8192);
                (0..200).take_while(|_| line.try_send(requests.as_bytes()).is_ok()).count()
            })
        })
        .collect();
    for thread in greedy {
        assert!(
            thread.join().expect("no panic") < 200,
            "the server read 13 MB that nobody takes the answers to"
        );
    }
    let grown = resident_kib(case.server().pid()).saturating_sub(before);
    assert!(grown < 256 * 1024, "{grown} KiB more");
    assert_eq!(case.line().ask("login"), "nop syntax:u,p");
}

/// Each byte comes in a piece of its own, and none may hold on to more than itself.
fn bodies_that_come_byte_by_byte_take_no_memory(case: &Case) {
    let before = resident_kib(case.server().pid());
    let head =
        b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 4096\r\n\r\n";
    let mut slow: Vec<_> = (0..20).map(|_| case.http().connect()).collect();
    for stream in &mut slow {
        stream.set_nodelay(true).expect("a socket");
        stream.write_all(head).expect("a head");
    }
    for _ in 0..2000 {
        for stream in &mut slow {
            stream.write_all(b" ").expect("a byte");
        }
    }
    let grown = resident_kib(case.server().pid()).saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KiB more for 40,000 bytes");
}

pub fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches("kB").trim().parse().expect("a number")
}
