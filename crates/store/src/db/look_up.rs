//! Look-ups by digest: the statements that every authenticated request waits for.
//!
//! On PostgreSQL a statement costs several times what it looks for costs, so whatever is asked on a connection
//! at one moment goes out as one statement (docs/decisions/0008-hot-path.md). On SQLite there is nothing to gather.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::postgres::Connection;
use super::{Row, StoreError, Value};

/// A look-up of the row with a number and a digest that is valid at a time: `?1`, `?2`, `?3`.
#[derive(Debug)]
pub struct LookUp {
    /// Finds one.
    pub one: &'static str,
    /// Finds many: `?1` and `?2` are arrays. A column behind those of `one` holds the place in the arrays, from 1.
    pub many: &'static str,
}

/// Questions in one statement at most.
const TOGETHER: usize = 256;

/// What waits to be asked on a connection, by the address of the look-up.
#[derive(Debug, Default)]
pub struct Gathered(Mutex<HashMap<usize, Vec<Question>>>);

#[derive(Debug)]
struct Question {
    id: i64,
    digest: [u8; 32],
    now: i64,
    reply: oneshot::Sender<Result<Option<Row>, StoreError>>,
}

impl Gathered {
    /// Whether it is the first of its kind, so that somebody must go and ask.
    fn add(&self, look_up: &'static LookUp, question: Question) -> bool {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = waiting.entry(address(look_up)).or_default();
        waiting.push(question);
        waiting.len() == 1
    }

    /// What is to be asked now, and whether more is left.
    fn take(&self, look_up: &'static LookUp) -> (Vec<Question>, bool) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = waiting.entry(address(look_up)).or_default();
        let left = waiting.split_off(waiting.len().min(TOGETHER));
        let now = std::mem::replace(waiting, left);
        (now, !waiting.is_empty())
    }
}

fn address(look_up: &'static LookUp) -> usize {
    std::ptr::from_ref(look_up).addr()
}

/// Asks over a connection, together with all that is asked at this moment.
pub async fn look_up(
    connection: &Arc<Connection>,
    look_up: &'static LookUp,
    id: i64,
    digest: &[u8; 32],
    now: i64,
) -> Result<Option<Row>, StoreError> {
    let (reply, answer) = oneshot::channel();
    if connection.gathered.add(look_up, Question { id, digest: *digest, now, reply }) {
        // A task of its own: whoever came first may go away before the answer comes.
        tokio::spawn(ask(Arc::clone(connection), look_up));
    }
    let gone = |_| Err(StoreError::Unavailable("a database connection ended".to_owned()));
    answer.await.unwrap_or_else(gone)
}

async fn ask(connection: Arc<Connection>, look_up: &'static LookUp) {
    // Every request that this thread has received gets its turn to ask.
    tokio::task::yield_now().await;
    loop {
        let (questions, more) = connection.gathered.take(look_up);
        ask_these(&connection, look_up, questions).await;
        if !more {
            return;
        }
    }
}

async fn ask_these(connection: &Connection, look_up: &'static LookUp, mut questions: Vec<Question>) {
    if let [question] = &questions[..] {
        let params = [question.id.into(), (&question.digest).into(), question.now.into()];
        let found = connection.query_opt(look_up.one, &params).await;
        for question in questions {
            // Who asked may be gone.
            let _ = question.reply.send(found.clone());
        }
        return;
    }
    let ids: Vec<i64> = questions.iter().map(|question| question.id).collect();
    let digests: Vec<&[u8]> = questions.iter().map(|question| &question.digest[..]).collect();
    // What has expired for the last one has expired by the time that any is answered.
    let now = questions.iter().map(|question| question.now).max().unwrap_or_default();
    match connection.query_many(look_up.many, &ids, &digests, now).await {
        Ok(rows) => {
            let mut found: Vec<Option<Row>> = vec![None; questions.len()];
            for Row(mut values) in rows {
                if let Some(Value::Int(place)) = values.pop()
                    && let Some(slot) = usize::try_from(place - 1).ok().and_then(|n| found.get_mut(n))
                {
                    *slot = Some(Row(values));
                }
            }
            for (question, found) in questions.into_iter().zip(found) {
                let _ = question.reply.send(Ok(found));
            }
        }
        Err(error) => {
            for question in questions.drain(..) {
                let _ = question.reply.send(Err(error.clone()));
            }
        }
    }
}
