//! The threads of the pool.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

use countersign_model::time::Stopwatch;

use super::engine::{Cost, Engine};
use super::queue::{Crew, Crews, Queue};
use super::task::Task;
use super::verify::Means;
use super::{HashError, Peppers, Priority, verify};

/// Memory that all threads together may take beyond their own, for stored hashes that need more than
/// the current parameters: with the rest of the process it stays below the 64 MiB of R012.
const SPARE_KIB: u64 = 48 * 1024;

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

/// The running threads. They end by themselves once it is dropped, after the job they are at: a starved one is not
/// waited for.
pub(super) struct Pool {
    queue: Arc<Queue>,
    /// How many hash at a time.
    threads: usize,
}

impl Pool {
    /// Starts what it takes for `threads` threads to hash at `cost`.
    pub fn start(
        threads: usize,
        cost: Cost,
        priority: Priority,
        peppers: Arc<Peppers>,
    ) -> std::io::Result<Pool> {
        let (crews, members) = match priority {
            Priority::Auto => (Crews::Both, &[Crew::Idle, Crew::Low][..]),
            Priority::Low => (Crews::Only(Crew::Low), &[Crew::Low][..]),
            Priority::Idle => (Crews::Only(Crew::Idle), &[Crew::Idle][..]),
        };
        let queue = Arc::new(Queue::new(crews, threads));
        let pool = Pool { queue, threads };
        let spare = Arc::new(Spare::default());
        for &crew in members {
            for number in 0..threads {
                let (queue, spare, peppers) = (pool.queue(), Arc::clone(&spare), Arc::clone(&peppers));
                let thread = Builder::new().name(name(crew, number));
                // On failure `pool` is dropped, which ends the threads started so far.
                thread.spawn(move || work(&queue, crew, cost, &peppers, &spare))?;
            }
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
        self.threads
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Linux shows 15 bytes of it: enough for the most threads that can be set.
fn name(crew: Crew, number: usize) -> String {
    match crew {
        Crew::Idle => format!("hash-idle-{number}"),
        Crew::Low => format!("hash-low-{number}"),
    }
}

fn work(queue: &Queue, crew: Crew, cost: Cost, peppers: &Peppers, spare: &Spare) {
    give_way(crew);
    let mut engine = Engine::new(cost);
    let means = Means { cost, peppers, spare };
    while let Some(taken) = queue.next(crew, || engine = Engine::new(cost)) {
        let watch = Stopwatch::start();
        match &*taken.task {
            Task::Hash { password, salt, reply } => {
                let result = guarded(|| verify::hash(&mut engine, &means, password, *salt));
                queue.done(crew, &taken);
                reply.give(result, watch.elapsed());
            }
            Task::Verify { password, stored, reply } => {
                let result = guarded(|| verify::verify(&mut engine, &means, password, stored.as_deref()));
                queue.done(crew, &taken);
                reply.give(result, watch.elapsed());
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

/// Hashing takes whole cores for as long as it can get them; everything else on the server is short and goes
/// first. On Linux a priority belongs to a thread; elsewhere it belongs to the process and is left alone.
#[cfg(target_os = "linux")]
fn give_way(crew: Crew) {
    use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};
    const NICENESS: i32 = 10;
    const IDLE: ThreadSchedulePolicy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let given = match crew {
        Crew::Low => rustix::process::setpriority_process(None, NICENESS).map_err(|error| error.to_string()),
        Crew::Idle => {
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
fn give_way(_: Crew) {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
