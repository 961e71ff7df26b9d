//! What a server answered.

use serde_json::Value;

use crate::failure::{Failure, Outcome};

/// The body of an answer; its status was as expected.
#[derive(Debug)]
pub struct Answer(pub Value);

impl Answer {
    /// A text in it, by the path of names to it.
    ///
    /// # Errors
    /// If it is not there.
    pub fn text(&self, path: &[&str]) -> Outcome<String> {
        let found = path.iter().try_fold(&self.0, |value, name| value.get(*name));
        let text = found.and_then(Value::as_str).filter(|text| !text.is_empty());
        text.map(str::to_owned)
            .ok_or_else(|| Failure::failed(format!("the answer has no text at {:?}", path.join("."))))
    }

    /// Checks a fact about it.
    ///
    /// # Errors
    /// If it does not hold.
    pub fn must(&self, fact: &str, holds: impl Fn(&Value) -> bool) -> Outcome {
        if holds(&self.0) { Ok(()) } else { Err(Failure::failed(format!("the answer does not say {fact}"))) }
    }
}
