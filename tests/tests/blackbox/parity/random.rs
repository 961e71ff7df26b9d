//! Random steps through random surfaces against the model; what fails is shrunk to the fewest steps.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use super::model::{Account, Session, Step};
use super::{Surface, Tokens, is_live, operate, refresh, register, reset, sign_in};
use crate::case::{Case, on_both_engines, password};
use crate::generous::generous;
use crate::{authv1, ouser};

on_both_engines! {
    whatever_happens_all_surfaces_agree
}

fn step() -> impl Strategy<Value = Step> {
    let refreshing = select(vec![Surface::Ouser, Surface::Authd, Surface::AuthV1]);
    prop_oneof![
        6 => (select(Surface::ALL.to_vec()), prop::bool::weighted(0.8))
            .prop_map(|(surface, right)| Step::SignIn(surface, right)),
        3 => (0..8_usize).prop_map(Step::Refresh),
        1 => (0..8_usize).prop_map(Step::RefreshUsed),
        2 => (0..8_usize).prop_map(Step::SignOut),
        1 => (0..8_usize).prop_map(Step::SignOutAll),
        2 => (0..8_usize, any::<bool>()).prop_map(|(session, right)| Step::ChangePassword(session, right)),
        1 => refreshing.prop_map(Step::Reset),
        1 => Just(Step::Suspend),
        1 => Just(Step::Restore),
    ]
}

