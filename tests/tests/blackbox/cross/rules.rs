//! Rules for passwords and addresses, the single use of codes and links, and what a stranger can tell.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{obtain_token, register_member, register_user, request_token};
use crate::authd;
use crate::case::{Case, on_both_engines, password, visible};
use crate::ouser;

on_both_engines! {
    seed_x_03
    seed_x_04
    seed_x_05
    seed_x_06
    seed_x_13
}

/// Registers on each surface with a password of this kind; the statuses of 000, 001, 003, 004 and the reply of 002.
pub fn register_everywhere(case: &Case, password: &str) -> (u16, u16, u16, u16, String) {
    let code = ouser::code_for(case, &case.email());
    let line = format!("register u:{} p:{password} n:{}", case.username(), case.phone());
    (
        ouser::redeem(case, &code, password).status,
        authd::create(case, &case.email(), password).status,
        register_member(case, &case.username(), &case.email(), password).status,
        register_user(case, &case.email(), password).status,
        case.line().ask(&line),
    )
}

/// Each document has its own shortest password; the operator can raise it for all at once.
fn seed_x_03(case: &Case) {
    let by_default = |password| {
        let (ouser, authd, authv1, rest, line) = register_everywhere(case, password);
        (ouser == 201, authd == 201, authv1 == 200, rest == 201, line == "ok")
    };
    assert_eq!(by_default("zq7vw"), (false, false, false, false, false));
    assert_eq!(by_default("123456"), (false, true, true, false, false));
    assert_eq!(by_default("zq7vwk4"), (false, true, true, false, false));
    assert_eq!(by_default("zq7vwk4m"), (true, true, true, true, false));
    assert_eq!(by_default("zq7vwk4mtr"), (true, true, true, true, true));
    assert_eq!(register_everywhere(case, "zq7vwk4mt").4, "nop baddata");
    assert_eq!(register_everywhere(case, &"zq7vwk4mtr".repeat(7)).4, "nop baddata");
    let strict = case.with_config("[password]\nmin_length = 12\nreject_common = \"always\"");
    let refused = (400, 400, 400, 400, "nop baddata".to_owned());
    assert_eq!(register_everywhere(&strict, "zq7vwk4mtrx"), refused);
    assert_eq!(register_everywhere(&strict, "zq7vwk4mtrxy"), (201, 201, 200, 201, "ok".to_owned()));
    assert_eq!(register_everywhere(&strict, "password1234"), refused);
}

/// Passwords are taken as they are: not trimmed, not case-folded, whole. Unicode spellings of one text are one.
fn seed_x_04(case: &Case) {
    let register = |password: &str| {
        let email = case.email();
        ouser::redeem(case, &ouser::code_for(case, &email), password).expect(201);
        email
    };
    let email = register("  Crème Brûlée  ");
    for wrong in ["Crème Brûlée", " Crème Brûlée ", "  crème brûlée  ", "  Crème Brûlée", "  Creme Brulee  "]
    {
        assert_eq!(ouser::login(case, &email, wrong).status, 401, "{wrong:?}");
    }
    ouser::login(case, &email, "  Crème Brûlée  ").expect(200);
    ouser::login(case, &email, "  Cre\u{300}me Bru\u{302}le\u{301}e  ").expect(200);
    authd::login(case, &email, "  Crème Brûlée  ").expect(200);
    // bcrypt, for one, would look at the first 72 bytes only.
    let long = "x7".repeat(60);
    let email = register(&long);
    ouser::login(case, &email, &format!("{}y", &long[..119])).expect(401);
    ouser::login(case, &email, &long[..72]).expect(401);
    ouser::login(case, &email, &long).expect(200);
}

/// Addresses: bounded, looked up and unique without regard to case, echoed as given.
fn seed_x_05(case: &Case) {
    let (mixed, password) = (case.email().replace("user", "MixedUser"), password());
    let lower = mixed.to_lowercase();
    let echoed = authd::create(case, &mixed, &password).expect(201).json();
    assert_eq!(echoed["user"]["email"], mixed);
    authd::confirm(case, &authd::confirmation_id(case, &mixed)).expect(200);
    for spelling in [&mixed, &lower, &mixed.to_uppercase()] {
        authd::login(case, spelling, &password).expect(200);
        ouser::login(case, spelling, &password).expect(200);
        let token = obtain_token(case, spelling, &password).expect(200).string("token");
        assert_eq!(super::profile(case, &token).json()["email"], mixed);
        authd::create(case, spelling, &password).expect(400);
        register_user(case, spelling, &password).expect(400);
        register_member(case, &case.username(), spelling, &password).expect(409);
    }
    let long = format!("{}@{}.example.com", "a".repeat(60), "b".repeat(60).as_str().repeat(4));
    assert!(long.len() > 255);
    for bad in [
        long.as_str(),
        "a",
        "a@",
        "@b",
        "a@b@c",
        "a b@example.com",
        "a@exa mple.com",
        "a@example..com",
        "\u{0}@example.com",
    ] {
        assert_eq!(authd::create(case, bad, &password).status, 400, "001 {bad:?}");
        assert_eq!(register_user(case, bad, &password).status, 400, "004 {bad:?}");
        assert_eq!(register_member(case, &case.username(), bad, &password).status, 400, "003 {bad:?}");
        let body = json!({"identifier": bad, "identifier_type": "email"});
        assert_eq!(case.post("/send", body).status, 400, "000 {bad:?}");
    }
}

