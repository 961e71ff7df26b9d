//! Every way to make an account against every way to sign in.

use super::{Person, Surface, is_live, refresh, register, sign_in};
use crate::case::{Case, on_both_engines, password};
use crate::generous::generous;

on_both_engines! {
    an_account_of_any_surface_signs_in_on_every_other
    a_token_is_refreshed_and_ended_by_its_own_surface_only
    names_taken_on_one_surface_are_taken_on_all
}

/// The names that somebody can sign in with there.
fn names(surface: Surface, person: &Person) -> Vec<&str> {
    let email = std::iter::once(person.email.as_str());
    match surface {
        Surface::Ouser | Surface::Authd | Surface::Rest => email.collect(),
        Surface::Line | Surface::AuthV1 => email.chain(person.username.as_deref()).collect(),
    }
}

fn an_account_of_any_surface_signs_in_on_every_other(case: &Case) {
    let case = &generous(case);
    for made in Surface::ALL {
        let person = register(case, made);
        for surface in Surface::ALL {
            for name in names(surface, &person) {
                let tokens = sign_in(case, surface, name, &person.password);
                let tokens =
                    tokens.unwrap_or_else(|| panic!("made on {made:?}, refused on {surface:?}: {name}"));
                assert!(is_live(case, &tokens.access), "made on {made:?}, signed in on {surface:?}");
                assert_eq!(sign_in(case, surface, name, &password()), None, "{made:?}, {surface:?}");
            }
        }
    }
}

fn a_token_is_refreshed_and_ended_by_its_own_surface_only(case: &Case) {
    let person = register(case, Surface::Ouser);
    let can_refresh = [Surface::Ouser, Surface::Authd, Surface::AuthV1];
    for issuer in Surface::ALL {
        let tokens = sign_in(case, issuer, &person.email, &person.password).expect("signed in");
        for other in can_refresh.into_iter().filter(|other| *other != issuer) {
            for token in std::iter::once(&tokens.access).chain(&tokens.refresh) {
                assert_eq!(refresh(case, other, token), None, "{issuer:?} token at {other:?}");
            }
        }
        if issuer != Surface::AuthV1 {
            crate::authv1::logoff(case, &tokens.access).expect(200);
        }
        assert!(is_live(case, &tokens.access), "{issuer:?}");
    }
    // The refresh token of 001 opens nothing by itself.
    let tokens = sign_in(case, Surface::Authd, &person.email, &person.password).expect("signed in");
    assert!(!is_live(case, &tokens.refresh.expect("a refresh token")));
}

fn names_taken_on_one_surface_are_taken_on_all(case: &Case) {
    for made in Surface::ALL {
        let person = register(case, made);
        let (email, fresh) = (person.email.to_uppercase(), password());
        let member = |username: &str, email: &str| {
            let body = serde_json::json!({ "username": username, "email": email, "password": fresh });
            case.post("/auth/v1/registermember", body).status
        };
        assert_eq!(member(&case.username(), &email), 409, "{made:?}");
        assert_eq!(
            case.post("/auth/register/", crate::rest::registration(&email, &fresh)).status,
            400,
            "{made:?}"
        );
        if matches!(made, Surface::Ouser | Surface::Authd | Surface::Line) {
            assert_eq!(crate::authd::create(case, &email, &fresh).status, 400, "{made:?}");
        }
        let code = crate::ouser::code_for(case, &person.email);
        assert_eq!(crate::ouser::redeem(case, &code, &fresh).status, 409, "{made:?}");
        if let Some(username) = &person.username {
            assert_eq!(member(&username.to_uppercase(), &case.email()), 409, "{made:?}");
            let again = crate::line::Registration {
                username: username.clone(),
                ..crate::line::Registration::new(case)
            };
            assert_eq!(case.line().ask(&again.request()), "nop usernametaken", "{made:?}");
        }
        assert!(sign_in(case, Surface::Rest, &person.email, &person.password).is_some(), "{made:?}");
    }
}
