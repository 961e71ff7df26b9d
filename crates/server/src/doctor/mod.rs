//! `countersign doctor`: looks for what is wrong or missing, and says what to do about it. Changes nothing.

mod certificates;
mod claims;
mod files;
mod finding;
mod network;
mod store;

use countersign_delivery::Worker;
use serde_json::json;

use crate::cli::args::Doctor;
use crate::cli::output::{self, say};
use crate::config::{self, Config, clash_problems, exposure_problems, is_loopback};
use crate::failure::{Failure, Outcome};
use crate::telemetry;
use finding::{Finding, Findings, Level};

/// Looks everywhere.
///
/// # Errors
/// If something is wrong; warnings are no failure.
pub async fn run(arguments: Doctor) -> Outcome {
    telemetry::start_for_command();
    let mut findings = Findings::default();
    match config::load(arguments.place.flags()) {
        Ok(config) => {
            findings.good("configuration", "every key and value is known");
            examine(&config, &mut findings).await;
        }
        Err(problems) => {
            for problem in problems.0 {
                findings.problem("configuration", problem.to_string(), "correct it where it stands");
            }
        }
    }
    report(&findings.0, arguments.form.json)
}

async fn examine(config: &Config, findings: &mut Findings) {
    let settings = &config.settings;
    exposure(config, findings);
    files::examine(settings, findings);
    store::examine(settings, findings).await;
    certificates::examine(settings, findings);
    match Worker::new(&settings.delivery, "http://127.0.0.1") {
        Ok(_) => network::examine(settings, findings).await,
        Err(errors) => errors.iter().for_each(|error| {
            findings.problem("delivery", error.to_string(), "correct [smtp], [sms] or the templates");
        }),
    }
}

fn exposure(config: &Config, findings: &mut Findings) {
    let settings = &config.settings;
    let mut problems = exposure_problems(settings);
    problems.extend(clash_problems(config));
    for problem in &problems {
        findings.problem("listeners", problem.to_string(), "the server does not start before that");
    }
    if problems.is_empty() && is_loopback(settings.listen) && settings.public_url.is_none() {
        let text = format!("{} is reached from this machine only", settings.listen);
        findings.good("listeners", &text);
    } else if problems.is_empty() {
        findings.good("listeners", "what other machines need is set");
    }
    let insecure = settings.public_url.as_ref().filter(|url| url.starts_with("http://"));
    if let Some(url) = insecure.filter(|_| !is_loopback(settings.listen)) {
        let text = format!("`public_url` is {url}: codes and passwords travel in the clear to it");
        findings.warning("listeners", text, "use https://");
    }
    if !is_loopback(settings.metrics_listen) {
        let text = format!("the metrics at {} are open to other machines", settings.metrics_listen);
        findings.warning("listeners", text, "let a firewall admit Prometheus only, or listen on 127.0.0.1");
    }
}

fn report(findings: &[Finding], as_json: bool) -> Outcome {
    let problems = findings.iter().filter(|finding| finding.level == Level::Problem).count();
    if as_json {
        let finding = |finding: &Finding| {
            json!({
                "check": finding.check,
                "level": finding.level.name(),
                "text": finding.text,
                "advice": finding.advice,
            })
        };
        output::json(&findings.iter().map(finding).collect::<Vec<_>>())?;
    } else {
        for finding in findings {
            say(&format!("{} {}: {}", finding.level.mark(), finding.check, finding.text))?;
            if let Some(advice) = &finding.advice {
                say(&format!("    {advice}"))?;
            }
        }
    }
    match problems {
        0 => Ok(()),
        1 => Err(Failure::failed("1 problem was found")),
        count => Err(Failure::failed(format!("{count} problems were found"))),
    }
}
