//! What clients know: every answer they got, and for a request without an answer both possibilities.

use std::time::Duration;

/// Everything about one account that a client can observe later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub registered: bool,
    pub password: String,
    /// Passwords that were replaced.
    pub former: Vec<String>,
    /// Sessions that must work.
    pub live: Vec<String>,
    /// Sessions that were rotated, revoked or logged out.
    pub dead: Vec<String>,
    /// Codes that were used.
    pub used_codes: Vec<String>,
}

impl State {
    fn kill(mut self, keep: impl Fn(&str) -> bool) -> Self {
        let (live, dead) = std::mem::take(&mut self.live).into_iter().partition(|token| keep(token));
        self.live = live;
        let dead: Vec<String> = dead;
        self.dead.extend(dead);
        self
    }

    /// After this session was logged out or rotated.
    pub fn without(self, token: &str) -> Self {
        self.kill(|other| other != token)
    }

    /// After every session was ended, but for `kept`.
    pub fn with_sessions_ended(self, kept: Option<&str>) -> Self {
        self.kill(|other| Some(other) == kept)
    }

    /// After the password was replaced.
    pub fn with_password(mut self, password: String) -> Self {
        self.former.push(std::mem::replace(&mut self.password, password));
        self
    }

    /// After the code was used.
    pub fn with_used(mut self, code: &str) -> Self {
        self.used_codes.push(code.to_owned());
        self
    }

    /// After the registration.
    pub fn with_registration(mut self) -> Self {
        self.registered = true;
        self
    }
}

/// One account and its client's log.
#[derive(Clone, Debug)]
pub struct Account {
    pub email: String,
    /// Whether the address was proven by a code (000); only then may codes be used on it, because the first
    /// proof of an unproven address ends everything set up before.
    pub proven: bool,
    pub state: State,
    /// What holds if the request that got no answer took effect.
    pub maybe: Option<State>,
    /// The code of a registration that got no answer: if it had no effect, the code must still work.
    pub open_code: Option<String>,
    /// Whether anything was sent since the last comparison.
    pub touched: bool,
    history: Vec<(Duration, String)>,
}

impl Account {
    pub fn new(email: String, password: String, proven: bool) -> Self {
        let state = State {
            registered: false,
            password,
            former: Vec::new(),
            live: Vec::new(),
            dead: Vec::new(),
            used_codes: Vec::new(),
        };
        Self { email, proven, state, maybe: None, open_code: None, touched: true, history: Vec::new() }
    }

    /// The request was acknowledged.
    pub fn acknowledged(&mut self, after: State) {
        self.state = after;
        self.maybe = None;
    }

    /// The request got no answer: `after` or the state before it holds, nothing between.
    pub fn unanswered(&mut self, after: State) {
        self.maybe = Some(after);
    }

    /// Adds a line to the log.
    pub fn note(&mut self, at: Duration, line: String) {
        self.history.push((at, line));
    }

    /// The log, for a person who looks for the cause of a violation.
    pub fn evidence(&self) -> String {
        const LINES: usize = 40;
        let skipped = self.history.len().saturating_sub(LINES);
        let lines = self
            .history
            .iter()
            .skip(skipped)
            .map(|(at, line)| format!("    {:>9.3} s  {line}\n", at.as_secs_f64()));
        format!("  log of {} ({skipped} earlier lines left out):\n{}", self.email, lines.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_session_is_remembered_as_dead() {
        let mut account = Account::new("a@example.com".into(), "old".into(), true);
        account.state.live = vec!["one".into(), "two".into()];
        let after = account.state.clone().with_password("new".into()).with_sessions_ended(Some("two"));
        assert_eq!(
            (after.live, after.dead, after.former),
            (vec!["two".into()], vec!["one".into()], vec!["old".into()])
        );
    }
}
