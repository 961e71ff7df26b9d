//! One piece of work, and where its result goes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::admission::Permit;
use super::{HashError, SALT_LENGTH, Verdict};

/// What a thread is to do.
pub(super) enum Task {
    Hash { password: Zeroizing<Vec<u8>>, salt: [u8; SALT_LENGTH], reply: Reply<String> },
    Verify { password: Zeroizing<Vec<u8>>, stored: Option<String>, reply: Reply<Verdict> },
}

impl Task {
    /// Whether somebody still waits for the result.
    pub fn is_awaited(&self) -> bool {
        match self {
            Task::Hash { reply, .. } => reply.is_awaited(),
            Task::Verify { reply, .. } => reply.is_awaited(),
        }
    }
}

/// To the one who asked, from whichever thread has the result first.
pub(super) struct Reply<T>(Mutex<Option<Waiter<T>>>);

struct Waiter<T> {
    sender: oneshot::Sender<Result<T, HashError>>,
    permit: Arc<Permit>,
}

impl<T> Reply<T> {
    /// For an admitted request, and where it waits.
    pub fn to(permit: Arc<Permit>) -> (Reply<T>, oneshot::Receiver<Result<T, HashError>>) {
        let (sender, receiver) = oneshot::channel();
        (Reply(Mutex::new(Some(Waiter { sender, permit }))), receiver)
    }

    fn is_awaited(&self) -> bool {
        let waiter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiter.as_ref().is_some_and(|waiter| !waiter.sender.is_closed())
    }

    /// Gives the result that took a thread this long, unless another thread has given it.
    pub fn give(&self, result: Result<T, HashError>, took: Duration) {
        let waiter = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Waiter { sender, permit }) = waiter else { return };
        // Counted before the answer is given, so that the request's next job finds it counted.
        permit.worked(took);
        drop(permit);
        // The one who asked may have gone; then nobody misses the answer.
        let _ = sender.send(result);
    }
}
