//! `passwordreset`.

use std::time::Duration;

use countersign_testkit::Response;
use serde_json::json;

use super::{Member, refresh, refused, request_token, token_of};
use crate::case::{Case, on_both_engines, password, visible};

on_both_engines! {
    seed_003_17
    seed_003_18
    seed_003_19
    seed_003_20
    the_link_sets_a_new_password_once
}

fn ask(case: &Case, email: &str) -> Response {
    case.post("/auth/v1/passwordreset", json!({ "email": email }))
}

#[track_caller]
fn over_the_limit(response: Response) -> u64 {
    let response = refused(response, 429);
    let wait = response.header("retry-after").expect("a time to come back").parse().expect("seconds");
    assert!((1..=86_400).contains(&wait), "{wait}");
    wait
}

/// A known address gets a message, and the caller a text that says so.
fn seed_003_17(case: &Case) {
    let member = Member::register(case);
    let response = ask(case, &member.email).expect(200);
    assert!(!response.string("message").is_empty());
    let mail = case.server().latest_to(&member.email);
    assert_eq!((mail.channel.as_str(), mail.template.as_str()), ("email", "password_reset"));
    assert!(mail.link_path().starts_with("/reset-password/"), "{mail:?}");
}

/// The address is required and must be one.
fn seed_003_18(case: &Case) {
    for body in [
        json!({}),
        json!({ "email": null }),
        json!({ "email": "" }),
        json!({ "email": 7 }),
        json!({ "email": ["a@example.com", "b@example.com"] }),
        json!({ "email": "nobody" }),
    ] {
        refused(case.post("/auth/v1/passwordreset", body), 400);
    }
}

/// Three times in any 24 hours for each address; the fourth is refused and sends nothing.
fn seed_003_19(case: &Case) {
    const HOUR: Duration = Duration::from_secs(3600);
    let mut case = case.with_clock();
    let (member, other) = (Member::register(&case), Member::register(&case));
    ask(&case, &member.email).expect(200);
    case.server_mut().advance(12 * HOUR);
    ask(&case, &member.email).expect(200);
    ask(&case, &member.email).expect(200);
    let wait = over_the_limit(ask(&case, &member.email));
    assert!((11 * 3600..=12 * 3600 + 60).contains(&wait), "{wait}");
    assert_eq!(case.server().await_messages(&member.email, 3).len(), 3);
    ask(&case, &other.email).expect(200);
    // The first is now more than 24 hours ago, the others are not.
    case.server_mut().advance(12 * HOUR + Duration::from_secs(5));
    ask(&case, &member.email).expect(200);
    over_the_limit(ask(&case, &member.email));
    assert_eq!(case.server().await_messages(&member.email, 4).len(), 4);
    case.server_mut().advance(25 * HOUR);
    ask(&case, &member.email).expect(200);
}

/// Spellings of one address share the count, a restart does not reset it, an unknown address is treated alike.
fn seed_003_20(case: &Case) {
    let mut case = case.with_config("");
    let member = Member::register(&case);
    let unknown = case.email();
    let spellings = |email: &str| [email.to_owned(), format!("  {email} "), email.to_uppercase()];
    for (known, unknown) in spellings(&member.email).iter().zip(&spellings(&unknown)) {
        assert_eq!(visible(&ask(&case, known).expect(200)), visible(&ask(&case, unknown).expect(200)));
        refused(ask(&case, "no address"), 400);
    }
    case.server_mut().restart();
    for spelling in spellings(&member.email).iter().chain(&spellings(&unknown)) {
        over_the_limit(ask(&case, spelling));
    }
    assert_eq!(case.server().messages_to(&member.email).len(), 3);
    assert!(case.server().messages_to(&unknown).is_empty());
}

/// The page of the link asks for a password; sending it sets the password, ends every token, and works once.
fn the_link_sets_a_new_password_once(case: &Case) {
    let member = Member::register(case);
    ask(case, &member.email).expect(200);
    let link = case.server().latest_to(&member.email).link_path();
    let page = case.get(&link).expect(200);
    assert!(page.text().contains("name=\"password\""), "{}", page.text());
    let fresh = password();
    let set = |value: &str| case.http().post(&link).form(&[("password", value)]).send();
    set("12345").expect(400);
    set(&fresh).expect(200);
    refused(member.request_token(case), 401);
    refused(refresh(case, &member.token), 401);
    token_of(&request_token(case, &member.username, &fresh));
    let again = set(&password());
    assert!((400..500).contains(&again.status), "{}", again.status);
    token_of(&request_token(case, &member.username, &fresh));
}
