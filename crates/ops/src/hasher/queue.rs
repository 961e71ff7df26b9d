//! The jobs that wait, and which thread may take one.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_model::time::Stopwatch;

use super::HashError;
use super::admission::Permit;
use super::task::Task;

/// Nobody would call a hash starved sooner: a machine may stand still for some of this.
const SHORTEST_PATIENCE: Duration = Duration::from_millis(250);
/// So many times what a request cost lately is no bad luck any more.
const PATIENCE_FACTOR: u32 = 3;
/// How long the idle crew rests after a starved job, doubled from one to the next.
const SHORTEST_REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_secs(300);

/// The threads of one scheduling class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crew {
    /// Runs when nothing else wants the core, so that nothing ever waits for a hash.
    Idle,
    /// Has little weight beside others, but its share.
    Low,
}

/// Who hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crews {
    Only(Crew),
    /// The idle crew, relieved by the other where it is starved. Linux lets a thread into the idle class but, without
    /// privileges, not out of it: hence two crews.
    Both,
}

/// What a job may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// No more than a new hash.
    Current,
    /// What another system, or an older setting, thought right. It says nothing about the idle crew if it takes long,
    /// and the memory it shares with others must not be in a starved thread's hands.
    Foreign,
}

/// A job that a thread has taken.
pub(super) struct Taken {
    pub task: Arc<Task>,
    number: u64,
}

/// The jobs.
pub(super) struct Queue {
    state: Mutex<State>,
    idle_called: Condvar,
    low_called: Condvar,
}

impl Queue {
    /// For crews of `threads` threads each.
    pub fn new(crews: Crews, threads: usize) -> Queue {
        let state = Mutex::new(State::new(crews, threads));
        Queue { state, idle_called: Condvar::new(), low_called: Condvar::new() }
    }

    /// Adds a job of a request: at the end, or at the front if the request has had a turn and only goes on.
    pub fn push(&self, task: Task, size: Size, permit: &Permit) -> Result<(), HashError> {
        let mut state = self.lock();
        if state.closed {
            return Err(HashError::Stopped);
        }
        let patience = SHORTEST_PATIENCE.max(permit.recent().saturating_mul(PATIENCE_FACTOR));
        let job = Waiting { task: Arc::new(task), patience };
        let (line, crew) = match (size, state.crews) {
            (Size::Foreign, Crews::Both) => (&mut state.foreign, Crew::Low),
            (Size::Foreign, Crews::Only(_)) | (Size::Current, _) => {
                let turn = state.turn();
                (&mut state.waiting, turn)
            }
        };
        match permit.has_had_a_turn() {
            true => line.push_front(job),
            false => line.push_back(job),
        }
        self.called(crew).notify_one();
        Ok(())
    }

    /// The next job for a thread of this crew; `None` once the queue is closed. Calls `rest` before a wait in which
    /// others work, while nobody waits for the queue.
    pub fn next(&self, crew: Crew, mut rest: impl FnMut()) -> Option<Taken> {
        let mut state = self.lock();
        let mut is_rested = false;
        loop {
            if state.closed {
                return None;
            }
            match state.pick(crew) {
                Pick::Job(taken) => {
                    if state.wants_a_watch() {
                        self.low_called.notify_one();
                    }
                    return Some(taken);
                }
                Pick::Wait(time) => {
                    let turn = state.turn();
                    if turn != crew && !is_rested {
                        drop(state);
                        rest();
                        is_rested = true;
                        state = self.lock();
                        continue;
                    }
                    if turn != crew {
                        // What came while it was this crew's turn.
                        if !state.waiting.is_empty() {
                            self.called(turn).notify_all();
                        }
                    }
                    state = self.wait(crew, state, time);
                }
            }
        }
    }

