//! The password hash pool: Argon2id on threads of its own, behind a bounded queue.
//!
//! A password hash is the dearest thing the server does, so that nobody may start one at will: an
//! operation first asks for a [`Slot`], before any database work, and is told at once when it could
//! not be served soon (R012). The hashing itself runs on the pool's own threads, never on those of
//! the async executor (R013).
//!
//! `docs/decisions/0003-password-hash-pool.md` holds what was measured and why it is built so.

mod admission;
mod capacity;
mod engine;
mod foreign;
mod pepper;
mod pool;
mod queue;
mod stored;
mod task;
mod verify;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::Source;

pub use admission::Busy;
pub use pepper::{NotPeppers, Peppers};

use admission::{Admission, Permit};
use engine::Cost;
use pool::Pool;
use queue::{Queue, Size};
use stored::Stored;
use task::{Reply, Task};

/// The length of the salt of a new hash (R009, RFC 9106 section 3.1).
pub const SALT_LENGTH: usize = 16;

/// What the pool works with.
#[derive(Clone, Debug)]
pub struct HasherSettings {
    /// Argon2id memory in KiB.
    pub memory_kib: u32,
    /// Argon2id passes over the memory.
    pub iterations: u32,
    /// Argon2id lanes.
    pub parallelism: u32,
    /// Keyed into every password before it is hashed; none unless the operator has one.
    pub peppers: Peppers,
    /// Threads that hash; `None` takes as many as cores and memory allow.
    pub threads: Option<NonZeroUsize>,
    /// To what the threads give way.
    pub priority: Priority,
    /// How many admitted requests may wait, whatever they cost.
    pub max_queue: usize,
    /// The longest a request may expect to wait for its turn; what would wait longer is refused.
    pub max_wait: Duration,
}

/// To what the threads give way that hash. Only Linux knows priorities of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Whoever wakes up goes first, at once; where that starves a hash, because others keep all cores busy, the next
    /// ones are computed with a share of their own for a while.
    Auto,
    /// They have less weight than others, but whoever wakes up may wait some milliseconds for one.
    Low,
    /// Whoever wakes up goes first, at once. Where other programs of the same group keep all cores busy, hashes
    /// hardly get on: for machines and containers of the server's own.
    Idle,
}

impl Default for HasherSettings {
    /// The parameters of RFC 9106 that OWASP recommends for servers: 19 MiB, two passes, one lane.
    fn default() -> HasherSettings {
        HasherSettings {
            memory_kib: 19_456,
            iterations: 2,
            parallelism: 1,
            peppers: Peppers::default(),
            threads: None,
            priority: Priority::Auto,
            max_queue: 1024,
            max_wait: Duration::from_secs(2),
        }
    }
}

/// Why a pool could not be made.
#[derive(Debug, thiserror::Error)]
pub enum HasherError {
    /// Argon2 does not know such parameters.
    #[error("no Argon2id with {memory_kib} KiB, {iterations} passes and {parallelism} lanes")]
    Parameters {
        /// As in the settings.
        memory_kib: u32,
        /// As in the settings.
        iterations: u32,
        /// As in the settings.
        parallelism: u32,
    },
    /// The operating system gave no thread.
    #[error("a hashing thread could not be started")]
    Thread(#[from] std::io::Error),
}

/// Why an admitted job had no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The pool was stopped before the job's turn.
    #[error("the hash pool has stopped")]
    Stopped,
    /// The hash could not be computed, for want of memory.
    #[error("the password hash could not be computed")]
    Failed,
}

/// What became of a password that was compared with a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// It is the password.
    pub matches: bool,
    /// It is the password, and the stored hash is not Argon2id with the current parameters and pepper: hash it
    /// anew while the password is at hand (R010).
    pub needs_rehash: bool,
}

