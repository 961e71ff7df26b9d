//! The pool as its users see it.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::engine::{Cost, Engine};
use super::pool::Spare;
use super::verify::Means;
use super::*;

const PASSWORD: &[u8] = b"correct horse battery staple";
const SALT: [u8; SALT_LENGTH] = *b"0123456789abcdef";

/// Cheap enough that a test with dozens of hashes takes no time.
fn settings(threads: usize) -> HasherSettings {
    HasherSettings {
        memory_kib: 64,
        iterations: 2,
        parallelism: 1,
        threads: NonZeroUsize::new(threads),
        ..HasherSettings::default()
    }
}

fn hasher(threads: usize) -> Hasher {
    Hasher::new(settings(threads)).expect("a pool")
}

async fn verify(hasher: &Hasher, password: &[u8], stored: Option<&str>) -> Verdict {
    hasher.try_reserve(Source::Local).expect("a slot").verify(password, stored).await.expect("a verdict")
}

/// Polls until `done`, or fails after 20 seconds.
fn until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::yield_now();
    }
}

/// Starts `future` without waiting for it.
fn start<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn a_hash_matches_its_own_password_only_and_is_current() {
    let hasher = hasher(2);
    let stored =
        hasher.try_reserve(Source::Local).expect("a slot").hash(PASSWORD, SALT).await.expect("a hash");
    // By argon2-cffi, with the same salt and costs.
    let known =
        "$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$gAwJW5vx5itn2V9KHlEUjyUCrpDYgKyQf0gMaHGx1h4";
    assert_eq!(stored, known);
    let right = verify(&hasher, PASSWORD, Some(&stored)).await;
    assert_eq!(right, Verdict { matches: true, needs_rehash: false });
    let wrong = verify(&hasher, b"correct horse battery stable", Some(&stored)).await;
    assert_eq!(wrong, Verdict { matches: false, needs_rehash: false });
}

/// R003: no prefix, case or white space is forgiven.
#[tokio::test]
async fn the_whole_password_counts() {
    let hasher = hasher(1);
    for length in [1usize, 64, 72, 128, 255, 1000] {
        let password = vec![b'a'; length];
        let slot = hasher.try_reserve(Source::Local).expect("a slot");
        let stored = slot.hash(&password, SALT).await.expect("a hash");
        assert!(verify(&hasher, &password, Some(&stored)).await.matches);
        let mut others = vec![password.to_ascii_uppercase()];
        for tail in [b'a', b'b', b' ', 0] {
            others.push([&password[..], &[tail]].concat());
        }
        for other in others {
            assert!(!verify(&hasher, &other, Some(&stored)).await.matches, "{length}");
        }
    }
}

