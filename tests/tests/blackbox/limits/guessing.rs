//! Guessing passwords and codes.

use std::time::Duration;

use countersign_testkit::{Client, LineClient, Server, poll, source};
use serde_json::json;

use super::{Verdict, guess, guess_from_anywhere};
use crate::case::{Case, at_once, on_both_engines, password};
use crate::parity::{Person, Surface, is_live, register};
use crate::{line, ouser};

on_both_engines! {
    parallel_guesses_never_exceed_the_limit
    all_surfaces_and_spellings_share_one_counter
    a_restart_forgives_nothing
    time_forgives
    a_limit_without_end_holds
    unknown_accounts_are_limited_alike
    a_stranger_cannot_lock_out_a_known_source
    codes_cannot_be_guessed_either
    strangers_cannot_use_up_an_owners_codes
    a_new_code_can_be_tried_again
    current_passwords_cannot_be_guessed_either
    whoever_knows_the_password_is_not_limited
    a_sign_in_that_comes_too_late_forgives_nothing
}

/// Ten tries, and the next in an hour.
const TEN: &str = "
[limits]
sign_in_per_account_burst = 10
sign_in_per_account_interval = \"1h\"
";

fn count(verdicts: &[Verdict], which: Verdict) -> usize {
    verdicts.iter().filter(|verdict| **verdict == which).count()
}

/// 200 wrong passwords at the same moment from 200 addresses: ten are looked at (R017).
fn parallel_guesses_never_exceed_the_limit(case: &Case) {
    for surface in Surface::ALL {
        let case = case.with_config(TEN);
        let person = register(&case, Surface::AuthV1);
        let verdicts = at_once(200, |_| guess_from_anywhere(&case, surface, &person.email, "Wrong-passw0rd"));
        assert_eq!(count(&verdicts, Verdict::Right), 0);
        assert_eq!(count(&verdicts, Verdict::Wrong), 10, "{surface:?}");
        // Now even the right password is not looked at: otherwise the limit would be none.
        assert_eq!(guess_from_anywhere(&case, surface, &person.email, &person.password), Verdict::TooMany);
        let other = register(&case, Surface::AuthV1);
        assert_eq!(guess_from_anywhere(&case, surface, &other.email, &other.password), Verdict::Right);
    }
}

/// Username, e-mail address, their cases, all surfaces: one account, one counter (R019).
fn all_surfaces_and_spellings_share_one_counter(case: &Case) {
    let case = case.with_config(TEN);
    let person = register(&case, Surface::AuthV1);
    let username = person.username.clone().expect("003 has usernames");
    let (email, loud) = (person.email.clone(), person.email.to_uppercase());
    let tries = [
        (Surface::Ouser, &email),
        (Surface::Ouser, &loud),
        (Surface::Authd, &email),
        (Surface::Authd, &loud),
        (Surface::Line, &username),
        (Surface::Line, &email),
        (Surface::AuthV1, &username),
        (Surface::AuthV1, &loud),
        (Surface::Rest, &email),
        (Surface::Rest, &loud),
    ];
    for (surface, name) in tries {
        assert_eq!(
            guess_from_anywhere(&case, surface, name, "Wrong-passw0rd"),
            Verdict::Wrong,
            "{surface:?} {name}"
        );
    }
    for (surface, name) in tries {
        assert_eq!(
            guess_from_anywhere(&case, surface, name, &person.password),
            Verdict::TooMany,
            "{surface:?} {name}"
        );
    }
}

/// The counters are in the store (R158).
fn a_restart_forgives_nothing(case: &Case) {
    let mut case = case.with_config(TEN);
    let person = register(&case, Surface::AuthV1);
    exhaust(&case, &person);
    case.server_mut().kill();
    case.server_mut().launch();
    assert_eq!(guess_from_anywhere(&case, Surface::Rest, &person.email, &person.password), Verdict::TooMany);
    case.server_mut().restart();
    assert_eq!(guess_from_anywhere(&case, Surface::Rest, &person.email, &person.password), Verdict::TooMany);
}

fn exhaust(case: &Case, person: &Person) {
    let verdicts: Vec<_> =
        (0..12).map(|_| guess_from_anywhere(case, Surface::Rest, &person.email, "Wrong-passw0rd")).collect();
    assert_eq!(count(&verdicts, Verdict::TooMany), 2, "{verdicts:?}");
}