fn whatever_happens_all_surfaces_agree(case: &Case) {
    let case = generous(case);
    // The failure is printed with its steps; a file of seeds would be one more thing to keep.
    let config = Config { cases: 24, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let steps = prop::collection::vec((0..2_usize, step()), 1..16);
    let made_on = [select(Surface::ALL.to_vec()), select(Surface::ALL.to_vec())];
    let ran = Cell::new(0);
    let outcome = TestRunner::new(config).run(&(made_on, steps), |(made_on, steps)| {
        let mut accounts = made_on.map(|surface| {
            let person = register(&case, surface);
            Account {
                email: person.email,
                passwords: vec![person.password],
                sessions: Vec::new(),
                suspended: false,
            }
        });
        for (number, step) in steps {
            take(&case, &mut accounts[number], step)?;
            for account in &accounts {
                agree(&case, account)?;
            }
            ran.set(ran.get() + 1);
        }
        for account in &mut accounts {
            passwords_agree(&case, account)?;
        }
        Ok(())
    });
    if let Err(reason) = outcome {
        panic!("{reason}");
    }
    assert!(ran.get() >= 24);
}

type Outcome = Result<(), TestCaseError>;

/// Takes one step on the server and on the model; a step without a fitting session is none.
fn take(case: &Case, account: &mut Account, step: Step) -> Outcome {
    match step {
        Step::SignIn(surface, right) => {
            let password = if right { account.password().to_owned() } else { account.wrong_password() };
            let tokens = sign_in(case, surface, &account.email, &password);
            prop_assert_eq!(tokens.is_some(), right && !account.suspended, "sign-in on {:?}", surface);
            if let Some(Tokens { access, refresh }) = tokens {
                account.sessions.push(Session { surface, access, refresh, used: Vec::new(), live: true });
            }
        }
        Step::Refresh(choice) => exchange(case, account, choice)?,
        Step::RefreshUsed(choice) => {
            let Some(number) = choose(account, choice, |session| !session.used.is_empty()) else {
                return Ok(());
            };
            let session = &account.sessions[number];
            let (_, used) = session.used.last().expect("chosen for it");
            prop_assert_eq!(refresh(case, session.surface, used), None);
        }
        Step::SignOut(choice) => sign_out(case, account, choice)?,
        Step::SignOutAll(choice) => {
            let Some(number) = choose(account, choice, |session| session.surface == Surface::Ouser) else {
                return Ok(());
            };
            let session = &account.sessions[number];
            let works = account.works(session);
            let answer = case.post("/logout", json!({ "session_token": session.access, "all": true }));
            prop_assert_eq!(answer.status, if works { 204 } else { 410 });
            if works {
                account.end_all_but(None);
            }
        }
        Step::ChangePassword(choice, right) => change(case, account, choice, right)?,
        Step::Reset(surface) if !account.suspended => {
            let fresh = password();
            reset(case, surface, &account.email, &fresh);
            account.passwords.push(fresh);
            account.end_all_but(None);
        }
        // What a reset does to a suspended account is no matter of parity.
        Step::Reset(_) => {}
        Step::Suspend if !account.suspended => {
            operate(case, "suspend", &account.email);
            account.suspended = true;
            account.end_all_but(None);
        }
        Step::Restore if account.suspended => {
            operate(case, "restore", &account.email);
            account.suspended = false;
        }
        Step::Suspend | Step::Restore => {}
    }
    Ok(())
}

fn exchange(case: &Case, account: &mut Account, choice: usize) -> Outcome {
    let Some(number) = choose(account, choice, |session| session.refresh.is_some()) else { return Ok(()) };
    let works = account.works(&account.sessions[number]);
    let session = &mut account.sessions[number];
    let old = session.refresh.clone().expect("chosen for it");
    let tokens = refresh(case, session.surface, &old);
    prop_assert_eq!(tokens.is_some(), works, "refresh on {:?}", session.surface);
    if let Some(Tokens { access, refresh }) = tokens {
        prop_assert_ne!(refresh.as_ref(), Some(&old));
        session.used.push((std::mem::replace(&mut session.access, access), old));
        session.refresh = refresh;
    }
    Ok(())
}

fn sign_out(case: &Case, account: &mut Account, choice: usize) -> Outcome {
    let ends = |session: &Session| matches!(session.surface, Surface::Ouser | Surface::AuthV1);
    let Some(number) = choose(account, choice, ends) else { return Ok(()) };
    let session = &account.sessions[number];
    let works = account.works(session);
    match session.surface {
        Surface::Ouser => {
            prop_assert_eq!(ouser::logout(case, &session.access).status, if works { 204 } else { 410 });
        }
        _ => prop_assert_eq!(authv1::logoff(case, &session.access).status, 200),
    }
    account.sessions[number].live = false;
    Ok(())
}

fn change(case: &Case, account: &mut Account, choice: usize, right: bool) -> Outcome {
    let Some(number) = choose(account, choice, |session| session.surface == Surface::Ouser) else {
        return Ok(());
    };
    let session = &account.sessions[number];
    let works = account.works(session);
    let current = if right { account.password().to_owned() } else { account.wrong_password() };
    let fresh = password();
    let answer = ouser::change(case, &session.access, &current, &fresh);
    let expected = match (works, right) {
        (false, _) => 410,
        (true, false) => 403,
        (true, true) => 204,
    };
    prop_assert_eq!(answer.status, expected);
    if works && right {
        account.passwords.push(fresh);
        account.end_all_but(Some(number));
    }
    Ok(())
}

/// One of the sessions that fit.
fn choose(account: &Account, choice: usize, fits: impl Fn(&Session) -> bool) -> Option<usize> {
    let fitting: Vec<_> = account.sessions.iter().enumerate().filter(|(_, session)| fits(session)).collect();
    (!fitting.is_empty()).then(|| fitting[choice % fitting.len()].0)
}

/// Every token of the account works or not, as the model says.
fn agree(case: &Case, account: &Account) -> Outcome {
    for (number, session) in account.sessions.iter().enumerate() {
        let live = is_live(case, &session.access);
        prop_assert_eq!(live, account.works(session), "session {} of {:?}", number, session.surface);
        for (used, _) in &session.used {
            prop_assert!(!is_live(case, used), "a used token of {:?}", session.surface);
        }
    }
    Ok(())
}

/// Every surface takes the current password, if any, and no older one.
fn passwords_agree(case: &Case, account: &mut Account) -> Outcome {
    for surface in Surface::ALL {
        for (number, password) in account.passwords.iter().enumerate() {
            let right = number + 1 == account.passwords.len() && !account.suspended;
            let tokens = sign_in(case, surface, &account.email, password);
            prop_assert_eq!(tokens.is_some(), right, "password {} on {:?}", number, surface);
        }
    }
    Ok(())
}
