//! Passwords that sign in, but that nobody could choose today: the page that asks for a better one.

use std::fs;
use std::time::Duration;

use countersign_testkit::{Server, scratch};
use serde_json::json;

use super::browser::Browser;
use super::provider::{Provider, User};
use crate::case::{Case, on_both_engines, password};
use crate::ouser;
use crate::passwords::{BREACHED, breached_list};

on_both_engines! {
    a_weak_password_is_replaced_on_the_way
    a_weak_password_may_be_kept_for_now
    not_now_holds_for_a_month_for_that_account
    a_breached_password_is_replaced_on_the_way
    a_password_is_replaced_by_who_has_just_typed_it_only
    nobody_is_called_like_their_password
}

/// Good enough for 000, and too short for the pages.
const SHORT: &str = "kettle-42";

/// Somebody whom 000 has let choose this password.
pub fn somebody(case: &Case, password: &str) -> User {
    let email = case.email();
    ouser::redeem(case, &ouser::code_for(case, &email), password).expect(201);
    User { email, password: password.to_owned() }
}

fn asks(browser: &Browser) -> bool {
    browser.has_form(&[("new_password", ""), ("proof", "")])
}

fn is_signed_in(browser: &mut Browser) -> bool {
    !browser.open("/account").asks_for_password()
}

fn a_weak_password_is_replaced_on_the_way(case: &Case) {
    let provider = Provider::new(case);
    let (client, user) = (provider.client(json!({})), somebody(case, SHORT));
    let mut elsewhere = provider.browser();
    elsewhere.open("/sign-in").sign_in(&user).submit(&[("action", "later")]);
    assert!(is_signed_in(&mut elsewhere));
    let mut browser = provider.browser();
    browser.open(&provider.ask(&client).target()).sign_in(&user);
    assert!(asks(&browser), "{browser}");
    browser.submit(&[("new_password", "another-42"), ("action", "set")]);
    assert!(browser.page().status == 400 && asks(&browser), "{browser}");
    let new = password();
    let mut left_open = browser.clone();
    browser.submit(&[("new_password", &new), ("action", "set")]);
    assert!(browser.asks_for_consent(), "{browser}");
    left_open.submit(&[("new_password", &password()), ("action", "set")]);
    assert_eq!(left_open.page().status, 403, "the page works once: {left_open}");
    browser.allow().answer().get("code");
    assert!(is_signed_in(&mut browser) && !is_signed_in(&mut elsewhere));
    assert!(case.server().messages_to(&user.email).iter().any(|mail| mail.template == "password_changed"));
    assert_eq!(elsewhere.open("/sign-in").sign_in(&user).page().status, 401);
    elsewhere.sign_in(&User { password: new, ..user });
    assert!(!asks(&elsewhere) && is_signed_in(&mut elsewhere), "{elsewhere}");
}

fn a_weak_password_may_be_kept_for_now(case: &Case) {
    let provider = Provider::new(case);
    let (client, user) = (provider.client(json!({})), somebody(case, SHORT));
    let mut browser = provider.browser();
    browser.open(&provider.ask(&client).target()).sign_in(&user).submit(&[("action", "later")]);
    assert!(browser.asks_for_consent(), "{browser}");
    let mut browser = provider.browser();
    browser.open("/sign-in").sign_in(&user).submit(&[("action", "later")]);
    assert_eq!(browser.target(), "/account");
    let mut browser = provider.browser();
    browser.open_with("/sign-in", &[("device", "BCDF-GHJK")]).sign_in(&user).submit(&[("action", "later")]);
    assert!(
        browser.has_form(&[("user_code", "")]) && browser.page().text().contains("BCDF-GHJK"),
        "{browser}"
    );
    // Who comes with a code from a message has not typed the password.
    let mut browser = provider.browser();
    browser.open("/sign-in/code").submit(&[("identifier", &user.email)]);
    browser.submit(&[("code", &case.server().latest_to(&user.email).code())]);
    assert_eq!(browser.target(), "/account");
}

fn not_now_holds_for_a_month_for_that_account(case: &Case) {
    let provider = Provider::new(case);
    let (user, other) = (somebody(case, SHORT), somebody(case, SHORT));
    let mut browser = provider.browser();
    browser.open("/sign-in").sign_in(&user).submit(&[("action", "later")]);
    let line = browser.set_cookies.last().expect("a cookie");
    assert!(
        line.starts_with("__Host-") && line.contains("Max-Age=2592000") && line.contains("HttpOnly"),
        "{line}"
    );
    browser.open("/sign-in").sign_in(&user);
    assert_eq!(browser.target(), "/account", "it asks again: {browser}");
    browser.submit(&[("action", "sign_out")]).open("/sign-in").sign_in(&user);
    assert_eq!(browser.target(), "/account", "it asks again after a log-out: {browser}");
    // Neither somebody else here nor the same person elsewhere has said so.
    assert!(asks(browser.open("/sign-in").sign_in(&other)));
    assert!(asks(provider.browser().open("/sign-in").sign_in(&user)));
}

