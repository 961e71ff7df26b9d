//! `register`.

use super::{Registration, login};
use crate::away::Away;
use crate::case::{Case, on_both_engines, password};

on_both_engines! {
    seed_002_03
    seed_002_04
    seed_002_05
    seed_002_06
    seed_002_07
    seed_002_08
    seed_002_09
    seed_002_10
    seed_002_11
    seed_002_13
    many_pending_registrations_of_one_name
    an_invalid_email_is_a_syntax_error
    too_many_messages_are_unavailable
}

/// A registration with username, password and number answers `ok` and sends an SMS with a code.
fn seed_002_03(case: &Case) {
    let who = Registration::new(case).registered(case);
    let messages = case.server().await_messages(&who.phone, 1);
    assert_eq!((messages.len(), messages[0].channel.as_str()), (1, "sms"));
    assert!(messages[0].code().len() >= 6, "{:?}", messages[0]);
}

/// The e-mail address is optional: with one a verification mail goes out too, without one none.
fn seed_002_04(case: &Case) {
    let with = Registration::with_email(case).registered(case);
    let mails = case.server().await_messages(with.email.as_deref().unwrap_or_default(), 1);
    assert_eq!((mails.len(), mails[0].channel.as_str()), (1, "email"));
    assert!(mails[0].link_path().starts_with("/verify-email/"), "{:?}", mails[0]);
    assert_eq!(case.server().messages_to(&with.phone).len(), 1);
    let own = case.with_config("");
    Registration::new(&own).registered(&own);
    assert!(own.server().outbox().iter().all(|message| message.channel == "sms"));
}

/// Usernames have 3 to 32 characters; outside that, and with `@`, `:` or control characters: `invalidusername`.
fn seed_002_05(case: &Case) {
    let reply = |username: &str| {
        let who = Registration { username: username.to_owned(), ..Registration::new(case) };
        case.line().ask(&who.request())
    };
    for good in ["abc", &"n".repeat(32), "äöü", &"ü".repeat(32)] {
        assert_eq!(reply(good), "ok", "{good}");
    }
    for bad in ["ab", "äö", &"n".repeat(33), &"ü".repeat(33), "some@body", "a:b:c", "nul\0name", "bell\u{7}"]
    {
        assert_eq!(reply(bad), "nop invalidusername", "{bad:?}");
    }
}

/// Passwords have 10 to 64 characters; else `baddata`.
fn seed_002_06(case: &Case) {
    let reply = |password: String| {
        let who = Registration { password, ..Registration::new(case) };
        case.line().ask(&who.request())
    };
    let of_length = |length: usize| "kW7-ümQ2xz".chars().cycle().take(length).collect::<String>();
    for good in [10, 64] {
        assert_eq!(reply(of_length(good)), "ok", "{good} characters");
    }
    for bad in [1, 9, 65, 200] {
        assert_eq!(reply(of_length(bad)), "nop baddata", "{bad} characters");
    }
}

/// A phone number that is none: `baddata`.
fn seed_002_07(case: &Case) {
    for bad in ["123456", "1234567890123456", "number", "+", "88855512a2", "++88855512", "888_5551212"] {
        let who = Registration { phone: bad.to_owned(), ..Registration::new(case) };
        assert_eq!(case.line().ask(&who.request()), "nop baddata", "{bad}");
    }
}

/// The username of a validated account, in any case: `usernametaken`.
fn seed_002_08(case: &Case) {
    let first = Registration::new(case).validated(case);
    for name in [first.username.clone(), first.username.to_uppercase()] {
        let second = Registration { username: name, ..Registration::new(case) };
        assert_eq!(case.line().ask(&second.request()), "nop usernametaken");
    }
}

/// Missing options are listed in the document's order.
fn seed_002_09(case: &Case) {
    let mut line = case.line();
    let (u, p, n) = ("u:somebody", "p:long-enough-7", "n:8885551212");
    for (options, missing) in [
        (String::new(), "u,p,n"),
        (format!("{p} {n}"), "u"),
        (format!("{u} {n}"), "p"),
        (format!("{u} {p}"), "n"),
        (n.to_owned(), "u,p"),
        (p.to_owned(), "u,n"),
        (u.to_owned(), "p,n"),
        (format!("u: {p} {n}"), "u"),
        (format!("{u} p: n:"), "p,n"),
    ] {
        assert_eq!(line.ask(&format!("register {options}")), format!("nop syntax:{missing}"), "{options}");
    }
}

/// Without its store the service cannot register anybody: `unavailable`; with it, it can again.
fn seed_002_10(case: &Case) {
    let mut away = Away::start(case);
    let who = Registration::new(away.case());
    let mut line = away.case().line();
    away.take();
    assert_eq!(line.ask(&who.request()), "nop unavailable");
    away.give_back(|case| login(&mut case.line(), "nobody", "wrong-password") == "nop credentials");
    assert_eq!(line.ask(&who.request()), "ok");
}

/// The same registration may be sent again before validation; a new SMS goes out and its code works.
fn seed_002_11(case: &Case) {
    let who = Registration::new(case).registered(case).registered(case);
    let messages = case.server().await_messages(&who.phone, 2);
    assert_ne!(messages[0].code(), messages[1].code());
    let reply = case.line().ask(&format!("validatephone p:{} c:{}", who.phone, messages[1].code()));
    assert_eq!(reply, "ok");
    assert!(who.login(case).starts_with("ok "));
}

/// The number of a validated account registers no other one, however it is written.
fn seed_002_13(case: &Case) {
    let first = Registration::new(case).validated(case);
    let digits = &first.phone;
    let dashed = format!("({})-{}.{}", &digits[..3], &digits[3..6], &digits[6..]);
    for phone in [digits.clone(), dashed] {
        let second = Registration { phone, ..Registration::new(case) };
        assert_eq!(case.line().ask(&second.request()), "nop baddata", "{}", second.phone);
    }
}

/// Whoever proves a number first has the name; the others lapse.
fn many_pending_registrations_of_one_name(case: &Case) {
    let first = Registration::new(case).registered(case);
    let second =
        Registration { username: first.username.clone(), ..Registration::new(case) }.registered(case);
    let code = first.code(case.server());
    let reply =
        case.line().ask(&format!("validatephone p:{} c:{}", second.phone, second.code(case.server())));
    assert_eq!(reply, "ok");
    let late = case.line().ask(&format!("validatephone p:{} c:{code}", first.phone));
    assert!(late.starts_with("nop "), "{late}");
    assert!(second.login(case).starts_with("ok "));
    assert_eq!(first.login(case), "nop credentials");
}

fn an_invalid_email_is_a_syntax_error(case: &Case) {
    for bad in ["nobody", "a@b@example.com", "@example.com", "a@"] {
        let who = Registration { email: Some(bad.to_owned()), ..Registration::new(case) };
        assert_eq!(case.line().ask(&who.request()), "nop syntax:e", "{bad}");
    }
}

fn too_many_messages_are_unavailable(case: &Case) {
    let case =
        case.with_config("[limits]\nmessages_per_target_burst = 1\nmessages_per_target_interval = \"1h\"");
    let who = Registration::new(&case).registered(&case);
    let again =
        Registration { username: case.username(), password: password(), phone: who.phone, email: None };
    assert_eq!(case.line().ask(&again.request()), "nop unavailable");
    Registration::new(&case).registered(&case);
}
