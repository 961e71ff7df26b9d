//! What a server is made of that needs neither a network nor a database: it is made before anything is taken or
//! written, and `config check` makes it too, so that it finds what a start would.

use countersign_delivery::Worker;
use countersign_wire::check_prefixes;

use super::wire_settings;
use crate::config::{CertificateFiles, Config, Problem, Problems, clash_problems, exposure_problems};
use crate::master_key;
use crate::tls::{Certificate, Protocols};

/// The parts.
pub struct Parts {
    /// The certificate of the HTTP listener, if it speaks TLS.
    pub http: Option<Certificate>,
    /// That of the listener for clients with certificates, if one is configured.
    pub mtls: Option<Certificate>,
    /// That of the line listener, if one is configured.
    pub line: Option<Certificate>,
    /// What delivers messages.
    pub worker: Worker,
}

impl Parts {
    /// Makes them.
    ///
    /// # Errors
    /// [`Problems`]: everything for which a server does not start.
    pub fn make(config: &Config) -> Result<Parts, Problems> {
        let settings = &config.settings;
        let mut problems = exposure_problems(settings);
        problems.extend(clash_problems(config));
        if let Err(error) = check_prefixes(&wire_settings(settings)) {
            problems.push(Problem::missing(error.to_string()));
        }
        if let Some((key, Err(failure))) = master_key::check(&settings.master_key) {
            problems.push(config.problem(key, format!("`{key}`: {}", failure.what())));
        }
        let mut load = |section, files: &CertificateFiles, protocols| {
            certificate(config, section, files, protocols, &mut problems)
        };
        let (tls, mtls) = (settings.tls.as_ref(), settings.mtls.listen);
        let http = tls.and_then(|files| load("tls", files, Protocols::Http));
        let mtls = tls.filter(|_| mtls.is_some()).and_then(|files| load("tls", files, Protocols::Mtls));
        let line = settings.line.certificate.as_ref().map(|files| ("line", files));
        let line = line.or(tls.map(|files| ("tls", files))).filter(|_| settings.line.enabled);
        let line = line.and_then(|(section, files)| load(section, files, Protocols::Line));
        // The name that mail servers are greeted with does not depend on the port.
        match Worker::new(&settings.delivery, &settings.public_url(settings.listen)) {
            Ok(worker) if problems.is_empty() => Ok(Parts { http, mtls, line, worker }),
            Ok(_) => Err(Problems(problems)),
            Err(errors) => {
                let told = errors.iter().map(|error| config.problem(error.setting(), error.to_string()));
                problems.extend(told);
                Err(Problems(problems))
            }
        }
    }
}

/// One pair of files may serve several listeners: what is wrong with it is told once.
fn certificate(
    config: &Config,
    section: &str,
    files: &CertificateFiles,
    protocols: Protocols,
    problems: &mut Vec<Problem>,
) -> Option<Certificate> {
    let errors = match Certificate::load(files, protocols) {
        Ok(certificate) => return Some(certificate),
        Err(errors) => errors,
    };
    for error in errors {
        let key = format!("{section}.{}", error.setting());
        let problem = config.problem(&key, format!("`{key}`: {error}"));
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    None
}
