//! The connection and the form of requests.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use countersign_testkit::{LineClient, source};

use super::{Registration, login, token_of};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    seed_002_01
    seed_002_02
    seed_002_28
    seed_002_29
    seed_002_30
    seed_002_31
    old_versions_of_tls_are_refused
}

/// The service speaks TLS 1.2 or later over TCP, shows a certificate and asks for none.
fn seed_002_01(case: &Case) {
    let mut line = case.line();
    let (shown, version) = line.handshake();
    assert!(shown);
    let version = format!("{version:?}");
    assert!(version.contains("TLSv1_3") || version.contains("TLSv1_2"), "{version}");
    assert_eq!(login(&mut line, "nobody", "wrong-password"), "nop credentials");
}

/// A client that speaks plain text gets no answer of the protocol.
fn seed_002_02(case: &Case) {
    let mut stream = source::connect(source::fresh(), case.server().line_address()).expect("a connection");
    let _ = stream.write_all(b"login u:nobody p:wrong-password\nlogin\n");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    assert!(!text.contains("nop") && !text.contains("ok"), "{text:?}");
}

/// Options come in any order; an unknown or repeated one is a syntax error that names it.
fn seed_002_28(case: &Case) {
    let who = Registration::with_email(case);
    let email = who.email.clone().unwrap_or_default();
    let mut line = case.line();
    let reply =
        line.ask(&format!("register e:{email} n:{} p:{} u:{}", who.phone, who.password, who.username));
    assert_eq!(reply, "ok");
    let who = Registration::new(case).validated(case);
    token_of(&line.ask(&format!("login  p:{}   u:{} ", who.password, who.username)));
    let (name, password) = (&who.username, &who.password);
    assert_eq!(line.ask(&format!("login u:{name} p:{password} x:1")), "nop syntax:x");
    assert_eq!(line.ask(&format!("login u:{name} p:{password} u:{name}")), "nop syntax:u");
    assert_eq!(line.ask(&format!("login u:{name} p:{password} e:a@example.com")), "nop syntax:e");
    assert_eq!(line.ask("validatephone p:8885551212 p:8885551212 c:AAAAA-AAAAA"), "nop syntax:p");
}

/// A value is everything after the first colon.
fn seed_002_29(case: &Case) {
    let who =
        Registration { password: ":a:b::c1-Zebra:".to_owned(), ..Registration::new(case) }.validated(case);
    token_of(&who.login(case));
    assert_eq!(login(&mut case.line(), &who.username, ":a:b::c1-Zebra"), "nop credentials");
}

/// Requests may come together, in pieces, with CRLF; over-long, cut off or garbled ones end in an error or a close,
/// and no other connection notices.
fn seed_002_30(case: &Case) {
    let mut bystander = case.line();
    assert_eq!(bystander.ask("login"), "nop syntax:u,p");
    pipelined_and_in_pieces(&mut case.line());
    over_long(&mut case.line());
    half_closed(case);
    let mut line = case.line();
    line.send(b"login u:\xff\xfe p:long-enough-7\n");
    assert_eq!(line.reply().as_deref(), Some("nop syntax:u"));
    assert_eq!(line.ask("login"), "nop syntax:u,p");
    assert_eq!(login(&mut bystander, "nobody", "wrong-password"), "nop credentials");
}

fn pipelined_and_in_pieces(line: &mut LineClient) {
    line.send(b"login\nregister\n\nlogin u:nobody p:wrong-password\r\nvalidatephone\nlogin u:some");
    let replies: Vec<_> = (0..4).map(|_| line.reply().unwrap_or_default()).collect();
    assert_eq!(replies, ["nop syntax:u,p", "nop syntax:u,p,n", "nop credentials", "nop syntax:p,c"]);
    for piece in ["bo", "dy p", ":wrong-pass", "word", "\n"] {
        line.send(piece.as_bytes());
    }
    assert_eq!(line.reply().as_deref(), Some("nop credentials"));
}

fn over_long(line: &mut LineClient) {
    let mut request = b"login u:".to_vec();
    request.resize(64 * 1024, b'a');
    request.push(b'\n');
    let _ = line.try_send(&request);
    // What the server had not read when it closed may cost its last words.
    if let Some(reply) = line.reply() {
        assert!(reply.starts_with("nop syntax:"), "{reply}");
        assert_eq!(line.reply(), None);
    }
}

fn half_closed(case: &Case) {
    let mut line = case.line();
    line.send(b"login\nlogin u:nobody p:wrong-password\nlogin u:cut-o");
    line.half_close();
    assert_eq!(line.reply().as_deref(), Some("nop syntax:u,p"));
    assert_eq!(line.reply().as_deref(), Some("nop credentials"));
    let rest = line.reply();
    assert!(rest.as_deref().is_none_or(|reply| reply.starts_with("nop ")), "{rest:?}");
}

/// An unknown command gets one `syntax` line, a blank line nothing, and the connection stays open.
fn seed_002_31(case: &Case) {
    let mut line = case.line();
    assert_eq!(line.ask("hello"), "nop syntax:hello");
    assert_eq!(line.ask("LOGOUT u:a p:b"), "nop syntax:LOGOUT");
    line.send(b"\n\r\n  \n");
    assert_eq!(login(&mut line, "nobody", "wrong-password"), "nop credentials");
}

/// TLS 1.2 and 1.3, and ciphers with forward secrecy and authentication only (R138).
fn old_versions_of_tls_are_refused(case: &Case) {
    let address = case.server().line_address().to_string();
    let handshake = |arguments: &[&str]| {
        let mut client = Command::new("openssl");
        client.args(["s_client", "-connect", &address]).args(arguments);
        client
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("openssl")
            .success()
    };
    assert!(handshake(&["-tls1_2"]) && handshake(&["-tls1_3"]));
    // At security level 0 OpenSSL itself would speak them.
    for old in [&["-tls1", "-cipher", "ALL:@SECLEVEL=0"], &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]] {
        assert!(!handshake(old), "{old:?}");
    }
    for weak in ["AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA", "NULL-SHA256:@SECLEVEL=0"] {
        assert!(!handshake(&["-tls1_2", "-cipher", weak]), "{weak}");
    }
}
