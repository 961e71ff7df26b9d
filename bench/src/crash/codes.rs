//! Verification codes, read the way an operator would: `countersign outbox list --json` while the server runs.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::server::Program;
use crate::Result;

const STEP: Duration = Duration::from_millis(5);

/// The newest code of each address.
#[derive(Debug, Default)]
pub struct Codes {
    newest: Mutex<HashMap<String, String>>,
    waiting: AtomicUsize,
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
        self.newest.lock().ok()?.remove(address)
    }

    /// Reads the outbox for as long as somebody waits and `stop` allows.
    pub async fn collect(&self, program: &Program, stop: impl Fn() -> bool) -> Result<()> {
        let mut seen = 0;
        while !stop() {
            if self.waiting.load(Ordering::Relaxed) == 0 {
                tokio::time::sleep(STEP).await;
                continue;
            }
            seen = self.read(program, seen).await?.max(seen);
        }
        Ok(())
    }

    /// Reads the outbox once; messages up to number `seen` are known already.
    pub async fn read(&self, program: &Program, seen: usize) -> Result<usize> {
        let listed = program.run(&["outbox", "list", "--json"]).await?;
        let messages: Vec<Value> = serde_json::from_str(&listed)?;
        let mut newest = self.newest.lock().map_err(|_| "a thread died with the codes in its hands")?;
        for message in messages.iter().skip(seen) {
            let text = |key: &str| message.get(key).and_then(Value::as_str).map(str::to_owned);
            if let (Some(to), Some(code)) = (text("to"), text("code")) {
                newest.insert(to, code);
            }
        }
        Ok(messages.len())
    }
}
