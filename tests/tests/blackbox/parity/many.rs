//! How many sessions an account has on each surface (R072).

use super::{Person, Surface, is_live, register, sign_in};
use crate::case::{Case, at_once, on_both_engines};

on_both_engines! {
    the_oldest_session_of_a_surface_gives_way
    sign_ins_at_once_leave_no_more_sessions_than_the_limit_after_the_next
}

const LIMITS: &str = "
[limits]
sessions_per_account = 3
sign_in_per_account_burst = 1000
";

fn start(case: &Case, surface: Surface, person: &Person) -> String {
    sign_in(case, surface, &person.email, &person.password).expect("signed in").access
}

fn live(case: &Case, tokens: &[String]) -> Vec<bool> {
    tokens.iter().map(|token| is_live(case, token)).collect()
}

fn the_oldest_session_of_a_surface_gives_way(case: &Case) {
    let case = &case.with_config(LIMITS);
    let (person, other) = (register(case, Surface::Line), register(case, Surface::Line));
    let kept = start(case, Surface::Rest, &other);
    let three = Surface::ALL.map(|surface| [(); 3].map(|()| start(case, surface, &person)));
    for tokens in &three {
        assert_eq!(live(case, tokens), [true; 3], "surfaces are counted apart");
    }
    for (surface, tokens) in Surface::ALL.into_iter().zip(&three) {
        let newest = [(); 2].map(|()| start(case, surface, &person));
        assert_eq!(live(case, tokens), [false, false, true], "{surface:?}");
        assert_eq!(live(case, &newest), [true; 2], "{surface:?}");
    }
    assert!(is_live(case, &kept), "another account's");
}

/// They do not see each other where transactions run side by side; the next one does.
fn sign_ins_at_once_leave_no_more_sessions_than_the_limit_after_the_next(case: &Case) {
    let case = &case.with_config(LIMITS);
    let person = register(case, Surface::Rest);
    let many = at_once(16, |_| start(case, Surface::Ouser, &person));
    let last = start(case, Surface::Ouser, &person);
    assert_eq!(live(case, &many).into_iter().filter(|live| *live).count(), 2);
    assert!(is_live(case, &last));
}