/// Made by Django 5.2, passlib 1.7, argon2-cffi, the Python `bcrypt` module and `hashlib`.
const FOREIGN: &[&str] = &[
    "$argon2id$v=19$m=2048,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$MtbdrolxJ9BkAfZA80k0VBIWGxnB1c/DWJuakjKmtc8",
    "$argon2id$v=19$m=1024,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$azTLujkK55NJiAE0/I6dV5rdvW8MXmLElyGGkdLnuXA",
    "$argon2id$v=16$m=1024,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$cRnYu3TMoY6lrLHKxgaA2IwE/oUhA6uhBWewk3VWJtU",
    "$argon2id$m=1024,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$cRnYu3TMoY6lrLHKxgaA2IwE/oUhA6uhBWewk3VWJtU",
    "$argon2i$v=19$m=1024,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$vtPRhkTK7LiStk3lLH1T1IG7vML5FB2VHvER7o0FbEI",
    "$argon2d$v=19$m=1024,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$ffyeBWZJygnQrD1JhgCFPhohv0eRNyS87sj8RyPtPkk",
    "argon2$argon2id$v=19$m=1024,t=2,p=8$c29tZXNhbHRzb21lc2FsdA$z1DPMIsARv7vg9oNW5RnbxavpzgZKQzYnc9vp4EJL7o",
    "$2b$04$3I0tw8pE2VUONTLkW9BKQu7Xs3zWWxB1xlH9kE5X5rpWBaAxTMlHi",
    "$2y$04$3I0tw8pE2VUONTLkW9BKQu7Xs3zWWxB1xlH9kE5X5rpWBaAxTMlHi",
    "$2a$04$xQBuBM9CJd6qo6QqhhI.BOoZ0cbvlqzB8F8hyM7NRCCZA3M8jtdou",
    "bcrypt$$2b$04$1otNqYa71BuiSgDqHi62DOPxrY8wU13qx7.E4.KpAUzmxN7RrCNxC",
    "bcrypt_sha256$$2b$04$AHe2zU3ROAXbn21HiE.jx.Vd34DFrtYRFBW1KcDy0VnneWSGHradu",
    "$scrypt$ln=10,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$KhW5KLACpfR1HRqSPdg8ODHC9nzhpv0EHEqfwm5GJX4",
    "scrypt$1024$seasalt$8$5$l8suLvyBQg6EEaxiU94A5MqNFA+ifkB9O0nlDrfbkLvhHOHm+Q68fclEV3UJ0Uvj5DZtTFgZbT70Vnq/eAnq0g==",
    "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplI",
    "$pbkdf2-sha512$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$5bTW2oeyDJyGJPcmEr+mRDE11ghpozWrDGnSNhRXo2ZCu0KHRDiUMAVEGzLJC+oDhRoeIja9J1iLIv9ptDJMfQ",
    "$pbkdf2-sha256$1000$//79/D4.Pj4/Pz8/$E666htdVsojUvCsWtu1k0kWwCzsWJFYdLkY5pICRk1E",
    "$pbkdf2-sha512$1000$MDEyMzQ1Njc4OWFiY2RlZg$5bTW2oeyDJyGJPcmEr.mRDE11ghpozWrDGnSNhRXo2ZCu0KHRDiUMAVEGzLJC.oDhRoeIja9J1iLIv9ptDJMfQ",
    "$pbkdf2$1000$MDEyMzQ1Njc4OWFiY2RlZg$wmIXv0mv7iouqkc9CKjRvCX21po",
    "pbkdf2_sha256$1000$seasalt$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA=",
    "pbkdf2_sha1$1000$seasalt$9iRYj0as1r5j+cCBxB+HMlxkyr4=",
];

/// R010.
#[tokio::test]
async fn hashes_of_other_systems_and_other_parameters_match_and_want_a_rehash() {
    let hasher = hasher(2);
    for stored in FOREIGN {
        let right = verify(&hasher, PASSWORD, Some(stored)).await;
        assert_eq!(right, Verdict { matches: true, needs_rehash: true }, "{stored}");
        let wrong = verify(&hasher, b"correct horse battery stable", Some(stored)).await;
        assert_eq!(wrong, Verdict { matches: false, needs_rehash: false }, "{stored}");
    }
}

#[tokio::test]
async fn garbage_never_matches_and_never_panics() {
    let hasher = hasher(2);
    for stored in FOREIGN {
        // A shorter tag of scrypt or PBKDF2 is a good one, only shorter: cut to less than is taken.
        let last = stored.rfind('$').expect("a field") + 9;
        let middle = last / 2;
        for broken in [
            &stored[..middle],
            &stored[1..],
            &stored[..last],
            &format!("{stored}$"),
            &format!("{}\u{fc}{}", &stored[..middle], &stored[middle..]),
            &stored.replace('$', "$$"),
            &stored.replace(',', ",,"),
            &stored.to_uppercase(),
        ] {
            let broken = (broken != *stored).then_some(broken);
            assert!(!verify(&hasher, PASSWORD, broken).await.matches, "{broken:?}");
        }
    }
    for garbage in ["", "$", "$$$$$$", "!", "!unusable", "plain", "md5$salt$hash", "\0", "$2b$", "scrypt$"] {
        assert!(!verify(&hasher, garbage.as_bytes(), Some(garbage)).await.matches, "{garbage}");
    }
}

/// R003: bcrypt itself would let these in.
#[tokio::test]
async fn bcrypt_is_not_fooled_by_what_it_does_not_look_at() {
    let hasher = hasher(1);
    let of_72_x = Some("$2b$04$.9QX4fo9.4YpelkZrbTxquA.JPLpnPr49EcU.VM6MTGQveJ0ic2Aq");
    assert!(verify(&hasher, &[b'x'; 72], of_72_x).await.matches);
    assert!(!verify(&hasher, &[b'x'; 73], of_72_x).await.matches);
    let stored = Some(FOREIGN[7]);
    let twice = [PASSWORD, b"\0", PASSWORD].concat();
    assert!(bcrypt::verify(&twice, FOREIGN[7]).expect("a verdict"), "the reason for the rule");
    assert!(!verify(&hasher, &twice, stored).await.matches);
}

