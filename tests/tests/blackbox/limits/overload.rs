//! More sign-ins than can be hashed.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign_testkit::{Client, Engine, poll, source};
use serde_json::json;

use crate::case::{Case, at_once, on_both_engines};
use crate::rest;

on_both_engines! {
    what_cannot_be_hashed_soon_is_refused_and_nothing_else_waits
    one_source_does_not_keep_others_from_signing_in
}

/// Linux's number of the class whose threads run only when nobody else wants to (sched(7)).
const SCHED_IDLE: &str = "5";

/// A thread that hashes: its crew by its name, its class and its nice value (fields 2, 41 and 19 of proc_pid_stat(5)).
type HashingThread = (String, String, String);

fn hashing_threads(case: &Case) -> Vec<HashingThread> {
    let tasks = format!("/proc/{}/task", case.server().pid());
    let stat = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("stat")).ok();
    let tasks = std::fs::read_dir(tasks).expect("the server's threads");
    let stats = tasks.flatten().filter_map(stat).filter(|stat| stat.contains("(hash-"));
    stats
        .map(|stat| {
            let (name, fields) = stat.rsplit_once(") ").expect("a name");
            let (_, crew) = name.split_once("(hash-").expect("it was looked for");
            let crew = crew.split('-').next().unwrap_or_default();
            let fields: Vec<_> = fields.split(' ').collect();
            (crew.to_owned(), fields[38].to_owned(), fields[16].to_owned())
        })
        .collect()
}

#[test]
fn hashing_gives_way() {
    let case = Case::new(Engine::Sqlite);
    // A thread says what it gives way to when it begins, which may be after the server is ready.
    let await_threads = |priority: &str, idle: usize, low: usize| {
        let settings = format!("[password]\nhash_threads = 2\nhash_priority = \"{priority}\"");
        let case = case.with_config(&settings);
        poll::until(&format!("{idle} idle threads and {low} of nice 10 with {priority:?}"), || {
            let threads = hashing_threads(&case);
            let is_idle = |(crew, class, _): &&HashingThread| crew == "idle" && class == SCHED_IDLE;
            let is_low =
                |(crew, class, nice): &&HashingThread| crew == "low" && class != SCHED_IDLE && nice == "10";
            let of_idle = threads.iter().filter(is_idle).count();
            let of_low = threads.iter().filter(is_low).count();
            (threads.len() == idle + low && of_idle == idle && of_low == low).then_some(())
        });
    };
    await_threads("auto", 2, 2);
    await_threads("low", 0, 2);
    await_threads("idle", 2, 0);
}

/// One thread that hashes slowly, and a short queue (R012).
const SLOW: &str = "
[password]
memory_kib = 65536
iterations = 8
hash_threads = 1
max_queue = 4
";

fn what_cannot_be_hashed_soon_is_refused_and_nothing_else_waits(case: &Case) {
    let case = case.with_config(SLOW);
    let user = rest::User::new(&case);
    let address = case.server().http_address();
    let emails: Vec<_> = (0..60).map(|_| case.email()).collect();
    let answers = std::thread::scope(|scope| {
        let sign_ins = scope.spawn(|| {
            at_once(60, |number| {
                let body = json!({ "username": emails[number], "password": "Wrong-passw0rd" });
                let started = Instant::now();
                let response = Client::new(address).post_json("/auth/login/", &body);
                (response, started.elapsed())
            })
        });
        let mut slowest = Duration::ZERO;
        while !sign_ins.is_finished() {
            let started = Instant::now();
            user.profile(&case);
            slowest = slowest.max(started.elapsed());
        }
        // One hash takes some hundred milliseconds here; waiting behind the queue would take seconds.
        assert!(slowest < Duration::from_secs(2), "a session check took {slowest:?}");
        sign_ins.join().expect("no panic")
    });
    let refused: Vec<_> =
        answers.iter().filter(|(response, _)| matches!(response.status, 429 | 503)).collect();
    assert!(refused.len() >= 40, "{} of 60 were refused", refused.len());
    for (response, _) in &refused {
        let seconds = response.header("retry-after").expect("a time to come back").parse::<u64>();
        assert!(seconds.is_ok_and(|seconds| seconds >= 1), "{response:?}");
        assert_eq!(response.header("content-type"), Some("application/json"));
    }
    assert!(answers.iter().any(|(response, _)| response.status == 400), "none was looked at");
    rest::login(&case, &user.email, &user.password).expect(200);
}

/// A short queue.
const SHORT: &str = "
[password]
hash_threads = 1
max_queue = 10
";

/// Forty connections of one source always want more than there is; whoever comes from elsewhere finds room.
fn one_source_does_not_keep_others_from_signing_in(case: &Case) {
    let case = case.with_config(SHORT);
    let user = rest::User::new(&case);
    let address = case.server().http_address();
    let (flood, is_over, refused) = (source::fresh(), AtomicBool::new(false), AtomicUsize::new(0));
    let sign_in = |from, password: &str| {
        let body = json!({ "username": user.email, "password": password });
        Client::from_source(address, from).post_json("/auth/login/", &body)
    };
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let is_refused = sign_in(flood, "Wrong-passw0rd").status == 503;
                    refused.fetch_add(usize::from(is_refused), Ordering::Relaxed);
                }
            });
        }
        poll::until("the flood is refused", || (refused.load(Ordering::Relaxed) > 100).then_some(()));
        let statuses: Vec<_> = (0..10).map(|_| sign_in(source::fresh(), &user.password).status).collect();
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(statuses, [200; 10]);
    });
}
