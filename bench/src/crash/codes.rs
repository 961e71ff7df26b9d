//! Verification codes, read the way an operator would: `countersign outbox list --json` while the server runs.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::server::Program;
use crate::Result;

const STEP: Duration = Duration::from_millis(5);

/// The codes that arrived and were not taken yet.
#[derive(Debug, Default)]
pub struct Codes {
    arrived: Mutex<Arrived>,
    waiting: AtomicUsize,
}

#[derive(Debug, Default)]
struct Arrived {
    /// Ids of all messages read so far: a code that was taken must not arrive again.
    known: HashSet<String>,
    /// The newest code of each address.
    newest: HashMap<String, String>,
}

impl Codes {
    /// Waits for the code of a message that was acknowledged; `stop` says when waiting is pointless.
    pub async fn wait_for(&self, address: &str, stop: impl Fn() -> bool) -> Option<String> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let code = loop {
            if let Some(code) = self.take(address) {
                break Some(code);
            }
            if stop() {
                break None;
            }
            tokio::time::sleep(STEP).await;
        };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        code
    }

    /// Removes and returns the code of an address, so that an old one is never taken for a new one.
    pub fn take(&self, address: &str) -> Option<String> {
        self.arrived.lock().ok()?.newest.remove(address)
    }

    /// Reads the outbox for as long as somebody waits and `stop` allows.
    pub async fn collect(&self, program: &Program, stop: impl Fn() -> bool) -> Result<()> {
        while !stop() {
            if self.waiting.load(Ordering::Relaxed) == 0 {
                tokio::time::sleep(STEP).await;
            } else {
                let listed = program.run(&["outbox", "list", "--json"]).await?;
                self.enter(&serde_json::from_str::<Vec<Value>>(&listed)?)?;
            }
        }
        Ok(())
    }

    fn enter(&self, messages: &[Value]) -> Result<()> {
        let mut arrived = self.arrived.lock().map_err(|_| "a thread died with the codes in its hands")?;
        for message in messages {
            let text = |key: &str| message.get(key).and_then(Value::as_str).map(str::to_owned);
            let id = message.get("id").map(Value::to_string).ok_or("a message without an id")?;
            if let (true, Some(to), Some(code)) = (arrived.known.insert(id), text("to"), text("code")) {
                arrived.newest.insert(to, code);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_code_does_not_arrive_again() {
        let codes = Codes::default();
        let first = serde_json::json!({ "id": 1, "to": "a@example.com", "code": "one" });
        codes.enter(std::slice::from_ref(&first)).unwrap();
        assert_eq!(codes.take("a@example.com").as_deref(), Some("one"));
        let second = serde_json::json!({ "id": 2, "to": "a@example.com", "code": "two" });
        codes.enter(&[first, second]).unwrap();
        assert_eq!(codes.take("a@example.com").as_deref(), Some("two"));
    }
}