/// R006.
fn a_breached_password_is_replaced_on_the_way(case: &Case) {
    let file = scratch::directory("breached-page").join("list");
    fs::write(&file, breached_list()).expect("a file of our own");
    let settings = format!("[password]\nbreached_list = \"{}\"", file.display());
    let case = &case.with_config(&settings);
    let (provider, user) = (Provider::new(case), somebody(case, BREACHED));
    let mut browser = provider.browser();
    browser.open("/sign-in").sign_in(&user);
    assert!(asks(&browser), "{browser}");
    browser.submit(&[("new_password", BREACHED), ("action", "set")]);
    assert!(browser.page().status == 400 && browser.page().text().contains("breach"), "{browser}");
    // A list that fails keeps nobody from signing in.
    fs::remove_file(&file).expect("a file of our own");
    let mut browser = provider.browser();
    browser.open("/sign-in").sign_in(&user);
    assert!(is_signed_in(&mut browser));
}

fn a_password_is_replaced_by_who_has_just_typed_it_only(case: &Case) {
    let mut case = case.with_own(Server::builder().fake_clock());
    let (weak, strong) = (somebody(&case, SHORT), somebody(&case, &password()));
    let provider = Provider::new(&case);
    let (mut asked, mut other) = (provider.browser(), provider.browser());
    asked.open("/sign-in").sign_in(&weak);
    other.open("/sign-in").sign_in(&strong);
    let page = asked.target().to_owned();
    assert_eq!(other.open("/new-password").page().status, 403);
    assert_eq!(other.open(&page).page().status, 403, "another session's proof");
    // Signed in again in the same browser: the proof was for the session before.
    let mut again = asked.clone();
    again.open("/sign-in").sign_in(&weak).open(&page);
    assert_eq!(again.page().status, 403, "{again}");
    let mut nobody = provider.browser();
    assert_eq!(nobody.open(&page).page().status, 403);
    case.server_mut().advance(Duration::from_secs(11 * 60));
    let new = password();
    asked.submit(&[("new_password", &new), ("action", "set")]);
    assert_eq!(asked.page().status, 403, "a while later: {asked}");
    assert!(is_signed_in(&mut asked));
    let mut here = Provider::new(&case).browser();
    here.open("/sign-in").sign_in(&User { password: new, ..weak });
    assert_eq!(here.page().status, 401, "the password was changed");
}

/// R007: wherever the strict rule holds. The documents have no such rule.
fn nobody_is_called_like_their_password(case: &Case) {
    let refused = |browser: &Browser| {
        let page = browser.page();
        assert!(page.status == 400 && page.text().contains("the name of the account"), "{browser}");
    };
    let provider = Provider::new(case);
    let email = format!("annabelle.long.{}", case.email());
    let (name, _) = email.split_once('@').expect("an address");
    let (own, new) = (format!("{}1", name.to_uppercase()), password());
    // Where an account is made.
    let mut browser = provider.browser();
    browser.open("/sign-up").submit(&[("identifier", &email)]);
    let code = case.server().latest_to(&email).code();
    refused(browser.submit(&[("code", &code), ("new_password", &own)]));
    browser.submit(&[("code", &code), ("new_password", &new)]);
    assert!(is_signed_in(&mut browser), "the code was used up: {browser}");
    // Where one is forgotten.
    browser.open("/recover").submit(&[("identifier", &email)]);
    let code = case.server().latest_to(&email).code();
    refused(browser.submit(&[("code", &code), ("new_password", &own)]));
    // By the operator.
    let file = scratch::directory("own-name").join("password");
    fs::write(&file, &own).expect("a file of our own");
    let file = file.display().to_string();
    let set = case.server().command(&["account", "set-password", &email, "--password-file", &file]);
    let why = String::from_utf8_lossy(&set.stderr).into_owned();
    assert!(why.contains("the password is too close to the name of the account"), "{why}");
    // A document lets them have it; after they have signed in, the page asks for another one.
    ouser::reset(case, &ouser::code_for(case, &email), &own).expect(204);
    browser.open("/sign-in").sign_in(&User { email: email.clone(), password: own.clone() });
    assert!(asks(&browser), "{browser}");
    refused(browser.submit(&[("new_password", &format!("{own}2")), ("action", "set")]));
    // By the link of a mail.
    case.post("/auth/v1/passwordreset", json!({ "email": email })).expect(200);
    let page = case.server().latest_to(&email).link_path();
    let again = case.http().post(&page).form(&[("password", &*own)]).send().expect(400);
    assert!(again.text().contains("the name of the account"), "{again:?}");
}
