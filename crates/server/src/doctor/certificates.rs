//! Certificates: whether they load, and for how long they are good.

use std::time::Duration;

use countersign_model::time::{Clock, Timestamp};
use countersign_ops::oauth::client_authorities::ClientAuthorities;

use super::finding::Findings;
use crate::config::{CertificateFiles, Settings, shows_self_signed_line};
use crate::tls::{Certificate, Protocols};

const NEAR: Duration = Duration::from_secs(14 * 86_400);

/// Looks at those that are configured.
pub fn examine(settings: &Settings, findings: &mut Findings) {
    if let Some(files) = &settings.tls {
        one("certificate", files, Protocols::Http, findings);
    }
    match &settings.line.certificate {
        Some(files) => one("line certificate", files, Protocols::Line, findings),
        None if shows_self_signed_line(settings) => findings.problem(
            "line certificate",
            format!("self-signed, and {} is reached by other machines, which cannot trust it", settings.line.listen),
            "set `certificate` and `key` in [line] (PEM files): a proxy that speaks TLS for HTTP does not for the line \
             surface; or listen on 127.0.0.1, or set `enabled = false` in [line]",
        ),
        None if settings.line.enabled && settings.tls.is_none() => {
            findings.good("line certificate", "self-signed: good for this machine, set [line] for others");
        }
        None => {}
    }
    let authorities = settings.operations.oauth.mtls.authorities.as_ref();
    if let Some(until) = authorities.and_then(ClientAuthorities::lists_end) {
        lists("revoked certificates", until, findings);
    }
}

fn lists(check: &'static str, until: Timestamp, findings: &mut Findings) {
    let day = until.rfc3339();
    match until <= Clock::system().now() {
        true => findings.problem(
            check,
            format!("a list of `oauth.mtls.crl_files` is out of date since {day}: clients are refused"),
            "get a new one from the authority, then send SIGHUP to the server",
        ),
        false => findings.good(check, &format!("the lists are good until {day}")),
    }
}

fn one(check: &'static str, files: &CertificateFiles, protocols: Protocols, findings: &mut Findings) {
    let certificate = match Certificate::load(files, protocols) {
        Ok(certificate) => certificate,
        Err(errors) => {
            let advice =
                "the files must be PEM: the chain with the server's own certificate first, and its key";
            return errors.iter().for_each(|error| findings.problem(check, error.to_string(), advice));
        }
    };
    let now = Clock::system().now();
    let until = certificate.not_after.rfc3339();
    let path = files.certificate.display();
    if certificate.not_after <= now {
        findings.problem(
            check,
            format!("{path} has expired on {until}"),
            "renew it, then send SIGHUP to the server",
        );
    } else if certificate.not_after.since(now) < NEAR {
        findings.warning(
            check,
            format!("{path} ends on {until}"),
            "renew it, then send SIGHUP to the server",
        );
    } else {
        findings.good(check, &format!("{path} is good until {until}"));
    }
}
