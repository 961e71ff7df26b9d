//! Certificates: whether they load, and for how long they are good.

use std::time::Duration;

use countersign_model::time::Clock;

use super::finding::Findings;
use crate::config::{CertificateFiles, Settings};
use crate::tls::{Certificate, Protocols};

const NEAR: Duration = Duration::from_secs(14 * 86_400);

/// Looks at those that are configured.
pub fn examine(settings: &Settings, findings: &mut Findings) {
    if let Some(files) = &settings.tls {
        one("certificate", files, Protocols::Http, findings);
    }
    match &settings.line.certificate {
        Some(files) => one("line certificate", files, Protocols::Line, findings),
        None if settings.line.enabled && settings.tls.is_none() => {
            findings.good("line certificate", "self-signed: good for this machine, set [line] for others");
        }
        None => {}
    }
}

fn one(check: &'static str, files: &CertificateFiles, protocols: Protocols, findings: &mut Findings) {
    let certificate = match Certificate::load(files, protocols) {
        Ok(certificate) => certificate,
        Err(error) => {
            let advice =
                "the files must be PEM: the chain with the server's own certificate first, and its key";
            return findings.problem(check, error.to_string(), advice);
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
