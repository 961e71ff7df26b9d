//! SIGHUP reads certificates again (R142).

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use countersign_testkit::{poll, scratch, tls};

use crate::case::{Case, on_both_engines};

on_both_engines! {
    a_hangup_renews_the_certificates_and_drops_nobody
    the_http_listener_speaks_tls_and_renews_its_certificate
    the_self_signed_certificate_stays_the_same
}

/// The fingerprint of the certificate that a listener shows to OpenSSL.
fn fingerprint(address: SocketAddr) -> String {
    let shown = Command::new("openssl")
        .args(["s_client", "-connect", &address.to_string(), "-servername", "localhost"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .expect("openssl");
    let mut x509 = Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl");
    let mut input = x509.stdin.take().expect("piped");
    let _ = std::io::Write::write_all(&mut input, &shown.stdout);
    drop(input);
    let output = x509.wait_with_output().expect("openssl");
    assert!(output.status.success(), "no certificate: {}", String::from_utf8_lossy(&shown.stdout));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Puts a new certificate with its key where the server looks.
fn renew(home: &Path) {
    let made = tls::certificate_for_localhost(&scratch::directory("renewed"));
    for (from, name) in [(made.key, "key.pem"), (made.certificate, "certificate.pem")] {
        fs::copy(from, home.join(name)).expect("a file of our own");
    }
}

fn a_hangup_renews_the_certificates_and_drops_nobody(case: &Case) {
    let home = scratch::directory("certificates");
    renew(&home);
    let (certificate, key) = (home.join("certificate.pem"), home.join("key.pem"));
    let settings = format!("certificate = \"{}\"\nkey = \"{}\"\n", certificate.display(), key.display());
    let mut case = case.with_config(&format!("[line]\n{settings}"));
    let address = case.server().line_address();
    let first = fingerprint(address);
    let mut open = case.line();
    assert_eq!(open.ask("login"), "nop syntax:u,p");

    renew(&home);
    assert_eq!(fingerprint(address), first, "nothing changes without the signal");
    case.server().signal("HUP");
    let second =
        poll::until("the new certificate", || Some(fingerprint(address)).filter(|shown| *shown != first));
    assert_eq!(open.ask("login"), "nop syntax:u,p");

    // What cannot be read changes nothing but the log.
    fs::write(&certificate, "no certificate").expect("a file of our own");
    let logged = case.server().log().len();
    case.server().signal("HUP");
    poll::until("a line in the log", || (case.server().log().len() > logged).then_some(()));
    assert_eq!(fingerprint(address), second);
    assert!(case.server_mut().is_alive());
    assert_eq!(open.ask("login"), "nop syntax:u,p");
}

/// Clients may have pinned it.
fn the_self_signed_certificate_stays_the_same(case: &Case) {
    let mut case = case.with_config("");
    let first = fingerprint(case.server().line_address());
    case.server_mut().restart();
    assert_eq!(fingerprint(case.server().line_address()), first);
}

/// With a certificate HTTP is served over TLS only, and its certificate is renewed the same way.
fn the_http_listener_speaks_tls_and_renews_its_certificate(case: &Case) {
    let home = scratch::directory("https");
    renew(&home);
    let files = [home.join("certificate.pem"), home.join("key.pem")].map(|file| file.display().to_string());
    let case = case.with_config(&format!("[tls]\ncertificate = \"{}\"\nkey = \"{}\"", files[0], files[1]));
    let address = case.server().http_address();
    let first = fingerprint(address);
    let answer =
        over_tls(address, "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(answer.contains("HTTP/1.1 200"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("strict-transport-security:"), "{answer}");
    let plain = case.http().get("/health/live").try_send();
    assert!(plain.is_none_or(|response| response.status >= 400), "served in the clear");
    renew(&home);
    case.server().signal("HUP");
    poll::until("the new certificate", || Some(fingerprint(address)).filter(|shown| *shown != first));
}

/// What a listener says to a request that OpenSSL brings.
fn over_tls(address: SocketAddr, request: &str) -> String {
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-connect", &address.to_string(), "-servername", "localhost"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl");
    let mut input = client.stdin.take().expect("piped");
    std::io::Write::write_all(&mut input, request.as_bytes()).expect("openssl reads");
    let output = client.wait_with_output().expect("openssl");
    drop(input);
    String::from_utf8_lossy(&output.stdout).into_owned()
}
