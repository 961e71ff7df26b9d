//! A wall clock that jumps resurrects nothing (R156).

use std::time::Duration;

use crate::case::{Case, on_both_engines};
use crate::{authd, line, ouser, rest};

on_both_engines! {
    what_has_expired_stays_expired_when_the_clock_goes_back
    what_is_spent_stays_spent_when_the_clock_jumps
}

const HOUR: Duration = Duration::from_secs(3600);
const YEAR: Duration = Duration::from_secs(365 * 86_400);

fn what_has_expired_stays_expired_when_the_clock_goes_back(case: &Case) {
    let mut case = case.with_clock();
    let member = ouser::register(&case);
    let session = ouser::session(&case, &member);
    let code = ouser::code_for(&case, &member.email);
    let tokens = authd::tokens(&case, &authd::register(&case));
    let who = line::Registration::new(&case).registered(&case);
    let sms = who.code(case.server());
    case.server_mut().advance(YEAR);
    // Something happens in the future, so that the server has seen that time.
    ouser::session(&case, &member);
    ouser::login_by_code(&case, &member.email, &code).expect(401);
    assert_eq!(ouser::alive(&case, &session), None);
    assert!(!authd::is_accepted(&case, &tokens["access"]));
    for restart in [false, true] {
        if restart {
            case.server_mut().restart();
        } else {
            case.server_mut().retreat(YEAR);
        }
        assert_eq!(ouser::alive(&case, &session), None, "an expired session is back");
        ouser::login_by_code(&case, &member.email, &code).expect(401);
        assert!(!authd::is_accepted(&case, &tokens["access"]), "an expired token is back");
        let reply = case.line().ask(&format!("validatephone p:{} c:{sms}", who.phone));
        assert!(reply.starts_with("nop "), "an expired code is back");
        // And whoever signs in now is served.
        rest::User::new(&case).profile(&case);
        ouser::session(&case, &member);
    }
}

fn what_is_spent_stays_spent_when_the_clock_jumps(case: &Case) {
    let mut case = case.with_clock();
    let member = ouser::register(&case);
    let [ended, live] = [ouser::session(&case, &member), ouser::session(&case, &member)];
    let code = ouser::code_for(&case, &member.email);
    ouser::token(ouser::login_by_code(&case, &member.email, &code));
    ouser::logout(&case, &ended).expect(204);
    let mut live = live;
    for jump in [1_i8, -1, 1, -1] {
        let by = if jump > 0 { HOUR } else { 2 * HOUR };
        if jump > 0 {
            case.server_mut().advance(by);
        } else {
            case.server_mut().retreat(by);
        }
        case.get("/health/ready").expect(200);
        ouser::login_by_code(&case, &member.email, &code).expect(401);
        assert_eq!(ouser::alive(&case, &ended), None);
        live = ouser::alive(&case, &live).expect("an hour ends no session");
        let fresh = ouser::code_for(&case, &member.email);
        ouser::token(ouser::login_by_code(&case, &member.email, &fresh));
    }
}
