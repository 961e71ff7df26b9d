//! How long a session goes on.

use std::time::Duration;

use countersign_testkit::Server;

use super::{Surface, is_live, refresh, register, sign_in};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    no_refresh_takes_a_session_past_its_absolute_lifetime
    what_cannot_be_refreshed_lasts_as_long_as_its_token
}

const LIFETIMES: &str = "
[sessions]
ouser = \"1d\"
authd_access = \"1d\"
authd_refresh = \"1d\"
authv1 = \"1d\"
line = \"4d\"
rest = \"4d\"
absolute = \"2d\"
";

const HOUR: Duration = Duration::from_secs(3600);

fn clocked(case: &Case) -> Case {
    case.with_own(Server::builder().config(LIFETIMES).fake_clock())
}

/// Refreshed every 20 hours it is never idle for a day; two days after the sign-in it is over (R064).
fn no_refresh_takes_a_session_past_its_absolute_lifetime(case: &Case) {
    let mut case = clocked(case);
    for surface in [Surface::Ouser, Surface::Authd, Surface::AuthV1] {
        let person = register(&case, Surface::Rest);
        let mut tokens = sign_in(&case, surface, &person.email, &person.password).expect("signed in");
        for _ in 0..2 {
            case.server_mut().advance(HOUR * 20);
            let token = tokens.refresh.expect("a refresh token");
            tokens = refresh(&case, surface, &token).expect("refreshed");
        }
        case.server_mut().advance(HOUR * 7);
        assert!(is_live(&case, &tokens.access), "{surface:?}: over after 47 hours");
        case.server_mut().advance(HOUR * 2);
        assert!(!is_live(&case, &tokens.access), "{surface:?}: goes on after 49 hours");
        let token = tokens.refresh.expect("a refresh token");
        assert_eq!(refresh(&case, surface, &token), None, "{surface:?}");
        let again = sign_in(&case, surface, &person.email, &person.password).expect("signed in");
        assert!(is_live(&case, &again.access), "{surface:?}: another sign-in is another session");
    }
}

/// 002 and 004 have no refresh: the lifetime of the token is the whole of it.
fn what_cannot_be_refreshed_lasts_as_long_as_its_token(case: &Case) {
    let mut case = clocked(case);
    let person = register(&case, Surface::Rest);
    let tokens = [Surface::Line, Surface::Rest]
        .map(|surface| sign_in(&case, surface, &person.email, &person.password).expect("signed in"));
    case.server_mut().advance(HOUR * 24 * 3);
    assert!(tokens.iter().all(|tokens| is_live(&case, &tokens.access)));
    case.server_mut().advance(HOUR * 25);
    assert!(!tokens.iter().any(|tokens| is_live(&case, &tokens.access)));
}
