//! Proving an address inside a session (decision 0006).

use serde_json::json;

use super::browser::Browser;
use super::provider::{Provider, User};
use crate::case::{Case, at_once, on_both_engines, password};
use crate::generous::generous;
use crate::ouser;
use crate::parity::{Surface, is_live, register, sign_in};
use crate::privacy::Claimer;

on_both_engines! {
    an_address_that_is_merely_claimed_is_proven_on_the_accounts_page
    an_only_address_is_proven_and_what_was_set_up_stays
    a_proof_is_for_the_session_and_the_browser_that_asked
    an_address_that_another_account_has_proven_meanwhile_stays_there
    an_address_that_two_prove_at_once_is_of_one
    codes_to_prove_an_address_are_limited
}

const UNPROVEN: &str = "Not confirmed yet";

fn signed_in(case: &Case, name: &str, password: &str) -> Browser {
    let mut browser = Provider::new(case).browser();
    browser.open("/sign-in").sign_in(&User { email: name.to_owned(), password: password.to_owned() });
    browser.open("/account");
    assert!(!browser.asks_for_password(), "{browser}");
    browser
}

/// Presses the button that sends a code.
fn ask(browser: &mut Browser, address: &str) {
    browser.open("/account").submit(&[("identifier", address)]);
    assert!(browser.has_form(&[("code", "")]), "{browser}");
}

fn latest(case: &Case, address: &str) -> String {
    case.server().latest_to(address).code()
}

fn an_address_that_is_merely_claimed_is_proven_on_the_accounts_page(case: &Case) {
    let case = &generous(case);
    let claimer = Claimer::new(case);
    let mut browser = signed_in(case, &claimer.phone, &claimer.password);
    assert_eq!(browser.page().text().matches(UNPROVEN).count(), 1, "the number is proven: {browser}");
    ask(&mut browser, &claimer.email);
    browser.submit(&[("code", "00000-00000")]);
    assert_eq!(browser.page().status, 400, "{browser}");
    let code = latest(case, &claimer.email);
    let mut again = browser.clone();
    browser.submit(&[("code", &code)]);
    assert!(browser.target() == "/account" && !browser.page().text().contains(UNPROVEN), "{browser}");
    again.submit(&[("code", &code)]);
    assert_eq!(again.target(), "/account", "a code works once, and there is nothing left to prove");
    // It is a way in now, and nobody takes it away; all that was set up is there.
    let by_code = ouser::code_for(case, &claimer.email);
    ouser::login_by_code(case, &claimer.email, &by_code).expect(200);
    ouser::redeem(case, &ouser::code_for(case, &claimer.email), &password()).expect(409);
    assert!(sign_in(case, Surface::Rest, &claimer.email, &claimer.password).is_some());
    assert_eq!(claimer.shown_email(case), claimer.email);
}

/// Who registers on 004 has proven nothing. The code and the session are in the same hands, so nothing is evicted.
fn an_only_address_is_proven_and_what_was_set_up_stays(case: &Case) {
    let member = register(case, Surface::Rest);
    let held = sign_in(case, Surface::Rest, &member.email, &member.password).expect("signed in");
    let mut browser = signed_in(case, &member.email, &member.password);
    ask(&mut browser, &member.email);
    browser.submit(&[("code", &latest(case, &member.email))]);
    assert!(browser.target() == "/account" && !browser.page().text().contains(UNPROVEN), "{browser}");
    assert!(is_live(case, &held.access));
    assert!(sign_in(case, Surface::Rest, &member.email, &member.password).is_some());
    // Had it not been proven, the code would evict it.
    ouser::login_by_code(case, &member.email, &ouser::code_for(case, &member.email)).expect(200);
    assert!(is_live(case, &held.access));
}

