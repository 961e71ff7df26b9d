//! Tokens: request, refresh, logoff, and what holds for all paths.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Member, logoff, refresh, refused, request_token, token_of};
use crate::case::{Case, on_both_engines, password, visible};

on_both_engines! {
    seed_003_01
    seed_003_02
    seed_003_03
    seed_003_04
    seed_003_05
    seed_003_06
    seed_003_07
    seed_003_08
    seed_003_09
    seed_003_14
    seed_003_15
    seed_003_16
    seed_003_21
    seed_003_22
    seed_003_23
}

/// A member's credentials get a token and its timestamp, both strings.
fn seed_003_01(case: &Case) {
    let member = Member::register(case);
    let response = member.request_token(case).expect(200);
    assert_eq!(response.header("content-type").map(|kind| kind.starts_with("application/json")), Some(true));
    let (token, _) = token_of(&response);
    assert_ne!(token, member.token);
    let fields: Vec<_> = response.json().as_object().expect("an object").keys().cloned().collect();
    assert_eq!(fields, ["oauth_timestamp", "oauth_token"]);
}

/// The timestamp is the time of issue, UTC, to the second.
fn seed_003_02(case: &Case) {
    let member = Member::register(case);
    let (_, stamp) = token_of(&member.request_token(case));
    let age = Timestamp::now().duration_since(stamp).as_secs();
    assert!((-1..=60).contains(&age), "issued {age} s ago");
}

/// Username and password are both required.
fn seed_003_03(case: &Case) {
    let member = Member::register(case);
    let (name, password) = (&member.username, &member.password);
    for body in [
        json!({ "username": name }),
        json!({ "password": password }),
        json!({}),
        json!({ "username": "", "password": password }),
        json!({ "username": name, "password": "" }),
        json!({ "username": name, "password": null }),
        json!({ "username": 7, "password": password }),
        json!({ "username": [name], "password": password }),
    ] {
        refused(case.post("/auth/v1/tokenrequest", body.clone()), 400);
    }
    for body in [json!([]), json!("text"), Value::Null] {
        refused(case.post("/auth/v1/tokenrequest", body), 400);
    }
}

/// A wrong password and an unknown username get the same answer.
fn seed_003_04(case: &Case) {
    let member = Member::register(case);
    let wrong = refused(request_token(case, &member.username, &password()), 401);
    let unknown = refused(request_token(case, &case.username(), &member.password), 401);
    assert_eq!(visible(&wrong), visible(&unknown));
}

/// A token is exchanged for a new one, its timestamp sent along as the document shows.
fn seed_003_05(case: &Case) {
    let member = Member::register(case);
    let first = member.request_token(case).expect(200);
    let (token, issued) = token_of(&first);
    let (renewed, renewed_at) = token_of(&case.post("/auth/v1/tokenrefresh", first.json()));
    assert!(renewed != token && renewed_at >= issued);
}

/// The timestamp may be left out, and another one than ours is no reason to refuse; a number is.
fn seed_003_06(case: &Case) {
    let mut token = Member::register(case).token;
    for stamp in [json!("2012-07-16T17:23:34Z"), json!("whatever"), json!("")] {
        let body = json!({ "oauth_token": token, "oauth_timestamp": stamp });
        token = token_of(&case.post("/auth/v1/tokenrefresh", body)).0;
    }
    token = token_of(&refresh(case, &token)).0;
    let body = json!({ "oauth_token": token, "oauth_timestamp": 7 });
    refused(case.post("/auth/v1/tokenrefresh", body), 400);
    token_of(&refresh(case, &token));
}

/// The token is required.
fn seed_003_07(case: &Case) {
    for body in [
        json!({}),
        json!({ "oauth_timestamp": "2012-07-16T17:23:34Z" }),
        json!({ "oauth_token": null }),
        json!({ "oauth_token": "" }),
        json!({ "oauth_token": 7 }),
    ] {
        refused(case.post("/auth/v1/tokenrefresh", body), 400);
    }
}

/// A refresh gives another token, not older than the first, and ends the old one.
fn seed_003_08(case: &Case) {
    let mut case = case.with_clock();
    let member = Member::register(&case);
    let (old, issued) = token_of(&member.request_token(&case));
    case.server_mut().advance(Duration::from_secs(100));
    let (new, renewed_at) = token_of(&refresh(&case, &old));
    assert!(old != new && renewed_at.duration_since(issued).as_secs() >= 100);
    refused(refresh(&case, &old), 401);
}

