//! Watches a PostgreSQL connection: a server that is frozen, or a network that swallows what is sent, must not hold
//! anybody up for ever (R153).

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::postgres_values::store_error;

/// How long one statement may take before its connection counts as dead.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How often it is looked whether a connection still answers.
const LOOK: Duration = Duration::from_secs(1);

/// Runs a connection until it ends or does not answer in time; then all that wait for it are told.
pub async fn drive(
    connection: impl Future<Output = Result<(), tokio_postgres::Error>>,
    traffic: Arc<Traffic>,
) {
    let mut connection = pin!(connection);
    let mut looks = tokio::time::interval(LOOK);
    let (mut answered, mut silent) = (0, Duration::ZERO);
    loop {
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::warn!(error = %store_error(&error), "a database connection ended");
                }
                return;
            }
            _ = looks.tick() => {
                let last = std::mem::replace(&mut answered, traffic.answered.load(Ordering::Relaxed));
                let waits = traffic.waiting.load(Ordering::Relaxed) > 0 && answered == last;
                silent = if waits { silent + LOOK } else { Duration::ZERO };
                if silent > ANSWER_WITHIN {
                    tracing::warn!("a database connection does not answer: it is given up");
                    return;
                }
            }
        }
    }
}

/// What a connection was asked and has answered.
#[derive(Debug, Default)]
pub struct Traffic {
    waiting: AtomicUsize,
    answered: AtomicU64,
}

/// Somebody waits for an answer.
pub struct Waiting<'t>(&'t Traffic);

impl Traffic {
    /// Until the value is dropped, somebody waits.
    pub fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.answered.fetch_add(1, Ordering::Relaxed);
    }
}
