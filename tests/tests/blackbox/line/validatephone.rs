//! `validatephone`.

use std::time::Duration;

use super::{NO_CODE, Registration};
use crate::away::Away;
use crate::case::{Case, on_both_engines};

on_both_engines! {
    seed_002_14
    seed_002_15
    seed_002_16
    seed_002_17
    seed_002_18
    seed_002_32
    a_code_works_for_its_own_number_only
}

fn validate(case: &Case, phone: &str, code: &str) -> String {
    case.line().ask(&format!("validatephone p:{phone} c:{code}"))
}

/// The right code for the number answers `ok`, and the account can sign in. Dashes and case do not matter.
fn seed_002_14(case: &Case) {
    let who = Registration::new(case).registered(case);
    assert_eq!(validate(case, &who.phone, &who.code(case.server())), "ok");
    assert!(who.login(case).starts_with("ok "));
    let who = Registration::new(case).registered(case);
    let typed = who.code(case.server()).replace('-', "").to_lowercase();
    assert_eq!(validate(case, &who.phone, &typed), "ok");
}

/// A wrong code: `badcode`; the right one still works after that.
fn seed_002_15(case: &Case) {
    let who = Registration::new(case).registered(case);
    for wrong in [NO_CODE, "1", "ÄÖÜ", &"9".repeat(500)] {
        assert_eq!(validate(case, &who.phone, wrong), "nop badcode", "{wrong}");
    }
    assert_eq!(validate(case, &who.phone, &who.code(case.server())), "ok");
}

/// A number that is none, one that nobody registered and one that is validated already: `invalidnumber`.
fn seed_002_16(case: &Case) {
    for bad in ["number", "12", "1234567890123456"] {
        assert_eq!(validate(case, bad, NO_CODE), "nop invalidnumber", "{bad}");
    }
    assert_eq!(validate(case, &case.phone(), NO_CODE), "nop invalidnumber");
    let who = Registration::new(case).validated(case);
    assert_eq!(validate(case, &who.phone, NO_CODE), "nop invalidnumber");
}

/// Missing options are listed.
fn seed_002_17(case: &Case) {
    let mut line = case.line();
    assert_eq!(line.ask("validatephone c:AAAAA-AAAAA"), "nop syntax:p");
    assert_eq!(line.ask("validatephone p:8885551212"), "nop syntax:c");
    assert_eq!(line.ask("validatephone"), "nop syntax:p,c");
}

/// Without the store: `unavailable`, and the code is not lost by it.
fn seed_002_18(case: &Case) {
    let mut away = Away::start(case);
    let who = Registration::new(away.case()).registered(away.case());
    let code = who.code(away.case().server());
    away.take();
    assert_eq!(validate(away.case(), &who.phone, &code), "nop unavailable");
    away.give_back(|case| validate(case, &case.phone(), NO_CODE) == "nop invalidnumber");
    assert_eq!(validate(away.case(), &who.phone, &code), "ok");
}

/// A used code is used up, a guessed one is void after some wrong tries, an old one has expired.
fn seed_002_32(case: &Case) {
    let used = Registration::new(case).registered(case);
    let code = used.code(case.server());
    assert_eq!(validate(case, &used.phone, &code), "ok");
    assert!(validate(case, &used.phone, &code).starts_with("nop "));

    let guessed = Registration::new(case).registered(case);
    for _ in 0..5 {
        assert_eq!(validate(case, &guessed.phone, NO_CODE), "nop badcode");
    }
    assert_eq!(validate(case, &guessed.phone, &guessed.code(case.server())), "nop badcode");

    let mut case = case.with_clock();
    let (old, in_time) =
        (Registration::new(&case).registered(&case), Registration::new(&case).registered(&case));
    let code = old.code(case.server());
    case.server_mut().advance(Duration::from_secs(3600 - 1));
    assert_eq!(validate(&case, &in_time.phone, &in_time.code(case.server())), "ok");
    case.server_mut().advance(Duration::from_secs(1));
    let late = validate(&case, &old.phone, &code);
    assert!(matches!(late.as_str(), "nop badcode" | "nop invalidnumber"), "{late}");
    let again = old.registered(&case);
    let newest = case.server().await_messages(&again.phone, 2).pop().map(|message| message.code());
    assert_eq!(validate(&case, &again.phone, &newest.unwrap_or_default()), "ok");
}

fn a_code_works_for_its_own_number_only(case: &Case) {
    let (one, other) = (Registration::new(case).registered(case), Registration::new(case).registered(case));
    assert_eq!(validate(case, &one.phone, &other.code(case.server())), "nop badcode");
    assert_eq!(one.login(case), "nop unverifiednumber");
}