/// Unknown, expired and logged-off tokens are refused alike.
fn seed_003_09(case: &Case) {
    let unknown = refused(refresh(case, "no-such-token"), 401);
    let member = Member::register(case);
    logoff(case, &member.token).expect(200);
    let logged_off = refused(refresh(case, &member.token), 401);
    assert_eq!(visible(&unknown), visible(&logged_off));
    let mut case = case.with_clock();
    let member = Member::register(&case);
    // The document's own example refreshes after a month.
    case.server_mut().advance(Duration::from_secs(31 * 86_400));
    let (token, _) = token_of(&refresh(&case, &member.token));
    case.server_mut().advance(Duration::from_secs(366 * 86_400));
    let expired = refused(refresh(&case, &token), 401);
    assert_eq!(visible(&unknown), visible(&expired));
}

/// Logoff ends the token, with or without its timestamp.
fn seed_003_14(case: &Case) {
    let member = Member::register(case);
    let issued = member.request_token(case).expect(200);
    case.post("/auth/v1/logoff", issued.json()).expect(200);
    refused(refresh(case, &issued.string("oauth_token")), 401);
    logoff(case, &member.token).expect(200);
    refused(refresh(case, &member.token), 401);
    let profile =
        case.http().get("/auth/profile/").header("Authorization", &format!("Token {}", member.token));
    profile.send().expect(401);
}

/// The token is required at logoff, its timestamp is not.
fn seed_003_15(case: &Case) {
    for body in
        [json!({}), json!({ "oauth_timestamp": "2012-07-16T17:23:34Z" }), json!({ "oauth_token": null })]
    {
        refused(case.post("/auth/v1/logoff", body), 400);
    }
    let member = Member::register(case);
    let body = json!({ "oauth_token": member.token, "oauth_timestamp": 7 });
    refused(case.post("/auth/v1/logoff", body), 400);
    token_of(&refresh(case, &member.token));
}

/// Logoff answers 200 and nothing else, also the second time; the member's other tokens live on.
fn seed_003_16(case: &Case) {
    let member = Member::register(case);
    let (other, _) = token_of(&member.request_token(case));
    for token in [member.token.as_str(), member.token.as_str(), "no-such-token"] {
        assert_eq!(logoff(case, token).expect(200).text(), "");
    }
    token_of(&refresh(case, &other));
}

/// The example's `/rest/auth/v1/…` is served too, and the paths' case does not matter.
fn seed_003_21(case: &Case) {
    let member = Member::register(case);
    let body = json!({ "username": member.username, "password": member.password });
    for path in [
        "/rest/auth/v1/tokenrequest",
        "/rest/auth/v1/tokenrequest/",
        "/Auth/v1/tokenrequest",
        "/auth/V1/TokenRequest",
        "/REST/Auth/v1/tokenRequest",
    ] {
        token_of(&case.post(path, body.clone()));
    }
    for call in ["tokenrefresh", "registermember", "logoff", "passwordreset"] {
        refused(case.post(&format!("/rest/auth/v1/{call}"), json!({})), 400);
        refused(case.post(&format!("/Auth/v1/{call}"), json!({})), 400);
    }
}

/// JSON comes with or without a charset, with its keys in any order and others beside them.
fn seed_003_22(case: &Case) {
    let member = Member::register(case);
    let (name, password) = (&member.username, &member.password);
    let bodies = [
        format!(r#"{{"password":"{password}","username":"{name}"}}"#),
        format!(r#"{{"username":"{name}","extra":{{"a":[1]}},"password":"{password}","id":7}}"#),
    ];
    let kinds = ["application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8"];
    for body in bodies {
        for kind in kinds {
            let response = case.http().post("/auth/v1/tokenrequest").body(kind, body.as_str()).send();
            token_of(&response);
        }
    }
}

/// Only POST is served.
fn seed_003_23(case: &Case) {
    for call in ["tokenrequest", "tokenrefresh", "registermember", "logoff", "passwordreset"] {
        for base in ["/auth/v1", "/rest/auth/v1"] {
            for method in ["GET", "PUT", "DELETE"] {
                let response = case.http().request(method, &format!("{base}/{call}")).send().expect(405);
                assert_eq!(response.header("allow"), Some("POST"), "{method} {base}/{call}");
            }
        }
    }
}
