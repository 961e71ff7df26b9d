//! The threads of the pool and the queue before them.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use countersign_model::time::Stopwatch;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::admission::Permit;
use super::engine::{Cost, Engine};
use super::verify::Means;
use super::{HashError, Peppers, Priority, SALT_LENGTH, Verdict, verify};

/// Memory that all threads together may take beyond their own, for stored hashes that need more than
/// the current parameters: with the rest of the process it stays below the 64 MiB of R012.
const SPARE_KIB: u64 = 48 * 1024;

/// One piece of work, and where its result goes.
pub(super) enum Task {
    Hash {
        password: Zeroizing<Vec<u8>>,
        salt: [u8; SALT_LENGTH],
        reply: oneshot::Sender<Result<String, HashError>>,
    },
    Verify {
        password: Zeroizing<Vec<u8>>,
        stored: Option<String>,
        reply: oneshot::Sender<Result<Verdict, HashError>>,
    },
}

impl Task {
    /// Whether nobody waits for the result any more.
    fn is_abandoned(&self) -> bool {
        match self {
            Task::Hash { reply, .. } => reply.is_closed(),
            Task::Verify { reply, .. } => reply.is_closed(),
        }
    }
}

/// A task of an admitted request.
pub(super) struct Job {
    pub task: Task,
    pub permit: Arc<Permit>,
}

/// The jobs that wait.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Queue {
    /// Adds a job: at the end, or at the front if its request has had a turn and only goes on.
    pub fn push(&self, job: Job) -> Result<(), HashError> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(HashError::Stopped);
        }
        if job.permit.has_had_a_turn() {
            state.jobs.push_front(job);
        } else {
            state.jobs.push_back(job);
        }
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// The next job that somebody still waits for; `None` once the queue is closed.
    fn next(&self) -> Option<Job> {
        let mut state = lock(&self.state);
        loop {
            if state.closed {
                return None;
            }
            match state.jobs.pop_front() {
                Some(job) if job.task.is_abandoned() => drop(job),
                Some(job) => return Some(job),
                None => state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn len(&self) -> usize {
        lock(&self.state).jobs.len()
    }

    /// Lets the threads end and refuses the jobs that wait, now and later.
    fn close(&self) {
        let refused = {
            let mut state = lock(&self.state);
            state.closed = true;
            std::mem::take(&mut state.jobs)
        };
        self.filled.notify_all();
        drop(refused);
    }
}

/// Memory beyond the threads' own, shared by them.
#[derive(Default)]
pub(super) struct Spare {
    taken_kib: Mutex<u64>,
    returned: Condvar,
}

impl Spare {
    /// Waits until `kib` are free. More than there is may be taken by one thread alone.
    pub fn take(&self, kib: u64) -> SpareHeld<'_> {
        let mut taken = lock(&self.taken_kib);
        while *taken > 0 && taken.saturating_add(kib) > SPARE_KIB {
            taken = self.returned.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        *taken = taken.saturating_add(kib);
        SpareHeld { spare: self, kib }
    }
}

/// Gives the memory back when dropped.
pub(super) struct SpareHeld<'a> {
    spare: &'a Spare,
    kib: u64,
}

impl Drop for SpareHeld<'_> {
    fn drop(&mut self) {
        let mut taken = lock(&self.spare.taken_kib);
        *taken = taken.saturating_sub(self.kib);
        drop(taken);
        self.spare.returned.notify_all();
    }
}

/// The running threads.
pub(super) struct Pool {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts `threads` threads that hash at `cost`.
    pub fn start(
        threads: usize,
        cost: Cost,
        priority: Priority,
        peppers: Arc<Peppers>,
    ) -> std::io::Result<Pool> {
        let mut pool = Pool { queue: Arc::default(), threads: Vec::with_capacity(threads) };
        let spare = Arc::new(Spare::default());
        for number in 0..threads {
            let (queue, spare, peppers) = (pool.queue(), Arc::clone(&spare), Arc::clone(&peppers));
            let thread = Builder::new().name(format!("hash-{number}"));
            // On failure `pool` is dropped, which ends the threads started so far.
            pool.threads.push(thread.spawn(move || work(&queue, cost, priority, &peppers, &spare))?);
        }
        Ok(pool)
    }

    pub fn queue(&self) -> Arc<Queue> {
        Arc::clone(&self.queue)
    }

    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    pub fn threads(&self) -> usize {
        self.threads.len()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a hashing thread ended in a panic");
            }
        }
    }
}

fn work(queue: &Queue, cost: Cost, priority: Priority, peppers: &Peppers, spare: &Spare) {
    give_way(priority);
    let mut engine = Engine::new(cost);
    let means = Means { cost, peppers, spare };
    while let Some(Job { task, permit }) = queue.next() {
        let watch = Stopwatch::start();
        match task {
            Task::Hash { password, salt, reply } => {
                let result = guarded(|| verify::hash(&mut engine, &means, &password, salt));
                finish(permit, watch, reply, result);
            }
            Task::Verify { password, stored, reply } => {
                let result = guarded(|| verify::verify(&mut engine, &means, &password, stored.as_deref()));
                finish(permit, watch, reply, result);
            }
        }
    }
}

/// A panic in a hash function fails one job and not the thread. The engine holds nothing but numbers
/// that the next hash overwrites.
fn guarded<T>(job: impl FnOnce() -> Result<T, HashError>) -> Result<T, HashError> {
    catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|_| {
        tracing::error!("a password hash function panicked");
        Err(HashError::Failed)
    })
}

/// Counts the time before the answer is given, so that the request's next job finds it counted.
fn finish<T>(permit: Arc<Permit>, watch: Stopwatch, reply: oneshot::Sender<T>, result: T) {
    permit.worked(watch.elapsed());
    drop(permit);
    // The one who asked may have gone; then nobody misses the answer.
    let _ = reply.send(result);
}

/// Hashing takes whole cores for as long as it can get them; everything else on the server is short and goes
/// first. On Linux a priority belongs to a thread; elsewhere it belongs to the process and is left alone.
#[cfg(target_os = "linux")]
fn give_way(priority: Priority) {
    use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};
    const NICENESS: i32 = 10;
    const IDLE: ThreadSchedulePolicy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let given = match priority {
        Priority::Low => {
            rustix::process::setpriority_process(None, NICENESS).map_err(|error| error.to_string())
        }
        Priority::Idle => {
            let this = thread_priority::thread_native_id();
            thread_priority::set_thread_priority_and_policy(this, ThreadPriority::Min, IDLE)
                .map_err(|error| error.to_string())
        }
    };
    if let Err(error) = given {
        tracing::debug!(error, "hashing threads keep their priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way(_: Priority) {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
