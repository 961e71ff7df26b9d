//! `POST /send`.

use serde_json::json;

use super::{code_for, code_of_type, login_by_code, redeem, register};
use crate::case::{Case, on_both_engines, password, visible};
use crate::oauth::provider::Provider;
use crate::privacy::Claimer;

on_both_engines! {
    seed_000_01
    seed_000_02
    seed_000_03
    seed_000_04
    seed_000_05
    seed_000_06
    seed_000_07
    seed_000_08
    seed_000_09
    seed_000_10
    seed_000_11
    a_code_goes_to_the_spelling_that_the_account_has
}

/// `/send` answers 202 and a message with a code goes out.
fn seed_000_01(case: &Case) {
    let email = case.email();
    let response = case.post("/send", json!({"identifier": email, "identifier_type": "email"})).expect(202);
    assert!(!response.text().contains("-"), "the code is in the message, not in the answer");
    let messages = case.server().await_messages(&email, 1);
    assert_eq!((messages.len(), messages[0].channel.as_str()), (1, "email"));
    let code = messages[0].code();
    let (left, right) = code.split_once('-').expect("two groups");
    let readable = |part: &str| {
        part.len() == 5 && part.bytes().all(|b| b"0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(&b))
    };
    assert!(readable(left) && readable(right), "ten Crockford base32 characters in two groups: {code}");
}

/// The document's e-mail address.
fn seed_000_02(case: &Case) {
    case.post("/send", json!({"identifier": "user@example.com", "identifier_type": "email"})).expect(202);
    assert_eq!(case.server().latest_to("user@example.com").channel, "email");
}

/// The document's phone number.
fn seed_000_03(case: &Case) {
    case.post("/send", json!({"identifier": "8885551212", "identifier_type": "sms"})).expect(202);
    assert_eq!(case.server().latest_to("8885551212").channel, "sms");
}

/// `message` may be left out, and each known one has its text.
fn seed_000_04(case: &Case) {
    let email = case.email();
    let body = json!({"identifier": email, "identifier_type": "email"});
    case.post("/send", body.clone()).expect(202);
    for message in ["register", "login", "reset_password"] {
        let mut with = body.clone();
        with["message"] = json!(message);
        case.post("/send", with).expect(202);
    }
    let messages = case.server().await_messages(&email, 4);
    let templates: Vec<_> = messages.iter().map(|message| message.template.as_str()).collect();
    assert_eq!(templates, ["verification_code", "register", "login", "reset_password"]);
}

/// Without `identifier`: 400.
fn seed_000_05(case: &Case) {
    case.post("/send", json!({"identifier_type": "email"})).expect(400);
    case.post("/send", json!({})).expect(400);
}

/// Without `identifier_type`: 400.
fn seed_000_06(case: &Case) {
    let email = case.email();
    case.post("/send", json!({"identifier": email})).expect(400);
    assert!(case.server().messages_to(&email).is_empty());
}

/// Wrong values of any kind: 400, and nothing goes out.
fn seed_000_07(case: &Case) {
    let (email, phone) = (case.email(), case.phone());
    let wrong = [
        json!({"identifier": "no-address", "identifier_type": "email"}),
        json!({"identifier": "two@at@example.com", "identifier_type": "email"}),
        json!({"identifier": "@example.com", "identifier_type": "email"}),
        json!({"identifier": format!("{}@example.com", "a".repeat(300)), "identifier_type": "email"}),
        json!({"identifier": "a b@example.com", "identifier_type": "email"}),
        json!({"identifier": "a@example.com\nBcc: b@example.com", "identifier_type": "email"}),
        json!({"identifier": "12", "identifier_type": "sms"}),
        json!({"identifier": "1234567890123456", "identifier_type": "sms"}),
        json!({"identifier": "888call555", "identifier_type": "sms"}),
        json!({"identifier": phone, "identifier_type": "email"}),
        json!({"identifier": email, "identifier_type": "sms"}),
        json!({"identifier": email, "identifier_type": "pigeon"}),
        json!({"identifier": email, "identifier_type": "EMAIL "}),
        json!({"identifier": "", "identifier_type": "email"}),
        json!({"identifier": email, "identifier_type": ""}),
        json!({"identifier": 8_885_551_212_u64, "identifier_type": "sms"}),
        json!({"identifier": null, "identifier_type": "email"}),
        json!({"identifier": [email], "identifier_type": "email"}),
        json!({"identifier": {"email": email}, "identifier_type": "email"}),
        json!({"identifier": email, "identifier_type": true}),
        json!({"identifier": email, "identifier_type": "email", "message": 7}),
    ];
    for body in wrong {
        assert_eq!(case.post("/send", body.clone()).status, 400, "{body}");
    }
    assert!(case.server().messages_to(&email).is_empty() && case.server().messages_to(&phone).is_empty());
}

/// An unknown message type: 404, also under its alias.
fn seed_000_08(case: &Case) {
    let email = case.email();
    for key in ["message", "message_type"] {
        let response =
            case.post("/send", json!({"identifier": email, "identifier_type": "email", key: "poem"}));
        assert_eq!(response.status, 404, "{key}");
    }
    let differing = json!({"identifier": email, "identifier_type": "email", "message": "login", "message_type": "register"});
    case.post("/send", differing).expect(400);
    assert!(case.server().messages_to(&email).is_empty());
    case.post("/send", json!({"identifier": email, "identifier_type": "email", "message_type": "login"}))
        .expect(202);
    assert_eq!(case.server().latest_to(&email).template, "login");
}

/// A wrong parameter beside an unknown message type: 400 comes first.
fn seed_000_09(case: &Case) {
    case.post("/send", json!({"identifier": "nobody", "identifier_type": "email", "message": "poem"}))
        .expect(400);
    case.post("/send", json!({"identifier_type": "email", "message": "poem"})).expect(400);
}

/// A registered and a free address are answered alike.
fn seed_000_10(case: &Case) {
    let member = register(case);
    let known =
        case.post("/send", json!({"identifier": member.email, "identifier_type": "email"})).expect(202);
    let free =
        case.post("/send", json!({"identifier": case.email(), "identifier_type": "email"})).expect(202);
    assert_eq!(visible(&known), visible(&free));
}

/// No authentication is asked for, at any time; credentials of other kinds do not disturb.
fn seed_000_11(case: &Case) {
    let email = case.email();
    let body = json!({"identifier": email, "identifier_type": "email"});
    for authorization in ["", "Bearer nonsense", "Token nonsense", "Basic eDp5"] {
        let mut request = case.http().post("/send").json(&body);
        if !authorization.is_empty() {
            request = request.header("Authorization", authorization);
        }
        assert_eq!(request.send().status, 202, "{authorization:?}");
    }
    let first = code_for(case, &email);
    assert_ne!(first, code_for(case, &email), "each message has a code of its own");
    assert!(!code_of_type(case, &case.phone(), "sms").is_empty());
}

/// Another spelling may be another's mailbox (R039).
fn a_code_goes_to_the_spelling_that_the_account_has(case: &Case) {
    let spelt = |email: &str| email.replace("user", "User");
    let (registered, phone, stranger) = (spelt(&case.email()), case.phone(), case.email());
    redeem(case, &code_for(case, &registered), &password()).expect(201);
    redeem(case, &code_of_type(case, &phone, "sms"), &password()).expect(201);
    let to = |identifier: &str, kind: &str, known: &str| {
        let before = case.server().messages_to(known).len();
        case.post("/send", json!({"identifier": identifier, "identifier_type": kind})).expect(202);
        let messages = case.server().await_messages(known, before + 1);
        (messages.last().and_then(|message| message.to.clone()), messages[before].code())
    };
    let (address, code) = to(&registered.to_uppercase(), "email", &registered);
    assert_eq!(address.as_deref(), Some(registered.as_str()));
    login_by_code(case, &registered.to_lowercase(), &code).expect(200);
    let (address, _) = to(&format!("{} {}", &phone[..3], &phone[3..]), "sms", &phone);
    assert_eq!(address.as_deref(), Some(phone.as_str()));
    // At the pages as well.
    let mut browser = Provider::new(case).browser();
    let before = case.server().messages_to(&registered).len();
    browser.open("/recover").submit(&[("identifier", &registered.to_uppercase())]);
    let messages = case.server().await_messages(&registered, before + 1);
    assert_eq!(messages.last().and_then(|message| message.to.as_deref()), Some(registered.as_str()));
    // Where no account has it, or only claims it, there is nothing but what was typed.
    for other in [stranger, Claimer::new(case).email] {
        let (address, _) = to(&spelt(&other), "email", &other);
        assert_eq!(address, Some(spelt(&other)));
    }
}