/// R024, without a clock: on a busy machine the time of one hash is anything.
#[test]
fn an_account_without_a_hash_costs_one_hash_and_never_matches() {
    let cost = Cost { memory_kib: 64, iterations: 1, parallelism: 1 };
    let (peppers, spare) = (Peppers::default(), Spare::default());
    let means = Means { cost, peppers: &peppers, spare: &spare };
    let mut engine = Engine::new(cost);
    let stored = verify::hash(&mut engine, &means, PASSWORD, SALT).expect("a hash");
    for stored in [Some(&*stored), None, Some("!"), Some("")] {
        for password in [&b"wrong"[..], b""] {
            engine.computed.clear();
            let verdict = verify::verify(&mut engine, &means, password, stored).expect("a verdict");
            assert!(!verdict.matches);
            assert_eq!(engine.computed, [cost], "{stored:?}");
        }
    }
}

#[tokio::test]
async fn beyond_the_queue_requests_are_refused_at_once() {
    let hasher = Hasher::new(HasherSettings { max_queue: 3, ..settings(2) }).expect("a pool");
    let slots: Vec<Slot> = (0..5).map(|_| hasher.try_reserve(Source::Local).expect("a slot")).collect();
    let busy = hasher.try_reserve(Source::Local).expect_err("no slot");
    assert!(busy.retry_after >= Duration::from_secs(1));
    assert_eq!((hasher.load().admitted, hasher.load().refused), (5, 1));
    for slot in &slots {
        slot.hash(PASSWORD, SALT).await.expect("a hash");
    }
    drop(slots);
    until("slots come back", || hasher.load().admitted == 0);
    assert!(hasher.try_reserve(Source::Local).is_ok());
}

#[tokio::test]
async fn a_slot_serves_a_verification_and_then_a_rehash() {
    let hasher = hasher(1);
    let slot = hasher.try_reserve(Source::Local).expect("a slot");
    let verdict = slot.verify(PASSWORD, Some(FOREIGN[0])).await.expect("a verdict");
    assert!(verdict.needs_rehash);
    let stored = slot.hash(PASSWORD, SALT).await.expect("a hash");
    let verdict = slot.verify(PASSWORD, Some(&stored)).await.expect("a verdict");
    assert_eq!(verdict, Verdict { matches: true, needs_rehash: false });
    assert_eq!(hasher.load().admitted, 1);
}

/// Clients that go away leave neither their jobs nor their places behind.
#[tokio::test]
async fn cancelled_waiters_do_not_break_the_pool() {
    let hasher = Hasher::new(HasherSettings { max_queue: 100, ..settings(1) }).expect("a pool");
    for _ in 0..20 {
        let slots: Vec<Slot> = (0..50).map(|_| hasher.try_reserve(Source::Local).expect("a slot")).collect();
        let mut waiting: Vec<_> =
            slots.iter().map(|slot| Box::pin(slot.verify(PASSWORD, Some(FOREIGN[0])))).collect();
        for future in &mut waiting {
            let _ = start(future.as_mut());
        }
        drop(waiting);
        drop(slots);
        assert!(verify(&hasher, PASSWORD, Some(FOREIGN[19])).await.matches);
    }
    until("places come back", || hasher.load().admitted == 0);
    assert_eq!(hasher.load().queued, 0);
}

#[tokio::test]
async fn a_dropped_pool_refuses_what_waits_and_what_comes() {
    let heavy = HasherSettings { memory_kib: 32_768, iterations: 4, ..settings(1) };
    let hasher = Hasher::new(heavy).expect("a pool");
    let slots: Vec<Slot> = (0..3).map(|_| hasher.try_reserve(Source::Local).expect("a slot")).collect();
    let mut first = pin!(slots[0].hash(PASSWORD, SALT));
    assert!(start(first.as_mut()).is_pending());
    until("the first job runs", || hasher.load().queued == 0);
    let mut second = pin!(slots[1].hash(PASSWORD, SALT));
    assert!(start(second.as_mut()).is_pending());
    drop(hasher);
    assert!(first.await.is_ok(), "what runs is finished");
    assert_eq!(second.await, Err(HashError::Stopped));
    assert_eq!(slots[2].hash(PASSWORD, SALT).await, Err(HashError::Stopped));
}

