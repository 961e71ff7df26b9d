//! What can be found out about others, and what is left of what is no longer needed.

use countersign_testkit::Response;
use serde_json::json;

use crate::case::{Case, on_both_engines, password, visible};
use crate::generous::generous;
use crate::parity::{Surface, is_live, operate, register, reset, sign_in};
use crate::{authd, authv1, line, ouser, rest};

on_both_engines! {
    nobody_learns_why_a_sign_in_is_refused
    a_concealing_server_tells_owners_and_nobody_else
    whoever_proves_an_address_evicts_who_only_claimed_it
    a_code_for_a_stranger_tells_nothing
}

/// Unknown, suspended, closed, without a password, not yet confirmed, or just a wrong password: one answer (R023).
fn nobody_learns_why_a_sign_in_is_refused(case: &Case) {
    let known = register(case, Surface::Rest).email;
    let suspended = register(case, Surface::Rest);
    operate(case, "suspend", &suspended.email);
    let closed = register(case, Surface::Rest);
    operate(case, "close", &closed.email);
    let pending = case.email();
    authd::create(case, &pending, "Tr0mbone-pending").expect(201);
    let passwordless = case.email();
    let added = case.server().command(&["account", "add", "--email", &passwordless]);
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let tries = [
        (known, password()),
        (suspended.email, suspended.password),
        (closed.email, closed.password),
        (pending, "Tr0mbone-pending".to_owned()),
        (passwordless, password()),
        (case.email(), password()),
    ];
    let calls: [fn(&Case, &str, &str) -> Response; 4] =
        [ouser::login, authd::login, authv1::request_token, rest::login];
    for call in calls {
        let answers: Vec<_> = tries.iter().map(|(name, word)| visible(&call(case, name, word))).collect();
        assert!(
            (400..500).contains(&answers[0].0) && answers.iter().all(|answer| *answer == answers[0]),
            "{answers:?}"
        );
    }
    for (name, word) in &tries {
        assert_eq!(line::login(&mut case.line(), name, word), "nop credentials", "{name}");
    }
}

/// With `conceal_accounts` a registration that ends with proof by mail answers alike for taken and free addresses,
/// and writes to the owner of a taken one instead.
fn a_concealing_server_tells_owners_and_nobody_else(case: &Case) {
    let case = case.with_config("[privacy]\nconceal_accounts = true");
    let member = authd::register(&case);
    let (fresh, before) = (case.email(), case.server().messages_to(&member.email).len());
    let shown = |email: &str| {
        let response = authd::create(&case, email, "Tr0mbone-anybody").expect(201);
        let body = response.json();
        assert!(authd::is_uuid(&body["user"]["id"]), "{body}");
        assert_eq!((&body["user"]["email"], &body["user"]["active"]), (&json!(email), &json!(false)));
        let headers = visible(&response).1.into_iter().filter(|(name, _)| name != "content-length");
        headers.collect::<Vec<_>>()
    };
    assert_eq!(shown(&member.email), shown(&fresh));
    let message =
        case.server().await_messages(&member.email, before + 1).pop().expect("a message to the owner");
    assert_ne!(message.template, "confirm_account", "the owner is asked to confirm a stranger's password");
    authd::tokens(&case, &member);
    authd::login(&case, &member.email, "Tr0mbone-anybody").expect(401);
}

/// Somebody registers another's address without proving it. When the owner proves it, nothing is left of the claim
/// (acceptance decision 10).
fn whoever_proves_an_address_evicts_who_only_claimed_it(case: &Case) {
    let case = &generous(case);
    for claimed_on in [Surface::AuthV1, Surface::Rest] {
        for proven_on in [Surface::Ouser, Surface::Authd, Surface::AuthV1] {
            let thief = register(case, claimed_on);
            let held = sign_in(case, claimed_on, &thief.email, &thief.password).expect("signed in");
            let fresh = password();
            reset(case, proven_on, &thief.email, &fresh);
            assert!(!is_live(case, &held.access), "{claimed_on:?}, {proven_on:?}");
            for surface in Surface::ALL {
                assert_eq!(sign_in(case, surface, &thief.email, &thief.password), None, "{surface:?}");
                assert!(sign_in(case, surface, &thief.email, &fresh).is_some(), "{surface:?}");
            }
            if let Some(username) = &thief.username {
                assert_eq!(sign_in(case, Surface::AuthV1, username, &thief.password), None);
            }
        }
    }
}

/// Asking for codes and resets answers the same whether or not there is an account.
fn a_code_for_a_stranger_tells_nothing(case: &Case) {
    let (known, unknown) = (register(case, Surface::Authd).email, case.email());
    for (path, field) in
        [("/send", "identifier"), ("/v1/requests/credentials/", "email"), ("/auth/v1/passwordreset", "email")]
    {
        let ask = |email: &String| case.post(path, json!({ field: email, "identifier_type": "email" }));
        let answers = [&known, &unknown].map(|email| visible(&ask(email)));
        assert!(answers[0].0 < 300 && answers[0] == answers[1], "{path}: {answers:?}");
    }
}
