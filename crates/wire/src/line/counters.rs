//! Counts what was asked and how it ended.

use std::sync::atomic::{AtomicU64, Ordering};

use super::reply::Reply;
use crate::metrics::Text;

/// What was asked; `none` for lines that are no request.
const COMMANDS: [&str; 4] = ["login", "register", "validatephone", "none"];

/// How it ended: the words of the document.
const OUTCOMES: [&str; 11] = [
    "ok",
    "syntax",
    "unavailable",
    "credentials",
    "unverifiednumber",
    "unverifiedemail",
    "invalidusername",
    "usernametaken",
    "baddata",
    "badcode",
    "invalidnumber",
];

/// The counters of the line listener.
#[derive(Debug, Default)]
pub(crate) struct LineCounters([[AtomicU64; OUTCOMES.len()]; COMMANDS.len()]);

impl LineCounters {
    /// Counts an answer.
    pub(super) fn answered(&self, command: &str, reply: &Reply) {
        let command = COMMANDS.iter().position(|name| *name == command);
        let outcome = OUTCOMES.iter().position(|word| *word == reply.outcome());
        let row = command.and_then(|command| self.0.get(command));
        if let Some(count) = outcome.and_then(|outcome| row?.get(outcome)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counters as text.
    pub(crate) fn write_to(&self, out: &mut Text) {
        let name = "countersign_line_requests_total";
        out.family(name, "counter", "Lines answered, by command and outcome.");
        for (command, outcomes) in COMMANDS.iter().zip(&self.0) {
            for (outcome, count) in OUTCOMES.iter().zip(outcomes) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    out.sample(name, &[("command", command), ("outcome", outcome)], count);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Refusal;

    #[test]
    fn every_outcome_has_a_counter() {
        let counters = LineCounters::default();
        let refusals = [
            Refusal::Syntax(vec![]),
            Refusal::Unavailable,
            Refusal::Credentials,
            Refusal::UnverifiedNumber,
            Refusal::UnverifiedEmail,
            Refusal::InvalidUsername,
            Refusal::UsernameTaken,
            Refusal::BadData,
            Refusal::BadCode,
            Refusal::InvalidNumber,
        ];
        let replies = [Reply::Done].into_iter().chain(refusals.map(Reply::Refused));
        for reply in replies {
            counters.answered("login", &reply);
        }
        let mut text = Text::default();
        counters.write_to(&mut text);
        let samples = text.0.lines().filter(|line| line.ends_with(" 1")).count();
        assert_eq!(samples, OUTCOMES.len());
        assert!(text.0.contains("countersign_line_requests_total{command=\"login\",outcome=\"ok\"} 1\n"));
    }
}
