//! How a command ends when it does not succeed.

use std::fmt;
use std::process::ExitCode;

use crate::config::Problems;

/// What went wrong and what to do about it.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    what: String,
    advice: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It was tried and did not work: exit code 1.
    Failed,
    /// The command line or the configuration is wrong: exit code 2.
    Usage,
    /// The reader of our output has gone away; not worth a word.
    PipeClosed,
}

/// The result of a command.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// Something did not work.
    pub fn failed(what: impl fmt::Display) -> Failure {
        Failure { kind: Kind::Failed, what: what.to_string(), advice: None }
    }

    /// Something was asked for in a way that makes no sense.
    pub fn usage(what: impl fmt::Display) -> Failure {
        Failure { kind: Kind::Usage, what: what.to_string(), advice: None }
    }

    /// With what to do about it.
    pub fn advice(mut self, advice: impl Into<String>) -> Failure {
        self.advice = Some(advice.into());
        self
    }

    /// What went wrong.
    pub fn what(&self) -> String {
        self.what.clone()
    }

    /// What to do about it, if that is known.
    pub fn advised(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> ExitCode {
        match self.kind {
            Kind::Failed => ExitCode::from(1),
            Kind::Usage => ExitCode::from(2),
            Kind::PipeClosed => ExitCode::SUCCESS,
        }
    }

    /// Whether there is something to tell.
    pub fn is_worth_telling(&self) -> bool {
        self.kind != Kind::PipeClosed
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        match &self.advice {
            Some(advice) => write!(f, "\n  {advice}"),
            None => Ok(()),
        }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Failure {
        Failure::usage(problems)
    }
}

/// Of writing to standard output.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Failure { kind: Kind::PipeClosed, what: String::new(), advice: None };
        }
        Failure::failed(format!("cannot write the output: {error}"))
    }
}
