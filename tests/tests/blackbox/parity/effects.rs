//! What ends on one surface ends on all at once.

use super::{Person, Surface, Tokens, is_live, operate, refresh, register, reset, sign_in};
use crate::case::{Case, on_both_engines, password};
use crate::generous::generous;
use crate::{authv1, ouser};

on_both_engines! {
    a_session_ended_on_its_surface_is_ended_on_all
    a_logout_of_all_sessions_ends_those_of_every_surface
    a_changed_password_holds_on_every_surface
    a_reset_password_holds_on_every_surface
    a_suspended_account_is_out_everywhere_and_at_once
    a_closed_account_is_gone_everywhere
    a_new_address_is_the_name_on_every_surface
}

fn everywhere(case: &Case, person: &Person) -> Vec<(Surface, Tokens)> {
    let on =
        |surface| sign_in(case, surface, &person.email, &person.password).map(|tokens| (surface, tokens));
    let tokens: Vec<_> = Surface::ALL.into_iter().filter_map(on).collect();
    assert_eq!(tokens.len(), Surface::ALL.len(), "signed in on {tokens:?} only");
    tokens
}

/// None of the tokens opens or refreshes anything.
fn all_dead(case: &Case, tokens: &[(Surface, Tokens)]) {
    for (surface, tokens) in tokens {
        assert!(!is_live(case, &tokens.access), "the token of {surface:?} is live");
        if let Some(token) = &tokens.refresh {
            assert_eq!(refresh(case, *surface, token), None, "{surface:?}");
        }
    }
}

/// Every surface takes the one password and refuses the other.
fn password_is(case: &Case, email: &str, good: &str, bad: &str) {
    for surface in Surface::ALL {
        assert!(sign_in(case, surface, email, good).is_some(), "{surface:?} refuses the new password");
        assert_eq!(sign_in(case, surface, email, bad), None, "{surface:?} takes the old password");
    }
}

fn a_session_ended_on_its_surface_is_ended_on_all(case: &Case) {
    let person = register(case, Surface::Rest);
    let tokens = everywhere(case, &person);
    for (surface, tokens) in &tokens {
        match surface {
            Surface::Ouser => drop(ouser::logout(case, &tokens.access).expect(204)),
            Surface::AuthV1 => drop(authv1::logoff(case, &tokens.access).expect(200)),
            Surface::Authd | Surface::Line | Surface::Rest => continue,
        }
        assert!(!is_live(case, &tokens.access), "{surface:?}");
    }
    for (surface, tokens) in &tokens {
        let ended = matches!(surface, Surface::Ouser | Surface::AuthV1);
        assert_eq!(is_live(case, &tokens.access), !ended, "{surface:?}");
    }
}

fn a_logout_of_all_sessions_ends_those_of_every_surface(case: &Case) {
    let (person, other) = (register(case, Surface::Authd), register(case, Surface::Authd));
    let (tokens, others) = (everywhere(case, &person), everywhere(case, &other));
    let session = &tokens[0].1.access;
    case.post("/logout", serde_json::json!({ "session_token": session, "all": true })).expect(204);
    all_dead(case, &tokens);
    assert!(others.iter().all(|(_, tokens)| is_live(case, &tokens.access)));
    everywhere(case, &person);
}

fn a_changed_password_holds_on_every_surface(case: &Case) {
    let case = &generous(case);
    let person = register(case, Surface::Line);
    let tokens = everywhere(case, &person);
    let (own, others) = tokens.split_first().expect("five");
    let fresh = password();
    ouser::change(case, &own.1.access, &person.password, &fresh).expect(204);
    assert!(is_live(case, &own.1.access), "the session that changed it goes on");
    all_dead(case, others);
    password_is(case, &person.email, &fresh, &person.password);
}

fn a_reset_password_holds_on_every_surface(case: &Case) {
    let case = &generous(case);
    for surface in [Surface::Ouser, Surface::Authd, Surface::AuthV1] {
        let person = register(case, Surface::AuthV1);
        let tokens = everywhere(case, &person);
        let fresh = password();
        reset(case, surface, &person.email, &fresh);
        all_dead(case, &tokens);
        password_is(case, &person.email, &fresh, &person.password);
    }
}

fn a_suspended_account_is_out_everywhere_and_at_once(case: &Case) {
    let case = &generous(case);
    let person = register(case, Surface::Ouser);
    let tokens = everywhere(case, &person);
    operate(case, "suspend", &person.email);
    all_dead(case, &tokens);
    for surface in Surface::ALL {
        assert_eq!(sign_in(case, surface, &person.email, &person.password), None, "{surface:?}");
    }
    let code = ouser::code_for(case, &person.email);
    ouser::login_by_code(case, &person.email, &code).expect(401);
    operate(case, "restore", &person.email);
    everywhere(case, &person);
}

fn a_closed_account_is_gone_everywhere(case: &Case) {
    let case = &generous(case);
    let person = register(case, Surface::AuthV1);
    let tokens = everywhere(case, &person);
    operate(case, "close", &person.email);
    all_dead(case, &tokens);
    for surface in Surface::ALL {
        assert_eq!(sign_in(case, surface, &person.email, &person.password), None, "{surface:?}");
    }
}

fn a_new_address_is_the_name_on_every_surface(case: &Case) {
    let case = &generous(case);
    let person = register(case, Surface::Rest);
    let tokens = everywhere(case, &person);
    let fresh = case.email();
    let (_, line) = tokens.iter().find(|(surface, _)| *surface == Surface::Line).expect("five");
    // With the token of another surface, since it is as good as 004's own.
    let request = crate::rest::authorized(case, "PATCH", "/auth/profile/", &format!("Token {}", line.access));
    request.json(&serde_json::json!({ "email": fresh })).send().expect(200);
    for surface in Surface::ALL {
        assert_eq!(sign_in(case, surface, &person.email, &person.password), None, "{surface:?}");
    }
    everywhere(case, &Person { email: fresh, ..person });
    assert!(tokens.iter().all(|(_, tokens)| is_live(case, &tokens.access)));
}
