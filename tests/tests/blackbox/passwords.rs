//! What an operator can set about passwords, on every surface.

use std::fs;
use std::path::Path;

use countersign_testkit::scratch;
use serde_json::json;

use crate::authd;
use crate::authv1::Member;
use crate::case::{Case, on_both_engines};
use crate::cross::register_user;
use crate::cross::rules::register_everywhere;
use crate::ouser;
use crate::parity::{Person, Surface, register, sign_in};

on_both_engines! {
    a_pepper_is_added_changed_and_dropped
    a_breached_password_is_refused_where_common_ones_are
    a_breached_list_that_fails_lets_no_password_pass
}

/// R011: nobody notices, but for those whose pepper is gone.
fn a_pepper_is_added_changed_and_dropped(case: &Case) {
    let (first, second) = ("0f".repeat(32), "a1".repeat(32));
    let file = scratch::directory("pepper").join("pepper");
    let write = |text: &str| fs::write(&file, text).expect("a file of our own");
    let with_pepper = |file: &Path| format!("[password]\npepper_file = \"{}\"", file.display());
    let works = |case: &Case, person: &Person| {
        sign_in(case, Surface::Rest, &person.email, &person.password).is_some()
    };
    write(&first);
    let mut case = case.with_config(&with_pepper(&file));
    let (early, away) = (register(&case, Surface::Rest), register(&case, Surface::AuthV1));
    assert!(works(&case, &early));
    write(&format!("{second}\n{first}\n"));
    case.server_mut().restart();
    let late = register(&case, Surface::Line);
    // Hashed anew, and not for the second time only.
    assert!(works(&case, &early) && works(&case, &early) && works(&case, &late));
    write(&second);
    case.server_mut().restart();
    assert!(works(&case, &early), "the hash was not made anew");
    assert!(works(&case, &late));
    assert!(!works(&case, &away), "the pepper plays no part");
    assert!(case.server().log().contains("pepper"), "the log does not say why");
}

/// On no list of common passwords, and long enough for every rule.
pub const BREACHED: &str = "Wolke7undRegenbogen";

/// A list with it, as Pwned Passwords has them.
pub fn breached_list() -> String {
    let other = |first: char| format!("{first}{}:3\r\n", "0".repeat(39));
    other('0') + "0E6D7B5AA541FDF0BC4F9108AC505CA6D6B1197C:12\r\n" + &other('F')
}

/// R006: by the surface whose document has such a rule, by the pages, and by all if the operator says so.
fn a_breached_password_is_refused_where_common_ones_are(case: &Case) {
    let file = scratch::directory("breached").join("list");
    fs::write(&file, breached_list()).expect("a file of our own");
    let settings = format!("[password]\nbreached_list = \"{}\"", file.display());
    let by_default = case.with_config(&settings);
    assert_eq!(register_everywhere(&by_default, BREACHED), (201, 201, 200, 400, "ok".to_owned()));
    let why = register_user(&by_default, &by_default.email(), BREACHED).expect(400);
    assert!(why.json()["password"].to_string().contains("breach"), "{why:?}");
    let member = Member::register(&by_default);
    by_default.post("/auth/v1/passwordreset", json!({ "email": member.email })).expect(200);
    let page = by_default.server().latest_to(&member.email).link_path();
    let choose = |text: &str| by_default.http().post(&page).form(&[("password", text)]).send();
    let again = choose(BREACHED).expect(400);
    assert!(again.text().contains("breach"), "{again:?}");
    choose("Wolke8undRegenbogen").expect(200);
    let everywhere = case.with_config(&format!("{settings}\nreject_common = \"always\""));
    let refused = (400, 400, 400, 400, "nop baddata".to_owned());
    assert_eq!(register_everywhere(&everywhere, BREACHED), refused);
    let fine = (201, 201, 200, 201, "ok".to_owned());
    assert_eq!(register_everywhere(&everywhere, "Wolke8undRegenbogen"), fine);
    // Resets and changes too.
    let member = ouser::register(&everywhere);
    let session = ouser::session(&everywhere, &member);
    ouser::change(&everywhere, &session, &member.password, BREACHED).expect(400);
    ouser::reset(&everywhere, &ouser::code_for(&everywhere, &member.email), BREACHED).expect(400);
    ouser::login(&everywhere, &member.email, &member.password).expect(200);
}

/// R008: never silently.
fn a_breached_list_that_fails_lets_no_password_pass(case: &Case) {
    let file = scratch::directory("no-list").join("list");
    fs::write(&file, breached_list()).expect("a file of our own");
    let mut case = case.with_config(&format!("[password]\nbreached_list = \"{}\"", file.display()));
    fs::write(&file, "").expect("a file of our own");
    let answer = register_user(&case, &case.email(), "Wolke8undRegenbogen").expect(503);
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    // What does not ask the list goes on.
    authd::create(&case, &case.email(), BREACHED).expect(201);
    case.server_mut().kill();
    let why = case.server_mut().try_launch().expect_err("it starts without the list");
    let log = case.server().log();
    assert!(log.contains("password.breached_list"), "{why}: {log}");
}