    fn wait<'a>(
        &self,
        crew: Crew,
        mut state: MutexGuard<'a, State>,
        time: Option<Duration>,
    ) -> MutexGuard<'a, State> {
        let called = self.called(crew);
        let Some(time) = time else {
            return called.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        state.watching += 1;
        state = called.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0;
        state.watching -= 1;
        state
    }

    /// The job is done, by this thread or by another before it.
    pub fn done(&self, crew: Crew, taken: &Taken) {
        let mut state = self.lock();
        state.done(crew, taken);
        // There is room for another job; whose, only those know who wait.
        if state.crews == Crews::Both && (crew == Crew::Low || state.resting.is_some()) {
            self.idle_called.notify_one();
            self.low_called.notify_one();
        }
    }

    pub fn len(&self) -> usize {
        let state = self.lock();
        state.waiting.len() + state.foreign.len()
    }

    /// Lets the threads end and refuses the jobs that wait, now and later.
    pub fn close(&self) {
        let refused = {
            let mut state = self.lock();
            state.closed = true;
            (std::mem::take(&mut state.waiting), std::mem::take(&mut state.foreign))
        };
        self.idle_called.notify_all();
        self.low_called.notify_all();
        drop(refused);
    }

    fn called(&self, crew: Crew) -> &Condvar {
        match crew {
            Crew::Idle => &self.idle_called,
            Crew::Low => &self.low_called,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Waiting {
    task: Arc<Task>,
    patience: Duration,
}

/// What a thread of the idle crew works at.
struct Underway {
    number: u64,
    task: Arc<Task>,
    watch: Stopwatch,
    patience: Duration,
    rescued: bool,
}

impl Underway {
    /// How much longer it may take before it counts as starved; `None` once somebody has taken it over.
    fn left(&self) -> Option<Duration> {
        (!self.rescued).then(|| self.patience.saturating_sub(self.watch.elapsed()))
    }
}

fn first_awaited(line: &mut VecDeque<Waiting>) -> Option<Waiting> {
    while let Some(job) = line.pop_front() {
        if job.task.is_awaited() {
            return Some(job);
        }
    }
    None
}

enum Pick {
    Job(Taken),
    /// For a call, or for so long.
    Wait(Option<Duration>),
}

struct State {
    crews: Crews,
    threads: usize,
    waiting: VecDeque<Waiting>,
    /// What waits for the low crew, whoever's turn it is.
    foreign: VecDeque<Waiting>,
    underway: Vec<Underway>,
    /// Threads of the other crew that work.
    low_busy: usize,
    /// Threads of the other crew that wait to see whether the idle crew is starved.
    watching: usize,
    /// Since when and for how long the idle crew rests.
    resting: Option<(Stopwatch, Duration)>,
    next_rest: Duration,
    next_number: u64,
    closed: bool,
}

impl State {
    fn new(crews: Crews, threads: usize) -> State {
        State {
            crews,
            threads,
            waiting: VecDeque::new(),
            foreign: VecDeque::new(),
            underway: Vec::new(),
            low_busy: 0,
            watching: 0,
            resting: None,
            next_rest: SHORTEST_REST,
            next_number: 0,
            closed: false,
        }
    }

    /// The crew that takes what comes.
    fn turn(&self) -> Crew {
        match self.crews {
            Crews::Only(crew) => crew,
            Crews::Both => {
                let is_resting = self.resting.is_some_and(|(since, length)| since.elapsed() < length);
                // A thread may be starved for minutes at what others have done long ago.
                let is_starved = self.underway.iter().any(|job| job.rescued);
                if is_resting || is_starved { Crew::Low } else { Crew::Idle }
            }
        }
    }

    /// Whether nobody watches over what the idle crew works at.
    fn wants_a_watch(&self) -> bool {
        self.crews == Crews::Both && self.watching == 0 && !self.underway.is_empty()
    }

    fn pick(&mut self, crew: Crew) -> Pick {
        // One more than there are threads may work, and have its memory, while the idle crew is starved.
        let room = self.underway.len() + self.low_busy <= self.threads;
        if crew == Crew::Low && room {
            if let Some(taken) = self.rescue() {
                return Pick::Job(taken);
            }
            if let Some(Waiting { task, patience }) = first_awaited(&mut self.foreign) {
                return Pick::Job(self.take(crew, task, patience));
            }
        }
        if self.turn() == crew
            && room
            && let Some(Waiting { task, patience }) = first_awaited(&mut self.waiting)
        {
            return Pick::Job(self.take(crew, task, patience));
        }
        let watch = crew == Crew::Low && room;
        Pick::Wait(if watch { self.underway.iter().filter_map(Underway::left).min() } else { None })
    }

    fn take(&mut self, crew: Crew, task: Arc<Task>, patience: Duration) -> Taken {
        self.next_number += 1;
        let taken = Taken { task: Arc::clone(&task), number: self.next_number };
        match crew {
            Crew::Low => self.low_busy += 1,
            Crew::Idle => {
                let (number, watch) = (self.next_number, Stopwatch::start());
                self.underway.push(Underway { number, task, watch, patience, rescued: false });
            }
        }
        taken
    }

    /// Takes over what the idle crew is starved at, and lets it rest.
    fn rescue(&mut self) -> Option<Taken> {
        let rests_anew = self.turn() == Crew::Idle;
        let starved = self.underway.iter_mut().find(|job| job.left() == Some(Duration::ZERO))?;
        starved.rescued = true;
        let task = Arc::clone(&starved.task);
        if rests_anew {
            tracing::info!(rest = ?self.next_rest, "a password hash was starved: others want all cores");
            self.resting = Some((Stopwatch::start(), self.next_rest));
            self.next_rest = self.next_rest.saturating_mul(2).min(LONGEST_REST);
        }
        Some(self.take(Crew::Low, task, Duration::ZERO))
    }

    fn done(&mut self, crew: Crew, taken: &Taken) {
        match crew {
            Crew::Low => self.low_busy = self.low_busy.saturating_sub(1),
            Crew::Idle => {
                let place = self.underway.iter().position(|job| job.number == taken.number);
                if place.is_some_and(|place| !self.underway.swap_remove(place).rescued) {
                    self.next_rest = SHORTEST_REST;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::admission::Admission;
    use super::super::task::Reply;
    use super::super::{HashError, SALT_LENGTH};
    use super::*;
    use tokio::sync::oneshot::Receiver;

    /// A queue of both crews with one thread each, and who asks.
    struct Office {
        queue: Queue,
        admission: Arc<Admission>,
    }

    impl Office {
        fn new(threads: usize) -> Office {
            let queue = Queue::new(Crews::Both, threads);
            let most = Duration::from_secs(60);
            Office { queue, admission: Arc::new(Admission::new(threads, 100, most, Duration::ZERO)) }
        }

        fn ask(&self) -> Receiver<Result<String, HashError>> {
            self.ask_for(Size::Current)
        }

        fn ask_for(&self, size: Size) -> Receiver<Result<String, HashError>> {
            let permit = Arc::new(self.admission.try_enter(crate::Source::Local).expect("a permit"));
            let (reply, answer) = Reply::to(Arc::clone(&permit));
            let task = Task::Hash { password: b"password".to_vec().into(), salt: [0; SALT_LENGTH], reply };
            self.queue.push(task, size, &permit).expect("open");
            answer
        }

        fn next(&self, crew: Crew) -> Taken {
            self.queue.next(crew, || ()).expect("open")
        }

        fn finish(&self, crew: Crew, taken: &Taken, result: &str) {
            self.queue.done(crew, taken);
            let Task::Hash { reply, .. } = &*taken.task else { panic!("not what was asked for") };
            reply.give(Ok(result.to_owned()), Duration::from_millis(1));
        }

        fn waits(&self, crew: Crew) -> bool {
            matches!(self.queue.lock().pick(crew), Pick::Wait(_))
        }

        fn rest_is_over(&self) {
            self.queue.lock().resting = Some((Stopwatch::start(), Duration::ZERO));
        }
    }

    #[test]
    fn a_starved_hash_is_taken_over_and_answered_once() {
        let office = Office::new(1);
        let mut answer = office.ask();
        assert!(office.waits(Crew::Low), "it is the idle crew's turn");
        let starved = office.next(Crew::Idle);
        let rescued = office.next(Crew::Low);
        assert!(Arc::ptr_eq(&starved.task, &rescued.task));
        office.finish(Crew::Low, &rescued, "of the low crew");
        assert_eq!(office.admission.admitted(), 0, "who is answered is done");
        office.finish(Crew::Idle, &starved, "of the idle crew");
        assert_eq!(answer.try_recv().expect("an answer").expect("a hash"), "of the low crew");
        assert_eq!(office.admission.admitted(), 0);
    }

    #[test]
    fn after_a_starved_hash_the_idle_crew_rests_longer_each_time() {
        let office = Office::new(1);
        let mut rests = Vec::new();
        for _ in 0..3 {
            let (_first, _second) = (office.ask(), office.ask());
            let starved = office.next(Crew::Idle);
            let rescued = office.next(Crew::Low);
            rests.extend(office.queue.lock().resting.map(|(_, length)| length.as_secs()));
            office.finish(Crew::Low, &rescued, "");
            assert!(office.waits(Crew::Idle), "it rests");
            let next = office.next(Crew::Low);
            office.finish(Crew::Low, &next, "");
            office.finish(Crew::Idle, &starved, "");
            office.rest_is_over();
        }
        assert_eq!(rests, [5, 10, 20]);
        let _answer = office.ask();
        let good = office.next(Crew::Idle);
        office.finish(Crew::Idle, &good, "");
        assert_eq!(office.queue.lock().next_rest, SHORTEST_REST, "what is done in time makes it as before");
    }

    #[test]
    fn whoever_is_starved_for_longer_than_the_rest_holds_nobody_up() {
        let office = Office::new(1);
        let (_first, _second) = (office.ask(), office.ask());
        let starved = office.next(Crew::Idle);
        let rescued = office.next(Crew::Low);
        office.finish(Crew::Low, &rescued, "");
        office.rest_is_over();
        let next = office.next(Crew::Low);
        office.finish(Crew::Low, &next, "");
        office.finish(Crew::Idle, &starved, "");
        let _third = office.ask();
        assert!(office.waits(Crew::Low), "it is the idle crew's turn again");
    }

    /// The memory bound of R012.
    #[test]
    fn beside_starved_hashes_one_more_than_there_are_threads_is_computed_at_a_time() {
        let office = Office::new(2);
        let _answers: Vec<_> = (0..5).map(|_| office.ask()).collect();
        let starved = [office.next(Crew::Idle), office.next(Crew::Idle)];
        let rescued = office.next(Crew::Low);
        assert!(office.waits(Crew::Low));
        office.finish(Crew::Low, &rescued, "");
        let rescued = office.next(Crew::Low);
        assert!(Arc::ptr_eq(&starved[1].task, &rescued.task), "before what has not begun");
        office.finish(Crew::Idle, &starved[0], "");
        assert!(!office.waits(Crew::Low), "there is room again");
    }
    #[test]
    fn what_costs_more_than_a_new_hash_is_not_for_the_idle_crew() {
        let office = Office::new(1);
        let _answer = office.ask_for(Size::Foreign);
        assert!(office.waits(Crew::Idle));
        let foreign = office.next(Crew::Low);
        let _second = office.ask();
        let _third = office.ask();
        let current = office.next(Crew::Idle);
        assert!(office.waits(Crew::Low), "a long one beside it is no reason to rest");
        office.finish(Crew::Low, &foreign, "");
        office.finish(Crew::Idle, &current, "");
        assert!(!office.waits(Crew::Idle));
    }
}
