//! What the doctor finds.

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Good,
    /// Works, and could be better.
    Warning,
    /// Does not work, or is not safe.
    Problem,
}

impl Level {
    /// In listings.
    pub fn name(self) -> &'static str {
        match self {
            Level::Good => "good",
            Level::Warning => "warning",
            Level::Problem => "problem",
        }
    }

    /// Before its line.
    pub fn mark(self) -> &'static str {
        match self {
            Level::Good => "✓",
            Level::Warning => "!",
            Level::Problem => "✗",
        }
    }
}

/// One thing found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What is so.
    pub text: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// Everything found.
#[derive(Debug, Default)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// As it should be.
    pub fn good(&mut self, check: &'static str, text: &str) {
        self.0.push(Finding { check, level: Level::Good, text: text.to_owned(), advice: None });
    }

    /// Could be better.
    pub fn warning(&mut self, check: &'static str, text: impl Into<String>, advice: impl Into<String>) {
        let (text, advice) = (text.into(), Some(advice.into()));
        self.0.push(Finding { check, level: Level::Warning, text, advice });
    }

    /// Does not work.
    pub fn problem(&mut self, check: &'static str, text: impl Into<String>, advice: impl Into<String>) {
        let (text, advice) = (text.into(), Some(advice.into()));
        self.0.push(Finding { check, level: Level::Problem, text, advice });
    }
}