/// An unknown user and a wrong password cannot be told apart on any surface: not by the answer, not by its time.
fn seed_x_06(case: &Case) {
    let (username, email, right) = (case.username(), case.email(), password());
    register_member(case, &username, &email, &right).expect(200);
    let (nobody, nowhere) = (case.username(), case.email());
    let known = ouser::register(case).email;
    let pairs = [
        (ouser::login(case, &known, "wrong-password"), ouser::login(case, &nowhere, "wrong-password")),
        (authd::login(case, &known, "wrong-password"), authd::login(case, &nowhere, "wrong-password")),
        (request_token(case, &username, "wrong-password"), request_token(case, &nobody, "wrong-password")),
        (obtain_token(case, &known, "wrong-password"), obtain_token(case, &nowhere, "wrong-password")),
    ];
    for (wrong, unknown) in pairs {
        assert!(matches!(wrong.status, 400 | 401), "{}", wrong.text());
        assert_eq!(visible(&wrong), visible(&unknown));
    }
    for user in [&username, &nobody, &nowhere] {
        assert_eq!(case.line().ask(&format!("login u:{user} p:wrong-password")), "nop credentials");
    }
    // The quickest of several in turns, and once more where others kept the machine busy: an answer without a hash would
    // be far quicker every time.
    let target = ouser::register(case).email;
    let timed = |who: &str| {
        let start = Instant::now();
        ouser::login(case, who, "wrong-password").expect(401);
        start.elapsed()
    };
    let alike = (0..10).any(|_| {
        let turns: Vec<_> = (0..5).map(|_| (timed(&target), timed(&case.email()))).collect();
        let (wrong, unknown): (Vec<_>, Vec<_>) = turns.into_iter().unzip();
        let quickest = |times: Vec<Duration>| times.into_iter().min().expect("some").as_secs_f64();
        (0.33..3.0).contains(&(quickest(unknown) / quickest(wrong)))
    });
    assert!(alike, "the time of an answer tells who has an account");
}

/// Codes and links work once, expire, and are not used up by a request that is refused for another reason.
fn seed_x_13(case: &Case) {
    let mut case = case.with_clock();
    // 000: a code survives 400 and 409.
    let member = ouser::register(&case);
    let code = ouser::code_for(&case, &member.email);
    ouser::redeem(&case, &code, "short").expect(400);
    ouser::redeem(&case, &code, &password()).expect(409);
    ouser::login_by_code(&case, &member.email, &code).expect(200);
    ouser::login_by_code(&case, &member.email, &code).expect(401);
    // 001: a link works once.
    let email = case.email();
    authd::create(&case, &email, &password()).expect(201);
    let id = authd::confirmation_id(&case, &email);
    authd::confirm(&case, &id).expect(200);
    authd::confirm(&case, &id).expect(404);
    let id = authd::reset_id(&case, &email);
    authd::reset(&case, &id, "short").expect(400);
    authd::reset(&case, &id, &password()).expect(204);
    authd::reset(&case, &id, &password()).expect(404);
    // 003: the page behind the link changes nothing when opened, survives a bad password, and works once.
    let path = link_of_reset(&case, &member.email);
    case.get(&path).expect(200);
    assert!((400..500).contains(&submit(&case, &path, "abc")));
    ouser::session(&case, &member);
    let new = password();
    assert!((200..400).contains(&submit(&case, &path, &new)));
    ouser::login(&case, &member.email, &new).expect(200);
    assert!((400..500).contains(&submit(&case, &path, &password())));
    ouser::login(&case, &member.email, &new).expect(200);
    // All of them expire.
    let (code, id) = (ouser::code_for(&case, &member.email), authd::reset_id(&case, &email));
    let path = link_of_reset(&case, &member.email);
    let pending = case.email();
    authd::create(&case, &pending, &password()).expect(201);
    case.server_mut().advance(Duration::from_secs(6 * 86_400));
    ouser::login_by_code(&case, &member.email, &code).expect(401);
    authd::reset(&case, &id, &password()).expect(404);
    assert!((400..500).contains(&submit(&case, &path, &password())));
    authd::confirm(&case, &authd::confirmation_id(&case, &pending)).expect(404);
}

/// Sends the form of a reset page.
fn submit(case: &Case, path: &str, new: &str) -> u16 {
    case.http().post(path).form(&[("password", new)]).send().status
}

fn link_of_reset(case: &Case, email: &str) -> String {
    case.post("/auth/v1/passwordreset", json!({"email": email})).expect(200);
    let messages = case.server().await_messages(email, 1);
    let message = messages.iter().rev().find(|message| message.template == "password_reset");
    message.expect("a message with a link").link_path()
}
