//! `login`.

use std::time::Duration;

use jiff::Timestamp;

use super::{Registration, login, token_of};
use crate::away::Away;
use crate::case::{Case, on_both_engines, password};

on_both_engines! {
    seed_002_19
    seed_002_20
    seed_002_21
    seed_002_22
    seed_002_23
    seed_002_24
    seed_002_25
    seed_002_26
    seed_002_27
}

/// A validated account gets `ok`, a token and its expiration date, separated by single spaces.
fn seed_002_19(case: &Case) {
    let who = Registration::new(case).validated(case);
    let (first, _) = token_of(&who.login(case));
    let (second, _) = token_of(&who.login(case));
    assert_ne!(first, second);
    token_of(&login(&mut case.line(), &who.username.to_uppercase(), &who.password));
}

/// A verified e-mail address, in any case, serves as the username.
fn seed_002_20(case: &Case) {
    let who = Registration::with_email(case).verified(case);
    let email = who.email.clone().unwrap_or_default();
    token_of(&login(&mut case.line(), &email, &who.password));
    token_of(&login(&mut case.line(), &email.to_uppercase(), &who.password));
}

/// Unknown username, unknown e-mail address, wrong password: all `credentials`.
fn seed_002_21(case: &Case) {
    let who = Registration::with_email(case).verified(case);
    let mut line = case.line();
    assert_eq!(login(&mut line, &case.username(), &who.password), "nop credentials");
    assert_eq!(login(&mut line, &case.email(), &who.password), "nop credentials");
    assert_eq!(login(&mut line, &who.username, &password()), "nop credentials");
    assert_eq!(login(&mut line, who.email.as_deref().unwrap_or_default(), &password()), "nop credentials");
    // Names that cannot exist are unknown ones.
    for name in ["x", "a@b@c", &"n".repeat(500)] {
        assert_eq!(login(&mut line, name, &who.password), "nop credentials", "{name}");
    }
}

/// The right password of an account whose number is not validated: `unverifiednumber`; a wrong one tells nothing.
fn seed_002_22(case: &Case) {
    let who = Registration::with_email(case).registered(case);
    assert_eq!(who.login(case), "nop unverifiednumber");
    assert_eq!(login(&mut case.line(), &who.username, &password()), "nop credentials");
}

/// The right password of an account whose e-mail address is not verified, by either name: `unverifiedemail`, until
/// the link in the mail has been followed. Opening the page of the link alone verifies nothing.
fn seed_002_23(case: &Case) {
    let who = Registration::with_email(case).validated(case);
    let email = who.email.clone().unwrap_or_default();
    let by_email = || login(&mut case.line(), &email, &who.password);
    assert_eq!(who.login(case), "nop unverifiedemail");
    assert_eq!(by_email(), "nop unverifiedemail");
    assert_eq!(login(&mut case.line(), &who.username, &password()), "nop credentials");
    let link = who.link(case.server());
    let page = case.get(&link).expect(200);
    assert!(page.text().contains("<form") && page.text().contains("method=\"post\""), "{}", page.text());
    assert_eq!(who.login(case), "nop unverifiedemail");
    case.http().post(&link).form(&[]).send().expect(200);
    token_of(&who.login(case));
    token_of(&by_email());
}

/// Missing options are listed.
fn seed_002_24(case: &Case) {
    let mut line = case.line();
    assert_eq!(line.ask("login p:long-enough-7"), "nop syntax:u");
    assert_eq!(line.ask("login u:somebody"), "nop syntax:p");
    assert_eq!(line.ask("login"), "nop syntax:u,p");
}

/// Without the store: `unavailable`, never a verdict on the credentials.
fn seed_002_25(case: &Case) {
    let mut away = Away::start(case);
    let who = Registration::new(away.case()).validated(away.case());
    away.take();
    assert_eq!(who.login(away.case()), "nop unavailable");
    assert_eq!(login(&mut away.case().line(), "nobody", "wrong-password"), "nop unavailable");
    away.give_back(|case| who.login(case).starts_with("ok "));
}

/// The token is temporary: it stops working at its expiration date.
fn seed_002_26(case: &Case) {
    let mut case = case.with_clock();
    let who = Registration::new(&case).validated(&case);
    let (token, expires) = token_of(&who.login(&case));
    let life = Duration::try_from(expires.duration_since(Timestamp::now())).expect("a date in the future");
    assert!(life > Duration::from_secs(60), "{life:?}");
    let status = |case: &Case| bearer(case, &token);
    assert_eq!(status(&case), 200);
    case.server_mut().advance(life - Duration::from_secs(30));
    assert_eq!(status(&case), 200);
    case.server_mut().advance(Duration::from_secs(32));
    assert_eq!(status(&case), 401);
}

/// The token opens other services: the profile of document 004 takes it.
fn seed_002_27(case: &Case) {
    let who = Registration::new(case).validated(case);
    let (token, _) = token_of(&who.login(case));
    assert_eq!(bearer(case, &token), 200);
    let mut other = token.clone();
    other.pop();
    assert_eq!(bearer(case, &other), 401);
}

fn bearer(case: &Case, token: &str) -> u16 {
    case.http().get("/auth/profile/").header("Authorization", &format!("Token {token}")).send().status
}