/// After the interval one more try is looked at, and not more than one.
fn time_forgives(case: &Case) {
    let mut case = case.with_own(Server::builder().config(TEN).fake_clock());
    let person = register(&case, Surface::AuthV1);
    exhaust(&case, &person);
    case.server_mut().advance(Duration::from_secs(3605));
    let verdict =
        |case: &Case, password: &str| guess_from_anywhere(case, Surface::Ouser, &person.email, password);
    assert_eq!(verdict(&case, "Wrong-passw0rd"), Verdict::Wrong);
    assert_eq!(verdict(&case, "Wrong-passw0rd"), Verdict::TooMany);
    case.server_mut().advance(Duration::from_secs(3605));
    assert_eq!(verdict(&case, &person.password), Verdict::Right);
}

/// An interval of hundred thousands of years stands for never: what is counted stays a time that the store can hold.
fn a_limit_without_end_holds(case: &Case) {
    let never = "sign_in_per_account_burst = 4\nsign_in_per_account_interval = \"99999999d\"";
    let case = case.with_config(&format!("[limits]\n{never}"));
    let person = register(&case, Surface::AuthV1);
    let try_with = |password: &str| {
        let body = json!({ "username": person.email, "password": password });
        Client::from_source(case.server().http_address(), source::fresh())
            .post_json("/auth/login/", &body)
            .status
    };
    assert_eq!([try_with("Wrong-passw0rd"), try_with(&person.password)], [400, 200]);
    let statuses: Vec<_> = (0..6).map(|_| try_with("Wrong-passw0rd")).collect();
    assert_eq!(statuses, [400, 400, 400, 400, 429, 429]);
}

/// Were only real accounts limited, the limit would tell which are real.
fn unknown_accounts_are_limited_alike(case: &Case) {
    let case = case.with_config(TEN);
    for surface in Surface::ALL {
        let nobody = case.email();
        let verdicts: Vec<_> =
            (0..12).map(|_| guess_from_anywhere(&case, surface, &nobody, "Wrong-passw0rd")).collect();
        assert_eq!(
            (count(&verdicts, Verdict::Wrong), count(&verdicts, Verdict::TooMany)),
            (10, 2),
            "{surface:?}"
        );
    }
}

/// From where the owner has signed in before, the owner signs in, whatever strangers try (R022).
fn a_stranger_cannot_lock_out_a_known_source(case: &Case) {
    let case = case.with_config(TEN);
    let person = register(&case, Surface::Rest);
    let home = source::fresh();
    assert_eq!(guess(&case, home, Surface::Rest, &person.email, &person.password), Verdict::Right);
    let strangers: Vec<_> = (0..30)
        .map(|_| guess_from_anywhere(&case, Surface::Ouser, &person.email, "Wrong-passw0rd"))
        .collect();
    assert!(strangers.ends_with(&[Verdict::TooMany; 10]), "{strangers:?}");
    assert_eq!(guess(&case, home, Surface::Rest, &person.email, &person.password), Verdict::Right);
    assert_eq!(guess(&case, home, Surface::Line, &person.email, &person.password), Verdict::Right);
    // A known source has a limit too.
    let verdicts: Vec<_> =
        (0..40).map(|_| guess(&case, home, Surface::Authd, &person.email, "Wrong-passw0rd")).collect();
    assert!(verdicts.contains(&Verdict::TooMany), "{verdicts:?}");
}

/// Codes of 000 and SMS codes of 002, tried by one source.
fn codes_cannot_be_guessed_either(case: &Case) {
    let case =
        case.with_config("[limits]\nsign_in_per_source_burst = 20\nsign_in_per_source_interval = \"1h\"");
    let http = case.server().client();
    let statuses: Vec<_> = (0..40)
        .map(|number| {
            let body = json!({ "verification_code": format!("AAAAA-AA{number:03}"), "password": password() });
            http.post_json("/register", &body).status
        })
        .collect();
    assert!(statuses.starts_with(&[410; 5]) && statuses.ends_with(&[429; 10]), "{statuses:?}");
    let (http, email) = (case.server().client(), case.email());
    let statuses: Vec<_> = (0..40)
        .map(|number| {
            let body = json!({ "identifier": email, "identifier_type": "email", "verification_code": format!("AAAAA-AA{number:03}") });
            http.post_json("/login", &body).status
        })
        .collect();
    assert!(statuses.starts_with(&[401; 5]) && statuses.ends_with(&[429; 10]), "{statuses:?}");
    let who = line::Registration::new(&case).registered(&case);
    let code = who.code(case.server());
    let mut line = case.line();
    for _ in 0..5 {
        assert_eq!(validate(&mut line, &who.phone, line::NO_CODE), "nop badcode");
    }
    assert_eq!(validate(&mut line, &who.phone, &code), "nop badcode");
    let numbers: Vec<_> = (0..20).map(|_| validate(&mut line, &case.phone(), line::NO_CODE)).collect();
    assert!(numbers.starts_with(&["nop invalidnumber".to_owned()]), "{numbers:?}");
    assert!(numbers.ends_with(&["nop unavailable".to_owned()]), "numbers can be looked for: {numbers:?}");
}