/// Stored hashes that need far more memory than the current ones are compared side by side with
/// others, without standing in each other's way.
#[tokio::test]
async fn big_stored_hashes_share_the_spare_memory() {
    let big = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let hasher = hasher(3);
    let slots: Vec<Slot> = (0..3).map(|_| hasher.try_reserve(Source::Local).expect("a slot")).collect();
    let mut waiting: Vec<_> =
        slots.iter().map(|slot| Box::pin(slot.verify(b"password", Some(big)))).collect();
    for future in &mut waiting {
        let _ = start(future.as_mut());
    }
    for future in waiting {
        assert!(future.await.expect("a verdict").matches);
    }
}

#[test]
fn impossible_parameters_are_refused() {
    for (memory_kib, iterations, parallelism) in [(7, 1, 1), (64, 0, 1), (64, 1, 0), (64, 1, 9)] {
        let settings = HasherSettings { memory_kib, iterations, parallelism, ..settings(1) };
        assert!(matches!(Hasher::new(settings), Err(HasherError::Parameters { .. })));
    }
}

fn peppered(peppers: &str) -> Hasher {
    Hasher::new(HasherSettings { peppers: Peppers::parse(peppers).expect("peppers"), ..settings(1) })
        .expect("a pool")
}

/// R011: a pepper can be added, changed and, once nobody's hash needs it, dropped.
#[tokio::test]
async fn a_pepper_is_part_of_the_hash_and_can_be_changed() {
    let (old, new) = ("0f".repeat(32), "a1".repeat(32));
    let made = async |hasher: &Hasher| {
        hasher.try_reserve(Source::Local).expect("a slot").hash(PASSWORD, SALT).await.expect("a hash")
    };
    let (none, with_old) = (hasher(1), peppered(&old));
    let (plain, seasoned) = (made(&none).await, made(&with_old).await);
    // By Python's hmac and argon2-cffi, with the same salt and costs.
    let known = "$argon2id$v=19$m=64,t=2,p=1,keyid=clS7bB3ht40$MDEyMzQ1Njc4OWFiY2RlZg$QwsYs9LUp/s7wU6EQrM6XmJGYNnnn9LAQGfdtkElHh4";
    assert_eq!(seasoned, known);
    let verdict = async |hasher: &Hasher, stored: &str| {
        assert!(!verify(hasher, b"correct horse battery stable", Some(stored)).await.matches);
        let Verdict { matches, needs_rehash } = verify(hasher, PASSWORD, Some(stored)).await;
        (matches, needs_rehash)
    };
    assert_eq!(verdict(&with_old, &seasoned).await, (true, false));
    assert_eq!(verdict(&with_old, &plain).await, (true, true), "hashes of before are still good");
    let with_both = peppered(&format!("{new}\n{old}\n"));
    assert_eq!(verdict(&with_both, &seasoned).await, (true, true));
    let renewed = made(&with_both).await;
    assert_eq!(verdict(&with_both, &renewed).await, (true, false));
    assert_eq!(verdict(&peppered(&new), &renewed).await, (true, false));
    for without in [&none, &peppered(&new)] {
        assert_eq!(verdict(without, &seasoned).await, (false, false), "the pepper is not needed");
    }
    // Nobody may take the name of the pepper away and compare without.
    let keyid = seasoned.split("keyid=").nth(1).and_then(|rest| rest.split('$').next()).expect("a key id");
    let unnamed = seasoned.replace(&format!(",keyid={keyid}"), "");
    assert_eq!(verdict(&with_old, &unnamed).await, (false, false));
}

#[test]
fn what_is_no_pepper_is_refused() {
    let good = "0f".repeat(32);
    for wrong in ["", "\n", "0f", &"0g".repeat(32), &format!("{good}0f"), &format!("{good} 0f")] {
        assert_eq!(Peppers::parse(wrong).err(), Some(NotPeppers), "{wrong:?}");
    }
    assert!(!format!("{:?}", Peppers::parse(&good)).contains("0f"));
}
