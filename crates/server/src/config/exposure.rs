//! What must be set before anybody but this machine can reach the server.

use std::net::{IpAddr, SocketAddr};

use super::origin::Problem;
use super::settings::Settings;

/// Whether only this machine reaches the address.
pub fn is_loopback(address: SocketAddr) -> bool {
    match address.ip() {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback()),
    }
}

/// Why the server must not start on these addresses: passwords would cross the network in the clear,
/// or links in messages would lead nowhere.
pub fn exposure_problems(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let protected = settings.tls.is_some() || settings.tls_terminated_by_proxy;
    if !is_loopback(settings.listen) {
        let listen = settings.listen;
        if settings.public_url.is_none() {
            problems.push(Problem::missing(format!(
                "listening on {listen}, which other machines reach, needs the URL under which they reach it, for \
                 the links in messages: set `public_url = \"https://accounts.example.com\"` or --public-url"
            )));
        }
        if !protected {
            problems.push(Problem::missing(format!(
                "listening on {listen}, which other machines reach, needs TLS, or passwords cross the network in \
                 the clear: set `certificate` and `key` in [tls] (PEM files), or, if a proxy in front of the \
                 server speaks TLS for it, `tls_terminated_by_proxy = true`; or listen on 127.0.0.1"
            )));
        }
    }
    if let Some(listen) =
        settings.mtls.listen.filter(|listen| !is_loopback(*listen) && settings.tls.is_none())
    {
        problems.push(Problem::missing(format!(
            "listening on {listen} for clients with certificates, which other machines reach, needs a certificate \
             that they trust: set `certificate` and `key` in [tls] (PEM files); or listen on 127.0.0.1"
        )));
    }
    let line = &settings.line;
    if line.enabled && !is_loopback(line.listen) && line.certificate.is_none() && !protected {
        problems.push(Problem::missing(format!(
            "listening on {} for the line surface, which other machines reach, needs a certificate that they \
             trust: set `certificate` and `key` in [line] or [tls] (PEM files); or listen on 127.0.0.1, or set \
             `enabled = false` in [line]",
            line.listen
        )));
    }
    problems
}

/// Whether other machines reach the line listener and see a certificate there that they cannot trust: what a proxy
/// does for HTTP it does not do for the lines.
pub fn shows_self_signed_line(settings: &Settings) -> bool {
    let line = &settings.line;
    line.enabled && !is_loopback(line.listen) && line.certificate.is_none() && settings.tls.is_none()
}