fn validate(line: &mut LineClient, phone: &str, code: &str) -> String {
    line.ask(&format!("validatephone p:{phone} c:{code}"))
}

/// What strangers try counts against them, and not against the codes that the owner has (R022).
fn strangers_cannot_use_up_an_owners_codes(case: &Case) {
    let case = case.with_config(TEN);
    let member = ouser::register(&case);
    let code = ouser::code_for(&case, &member.email);
    let who = line::Registration::new(&case).registered(&case);
    for _ in 0..30 {
        let wrong = json!({ "identifier": member.email, "identifier_type": "email", "verification_code": line::NO_CODE });
        case.server().client().post_json("/login", &wrong).expect(401);
        assert_eq!(validate(&mut case.server().line(), &who.phone, line::NO_CODE), "nop badcode");
    }
    ouser::login_by_code(&case, &member.email, &code).expect(200);
    assert_eq!(validate(&mut case.line(), &who.phone, &who.code(case.server())), "ok");
}

/// Whoever mistypes an SMS code too often asks for another one.
fn a_new_code_can_be_tried_again(case: &Case) {
    let who = line::Registration::new(case).registered(case);
    for _ in 0..8 {
        assert_eq!(validate(&mut case.line(), &who.phone, line::NO_CODE), "nop badcode");
    }
    let who = who.registered(case);
    let newest = case.server().await_messages(&who.phone, 2).pop().expect("a message").code();
    assert_eq!(validate(&mut case.line(), &who.phone, &newest), "ok");
}

/// A thief of a session cannot try passwords at `/change_password`.
fn current_passwords_cannot_be_guessed_either(case: &Case) {
    let case = case.with_config(TEN);
    let member = ouser::register(&case);
    let session = ouser::session(&case, &member);
    let statuses: Vec<_> =
        (0..30).map(|_| ouser::change(&case, &session, "Wrong-passw0rd", &password()).status).collect();
    assert!(statuses.starts_with(&[403; 5]) && statuses.ends_with(&[429; 5]), "{statuses:?}");
}

/// Failures are counted; a client that signs in often, always rightly, is no attack.
fn whoever_knows_the_password_is_not_limited(case: &Case) {
    let case = case.with_config(TEN);
    let person = register(&case, Surface::AuthV1);
    let home = source::fresh();
    let verdicts: Vec<_> =
        (0..30).map(|_| guess(&case, home, Surface::Rest, &person.email, &person.password)).collect();
    assert_eq!(count(&verdicts, Verdict::Right), 30, "{verdicts:?}");
}

/// All sessions are ended while a sign-in still hashes: what it knew of the account is out of date, so it gets no
/// session, and clears no counter and makes no source known either.
fn a_sign_in_that_comes_too_late_forgives_nothing(case: &Case) {
    let slow = "[password]\nmemory_kib = 65536\niterations = 12";
    let once = "[limits]\nsign_in_per_account_burst = 1\nsign_in_per_account_interval = \"10h\"";
    let case = case.with_config(&format!("{slow}\n{once}"));
    let metrics = Client::new(case.server().metrics_address());
    let is_hashing =
        || metrics.get("/metrics").send().text().lines().any(|line| line == "countersign_hash_admitted 1");
    for _ in 0..5 {
        let member = ouser::register(&case);
        let session = ouser::session(&case, &member);
        let home = source::fresh();
        let late = std::thread::scope(|scope| {
            let late = scope.spawn(|| {
                let body = json!({ "username": member.email, "password": member.password });
                let http = Client::from_source(case.server().http_address(), home);
                http.post_json("/auth/login/", &body).expect(200).string("token")
            });
            poll::until("the sign-in hashes", || is_hashing().then_some(()));
            case.post("/logout", json!({ "session_token": session, "all": true })).expect(204);
            late.join().expect("no panic")
        });
        // It was over before the sessions were ended, or began after that.
        if is_live(&case, &late) {
            continue;
        }
        let verdict = guess(&case, home, Surface::Rest, &member.email, &member.password);
        assert_eq!(verdict, Verdict::TooMany);
        return;
    }
    panic!("no sign-in was overtaken");
}
