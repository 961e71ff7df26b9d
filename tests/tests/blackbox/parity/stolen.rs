//! A token that was exchanged comes back: somebody else has it (R071).

use std::time::Duration;

use super::{Surface, is_live, refresh, register, sign_in};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    a_used_token_that_comes_back_late_ends_its_session
    a_used_token_that_comes_back_at_once_is_only_refused
}

const REFRESHING: [Surface; 3] = [Surface::Ouser, Surface::Authd, Surface::AuthV1];

fn a_used_token_that_comes_back_late_ends_its_session(case: &Case) {
    let mut case = case.with_clock();
    for surface in REFRESHING {
        let person = register(&case, Surface::Rest);
        let first = sign_in(&case, surface, &person.email, &person.password).expect("signed in");
        let other = sign_in(&case, surface, &person.email, &person.password).expect("signed in");
        let old = first.refresh.expect("a refresh token");
        let newest = refresh(&case, surface, &old).expect("refreshed");
        case.server_mut().advance(Duration::from_secs(60));
        case.server_mut().restart();
        assert!(is_live(&case, &newest.access), "{surface:?}");
        assert_eq!(refresh(&case, surface, &old), None, "{surface:?}");
        assert!(!is_live(&case, &newest.access), "{surface:?}: the thief's session goes on");
        assert_eq!(refresh(&case, surface, &newest.refresh.expect("a refresh token")), None, "{surface:?}");
        assert!(is_live(&case, &other.access), "{surface:?}: another session is no part of it");
    }
}

/// A client that sends a request twice, since the first answer got lost, is no thief.
fn a_used_token_that_comes_back_at_once_is_only_refused(case: &Case) {
    let case = case.with_config("[sessions]\nreuse_grace = \"10m\"");
    for surface in REFRESHING {
        let person = register(&case, Surface::Rest);
        let first = sign_in(&case, surface, &person.email, &person.password).expect("signed in");
        let old = first.refresh.expect("a refresh token");
        let newest = refresh(&case, surface, &old).expect("refreshed");
        assert_eq!(refresh(&case, surface, &old), None, "{surface:?}");
        assert!(is_live(&case, &newest.access), "{surface:?}");
        assert!(refresh(&case, surface, &newest.refresh.expect("a refresh token")).is_some(), "{surface:?}");
    }
}