fn a_proof_is_for_the_session_and_the_browser_that_asked(case: &Case) {
    let (member, other) = (register(case, Surface::Rest), register(case, Surface::Rest));
    let mut here = signed_in(case, &member.email, &member.password);
    let mut elsewhere = signed_in(case, &member.email, &member.password);
    ask(&mut elsewhere, &member.email);
    ask(&mut here, &member.email);
    let code = latest(case, &member.email);
    elsewhere.submit(&[("code", &code)]);
    assert_eq!(elsewhere.page().status, 400, "another browser's code: {elsewhere}");
    // A session sends codes to its own addresses only.
    let before = case.server().messages_to(&other.email).len();
    here.open("/account").submit(&[("identifier", &member.email)]);
    let mut strangers = here.clone();
    strangers.submit(&[("identifier", &other.email), ("code", "")]);
    assert_eq!(strangers.target(), "/account");
    assert_eq!(case.server().messages_to(&other.email).len(), before);
    // The form is no form of whoever signs in after that, nor of nobody.
    let mut left_open = here.clone();
    here.open("/sign-in").sign_in(&User { email: other.email.clone(), password: other.password.clone() });
    left_open.cookies.clone_from(&here.cookies);
    assert_eq!(left_open.submit(&[("code", &code)]).page().status, 403);
    left_open.open("/account").submit(&[("action", "sign_out")]);
    let mut nobody = strangers.clone();
    nobody.cookies.retain(|name, _| name.ends_with("browser"));
    assert_eq!(nobody.post("/verify-address", &[("identifier", &member.email)]).page().status, 403);
}

fn an_address_that_another_account_has_proven_meanwhile_stays_there(case: &Case) {
    let case = &generous(case);
    let claimer = Claimer::new(case);
    let mut browser = signed_in(case, &claimer.phone, &claimer.password);
    ask(&mut browser, &claimer.email);
    let code = latest(case, &claimer.email);
    let owned = password();
    ouser::redeem(case, &ouser::code_for(case, &claimer.email), &owned).expect(201);
    browser.submit(&[("code", &code)]);
    assert_eq!(browser.target(), "/account");
    assert!(!browser.page().text().contains(&claimer.email), "{browser}");
    assert!(sign_in(case, Surface::Rest, &claimer.email, &owned).is_some());
    assert_eq!(sign_in(case, Surface::Rest, &claimer.email, &claimer.password), None);
    // Claimed again, it is taken, as it is for everybody.
    let again = claimer.profile(case, "PATCH").json(&json!({ "email": claimer.email })).send();
    again.expect(400);
}

/// The claimer in its session and a newcomer who registers, at one moment: one of them has the address, and the other
/// nothing of it.
fn an_address_that_two_prove_at_once_is_of_one(case: &Case) {
    let case = &generous(case);
    for round in 0..6 {
        let claimer = Claimer::new(case);
        let email = &claimer.email;
        let mut browser = signed_in(case, &claimer.phone, &claimer.password);
        ask(&mut browser, email);
        let own = latest(case, email);
        let (newcomers, owned) = (ouser::code_for(case, email), password());
        let statuses = at_once(2, |number| match number {
            0 => browser.clone().submit(&[("code", &own)]).page().status,
            _ => ouser::redeem(case, &newcomers, &owned).status,
        });
        let is_claimers = claimer.shown_email(case) == *email;
        assert_eq!(statuses[1], if is_claimers { 409 } else { 201 }, "{round}: {statuses:?}");
        let may = |password| sign_in(case, Surface::Rest, email, password).is_some();
        assert_eq!(
            (may(&claimer.password), may(&owned)),
            (is_claimers, !is_claimers),
            "{round}: {statuses:?}"
        );
        let page = browser.open("/account").page().text();
        assert_eq!(page.contains(email), is_claimers, "{round}: {page}");
        assert!(!page.contains(UNPROVEN), "{round}: {page}");
    }
}

/// R026, R017.
fn codes_to_prove_an_address_are_limited(case: &Case) {
    let settings = "[limits]\nmessages_per_target_burst = 2\nmessages_per_target_interval = \"1h\"\n\
                    sign_in_per_source_burst = 6\nsign_in_per_source_interval = \"1h\"";
    let case = &case.with_config(settings);
    let member = register(case, Surface::Rest);
    let mut browser = signed_in(case, &member.email, &member.password);
    ask(&mut browser, &member.email);
    ask(&mut browser, &member.email);
    let mut asking = browser.clone();
    asking.open("/account").submit(&[("identifier", &member.email)]);
    assert!(asking.page().status == 429 && asking.page().header("retry-after").is_some(), "{asking}");
    let statuses: Vec<_> = (0..8).map(|_| browser.submit(&[("code", "00000-00000")]).page().status).collect();
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    browser.submit(&[("code", &latest(case, &member.email))]);
    assert_eq!(browser.page().status, 429, "the right code is a try as well: {browser}");
}
