//! Bodies.

use std::time::{Duration, Instant};

use countersign_testkit::http::Request;
use serde_json::{Value, json};

use super::refused_in_its_own_form;
use crate::case::{Case, on_both_engines, password};
use crate::cross::posts;
use crate::{authv1, ouser, rest};

on_both_engines! {
    broken_bodies_are_refused_in_the_form_of_the_surface
    duplicate_keys_are_refused
    deeply_nested_json_is_refused
    broken_forms_are_refused
    sizes_are_bounded_to_the_byte
    long_values_are_refused
    a_huge_password_costs_nothing
    names_with_invisible_characters_are_refused
    values_come_back_as_they_were_sent
}

fn broken_bodies_are_refused_in_the_form_of_the_surface(case: &Case) {
    for (path, _) in posts(case) {
        let http = case.server().client();
        // 004's layer needs a token first, and 401 is its answer to anything without one.
        for body in ["{", "[1, 2]", "\"text\"", "{\"a\" 1}", "{\"\\ud800\": 1}", "nonsense"] {
            let response = http.post(path).body("application/json", body).send();
            refused_in_its_own_form(path, &response);
        }
        for kind in ["text/xml", "image/png", "nonsense", "application/json; charset=utf-16"] {
            let response = http.post(path).body(kind, "{}").send();
            refused_in_its_own_form(path, &response);
        }
    }
}

/// Two values for one key leave open which one was checked and which one is used (R039, R107).
fn duplicate_keys_are_refused(case: &Case) {
    let member = ouser::register(case);
    let (email, right) = (&member.email, &member.password);
    let json_login = |body: String| case.http().post("/login").body("application/json", body).send();
    let twice = format!(
        r#"{{"identifier":"{email}","identifier":"{email}","identifier_type":"email","password":"{right}"}}"#
    );
    json_login(twice).expect(400);
    let form = [
        ("identifier", email.as_str()),
        ("identifier_type", "email"),
        ("password", right),
        ("password", "x"),
    ];
    case.http().post("/login").form(&form).send().expect(400);
    case.http().post("/login").query(&form).send().expect(400);
    for (path, good) in posts(case) {
        let (key, value) = good.as_object().and_then(|body| body.iter().next()).expect("a field");
        let inner = good.to_string();
        let body = format!("{{\"{key}\":{value},{}", &inner[1..]);
        let response = case.server().client().post(path).body("application/json", body).send();
        refused_in_its_own_form(path, &response);
    }
}

fn deeply_nested_json_is_refused(case: &Case) {
    for (path, good) in posts(case) {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{}0{}", open.repeat(1000), close.repeat(1000));
            let inner = good.to_string();
            let body = format!("{{\"extra\":{deep},{}", &inner[1..]);
            let response = case.server().client().post(path).body("application/json", body).send();
            refused_in_its_own_form(path, &response);
        }
    }
}

fn broken_forms_are_refused(case: &Case) {
    let many: String = (0..5000).map(|number| format!("k{number}=v&")).collect();
    for (path, _) in posts(case) {
        let http = case.server().client();
        for body in ["identifier=%", "identifier=%zz", "password=%ff%fe", "a=%00", "=", "&&&", many.as_str()]
        {
            let response = http.post(path).body("application/x-www-form-urlencoded", body).send();
            refused_in_its_own_form(path, &response);
        }
        for kind in
            ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=b"]
        {
            for body in ["", "--b", "--b\r\n\r\n", "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--"]
            {
                let response = http.post(path).body(kind, body).send();
                refused_in_its_own_form(path, &response);
            }
        }
    }
}

