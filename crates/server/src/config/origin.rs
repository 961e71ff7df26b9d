//! Where a value was written, and what is wrong with it.

use std::fmt;
use std::path::PathBuf;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of a configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands; `None` for what is missing.
    pub origin: Option<Origin>,
    /// What is wrong and what would be right, in one line.
    pub text: String,
}

impl Problem {
    /// A problem with something that was written.
    pub fn at(origin: &Origin, text: impl Into<String>) -> Problem {
        Problem { origin: Some(origin.clone()), text: text.into() }
    }

    /// Something that is missing.
    pub fn missing(text: impl Into<String>) -> Problem {
        Problem { origin: None, text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// Everything that is wrong with the configuration, so that one round of corrections is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        writeln!(f, "the configuration has {count} problem{}:", if count == 1 { "" } else { "s" })?;
        for (i, problem) in self.0.iter().enumerate() {
            let end = if i + 1 < count { "\n" } else { "" };
            write!(f, "  {problem}{end}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