/// How busy the pool is, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Threads that hash.
    pub threads: usize,
    /// Requests that hold a slot.
    pub admitted: usize,
    /// Jobs that wait for a thread.
    pub queued: usize,
    /// Requests refused since the start.
    pub refused: u64,
    /// What one request has cost lately.
    pub recent: Duration,
}

/// Whether a password could be compared with this stored hash: its form is known and its cost within
/// what the server does for one password.
pub fn is_known_form(stored: &str) -> bool {
    Stored::parse(stored).is_ok()
}

/// The pool. Dropping it finishes the jobs that run, and refuses those that wait.
pub struct Hasher {
    admission: Arc<Admission>,
    pool: Pool,
    cost: Cost,
}

impl Hasher {
    /// Starts the threads. The memory to hash in is not taken before the first hash, so that an idle
    /// server stays small.
    pub fn new(settings: HasherSettings) -> Result<Hasher, HasherError> {
        let cost = Cost {
            memory_kib: settings.memory_kib,
            iterations: settings.iterations,
            parallelism: settings.parallelism,
        };
        if !cost.is_valid() {
            let Cost { memory_kib, iterations, parallelism } = cost;
            return Err(HasherError::Parameters { memory_kib, iterations, parallelism });
        }
        let threads = settings.threads.map_or_else(|| capacity::threads(cost.memory_kib), NonZeroUsize::get);
        let admission =
            Arc::new(Admission::new(threads, settings.max_queue, settings.max_wait, cost.first_guess()));
        let pool = Pool::start(threads, cost, settings.priority, Arc::new(settings.peppers))?;
        Ok(Hasher { admission, pool, cost })
    }

    /// Asks for the source to be served; cheap, and never waits. To be taken before any database work.
    pub fn try_reserve(&self, source: Source) -> Result<Slot, Busy> {
        let permit = Arc::new(self.admission.try_enter(source)?);
        Ok(Slot { permit, queue: self.pool.queue(), cost: self.cost })
    }

    /// How busy the pool is.
    pub fn load(&self) -> Load {
        Load {
            threads: self.pool.threads(),
            admitted: self.admission.admitted(),
            queued: self.pool.queued(),
            refused: self.admission.refused(),
            recent: self.admission.recent(),
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("load", &self.load()).finish_non_exhaustive()
    }
}

/// The right to have a password hashed soon. Good for several jobs of one request, one after the
/// other: the second (a rehash after a verification) does not wait in line again.
pub struct Slot {
    permit: Arc<Permit>,
    queue: Arc<Queue>,
    cost: Cost,
}

impl Slot {
    /// The Argon2id hash of `password` with the current parameters, as a PHC string.
    pub async fn hash(&self, password: &[u8], salt: [u8; SALT_LENGTH]) -> Result<String, HashError> {
        let (reply, answer) = Reply::to(Arc::clone(&self.permit));
        let password = Zeroizing::new(password.to_vec());
        self.queue.push(Task::Hash { password, salt, reply }, Size::Current, &self.permit)?;
        answer.await.unwrap_or(Err(HashError::Stopped))
    }

    /// Whether `password` is the one behind `stored`: an Argon2, bcrypt, scrypt or PBKDF2 hash.
    ///
    /// `None`, for an account that does not exist or has no password, costs one hash with the current
    /// parameters, as a wrong password does, and never matches (R024).
    pub async fn verify(&self, password: &[u8], stored: Option<&str>) -> Result<Verdict, HashError> {
        let (reply, answer) = Reply::to(Arc::clone(&self.permit));
        let password = Zeroizing::new(password.to_vec());
        let parsed = stored.and_then(|text| Stored::parse(text).ok());
        // What cannot be compared costs one new hash.
        let size = match parsed.is_none_or(|stored| stored.is_within(self.cost)) {
            true => Size::Current,
            false => Size::Foreign,
        };
        let stored = stored.map(str::to_owned);
        self.queue.push(Task::Verify { password, stored, reply }, size, &self.permit)?;
        answer.await.unwrap_or(Err(HashError::Stopped))
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("permit", &self.permit).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