/// Each bound has a last value that is taken and a first one that is not (R119).
fn sizes_are_bounded_to_the_byte(case: &Case) {
    let http = case.http();
    let head = |request: Request| request.send().status;
    let url = |bytes: usize| head(http.get(&format!("/health/live?{}", "a".repeat(bytes - 13))));
    assert_eq!((url(8192), url(8193)), (200, 414));
    let headers = |bytes: usize| {
        // The others are Host and Connection.
        let others = "host".len() + http.server().to_string().len() + "connectionclose".len() + "x-a".len();
        head(http.get("/health/live").header("x-a", &"a".repeat(bytes - others)))
    };
    assert_eq!((headers(16_384), headers(16_385)), (200, 431));
    let send = |kind: &str, body: &str| http.post("/send").body(kind, body).send().status;
    let begun = || format!("{{\"identifier\":\"{}\",\"identifier_type\":\"email\"", case.email());
    let padded = |bytes: usize| {
        let begun = begun();
        format!("{begun}{}}}", " ".repeat(bytes - begun.len() - 1))
    };
    let json = |body: &str| send("application/json", body);
    assert_eq!((json(&padded(65_536)), json(&padded(65_537))), (202, 413));
    let nested =
        |depth: usize| format!("{},\"a\":{}{}}}", begun(), "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert_eq!((json(&nested(32)), json(&nested(33))), (202, 400));
    let fields = |count: usize| {
        let more: String = (2..count).map(|number| format!("&k{number}=v")).collect();
        format!("identifier={}&identifier_type=email{more}", case.email())
    };
    let form = |body: &str| send("application/x-www-form-urlencoded", body);
    assert_eq!((form(&fields(100)), form(&fields(101))), (202, 400));
}

/// Sixty thousand bytes fit into a body and into no field.
fn long_values_are_refused(case: &Case) {
    for (path, good) in posts(case) {
        let http = case.server().client();
        for (key, _) in good.as_object().expect("an object") {
            // Codes, tokens, nonces and dates of any length are just wrong or ignored.
            for long in
                ["x".repeat(60_000), format!("{}@example.com", "x".repeat(50_000)), "ü".repeat(20_000)]
            {
                let mut body = good.clone();
                body[key] = json!(long);
                let response = http.post_json(path, &body);
                let ignored = key == "oauth_timestamp" || (path.ends_with("logoff") && key == "oauth_token");
                if !(ignored && response.status == 200) {
                    refused_in_its_own_form(path, &response);
                }
            }
        }
    }
    let reply = case.line().ask(&format!("login u:{} p:{}", "x".repeat(3000), "y".repeat(4000)));
    assert_eq!(reply, "nop credentials");
}

/// A password beyond the bound is refused before it is hashed (R002).
fn a_huge_password_costs_nothing(case: &Case) {
    let huge = "x".repeat(60_000);
    let email = case.email();
    let started = Instant::now();
    let http = case.http();
    let calls = [
        ("/v1/requests/accounts", json!({ "email": email, "password": huge })),
        ("/auth/register/", rest::registration(&email, &huge)),
        ("/auth/v1/registermember", json!({ "email": email, "username": case.username(), "password": huge })),
        ("/auth/login/", json!({ "username": email, "password": huge })),
        ("/v1/tokens/", json!({ "email": email, "password": huge })),
        ("/login", json!({ "identifier": email, "identifier_type": "email", "password": huge })),
    ];
    for (path, body) in calls {
        refused_in_its_own_form(path, &http.post_json(path, &body));
    }
    let megabyte = json!({ "email": email, "password": "x".repeat(1 << 20) }).to_string();
    let status = http.post("/v1/tokens/").body("application/json", megabyte).try_send();
    assert!(status.is_none_or(|response| response.status == 413));
    // Generous: the machine may be busy. Hashing as many megabytes with Argon2id takes longer than that in no case,
    // so this is only about answers that hang.
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

/// Control, bidirectional and zero-width characters would make two names look alike (R133).
fn names_with_invisible_characters_are_refused(case: &Case) {
    for hidden in ["\0", "\u{7}", "\n", "\r\n", "\u{200b}", "\u{202e}", "\u{feff}", "\u{2066}"] {
        let email = case.email().replacen('-', hidden, 1);
        let name = format!("na{hidden}me{}", crate::case::unique());
        let fresh = password();
        let ouser = json!({ "identifier": email, "identifier_type": "email" });
        assert_eq!(case.post("/send", ouser).status, 400, "{email:?}");
        let authd = json!({ "email": email, "password": fresh });
        assert_eq!(case.post("/v1/requests/accounts", authd).status, 400, "{email:?}");
        assert_eq!(case.post("/auth/register/", rest::registration(&email, &fresh)).status, 400, "{email:?}");
        let member = json!({ "email": case.email(), "username": name, "password": fresh });
        assert_eq!(case.post("/auth/v1/registermember", member).status, 400, "{name:?}");
    }
}

/// What is data stays data: markup, quotes, SQL and line ends in names and passwords.
fn values_come_back_as_they_were_sent(case: &Case) {
    for tricky in
        ["'; DROP TABLE accounts; --", "<script>alert(1)</script>", "{{7*7}}", "a\\b\"c", "%00%0d%0a", "%s%n"]
    {
        let user = rest::User::new(case);
        let names = json!({ "first_name": tricky, "last_name": tricky });
        let shown: Value = user.patch(case, &names).expect(200).json();
        assert_eq!((&shown["first_name"], &shown["last_name"]), (&json!(tricky), &json!(tricky)));
        let member = json!({ "email": case.email(), "username": case.username(), "password": format!("{tricky}-long") });
        case.post("/auth/v1/registermember", member.clone()).expect(200);
        let (name, right) = (member["username"].as_str(), member["password"].as_str());
        authv1::token_of(&authv1::request_token(case, name.unwrap_or_default(), right.unwrap_or_default()));
    }
}
