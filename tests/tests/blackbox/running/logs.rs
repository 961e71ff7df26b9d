//! What is in the log, and what never is (R144).

use std::time::Instant;

use countersign_testkit::{Client, LineClient, Server, poll};
use serde_json::{Value, json};

use crate::case::{Case, on_both_engines, told_or_counted};
use crate::cross::posts;
use crate::oauth::browser::Browser;
use crate::oauth::provider::User;
use crate::running::schema::sql;
use crate::{authd, line, ouser};

on_both_engines! {
    no_field_of_any_request_reaches_the_log
    a_log_line_is_one_json_object_with_the_id_of_its_request
    an_event_has_the_id_of_its_request
    an_event_of_a_line_has_the_id_of_its_request
    what_anybody_can_repeat_is_summed_up
    a_store_that_fails_cannot_fill_the_log
    who_opens_a_link_is_logged_by_their_address
}

const CANARY: &str = "c4nary-Secret";

/// Everything that a caller can write goes into every place where it can be written.
fn no_field_of_any_request_reaches_the_log(case: &Case) {
    let case = case.with_own(Server::builder().config("[log]\nlevel = \"trace\"\nformat = \"json\""));
    let http = case.server().client();
    for (path, good) in posts(&case) {
        let object = good.as_object().expect("an object");
        for key in object.keys() {
            let mut body = good.clone();
            body[key] = json!(format!("{CANARY}-{key}"));
            http.post_json(path, &body);
            let pairs: Vec<(String, String)> = body
                .as_object()
                .expect("an object")
                .iter()
                .map(|(key, value)| {
                    (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                })
                .collect();
            let pairs: Vec<_> = pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            http.post(path).form(&pairs).send();
            http.post(path).query(&pairs).send();
        }
        http.post(path).body("application/json", format!("{{\"broken\": \"{CANARY}")).send();
        http.post(path).body(&format!("text/{CANARY}"), CANARY).send();
        http.post(&format!("{path}?{CANARY}={CANARY}")).header(CANARY, CANARY).send();
    }
    tokens_and_links(&http);
    lines(&case);
    // A request after all others: what it logs comes last.
    case.get("/health/ready").expect(200);
    let log = case.server().log();
    let hit = log.lines().find(|line| line.to_lowercase().contains(&CANARY.to_lowercase()));
    assert!(hit.is_none(), "{}", hit.unwrap_or_default());
}

fn tokens_and_links(http: &Client) {
    for value in [format!("Token {CANARY}"), format!("Bearer {CANARY}"), CANARY.to_owned()] {
        for path in ["/auth/profile/", "/auth/layer/", "/auth/register/"] {
            http.get(path).header("Authorization", &value).header("Cookie", &value).send();
            http.post(path).header("Authorization", &value).json(&json!({})).send();
        }
    }
    for path in ["/verify-email/", "/reset-password/", "/v1/requests/accounts/", "/v1/requests/credentials/"]
    {
        http.get(&format!("{path}{CANARY}")).send();
        http.post(&format!("{path}{CANARY}")).form(&[("password", CANARY)]).send();
    }
    http.get(&format!("/{CANARY}")).header("User-Agent", CANARY).header("Referer", CANARY).send();
    http.raw(format!("{CANARY} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes());
}

fn lines(case: &Case) {
    let address = case.server().line_address();
    for request in [
        format!("login u:{CANARY} p:{CANARY}-password"),
        format!("register u:{CANARY} p:{CANARY}-password n:8885551212 e:{CANARY}@example.com"),
        format!("validatephone p:8885551212 c:{CANARY}"),
        format!("login {CANARY} p:{CANARY}:{CANARY}"),
        format!("{CANARY} {CANARY}"),
        format!("login u:{CANARY} p:{}", CANARY.repeat(1000)),
    ] {
        let mut line = LineClient::connect(address);
        let _ = line.try_send(format!("{request}\n").as_bytes());
        line.half_close();
        while line.reply().is_some() {}
    }
}

fn a_log_line_is_one_json_object_with_the_id_of_its_request(case: &Case) {
    let mut case = case.with_own(Server::builder().config("[log]\nlevel = \"debug\"\nformat = \"json\""));
    let response = case.post("/login", json!({ "identifier": "x\r\nfaked: line" })).expect(400);
    let id = response.header("x-request-id").expect("a request id").to_owned();
    let other = case.get("/health/live").expect(200);
    assert_ne!(other.header("x-request-id"), Some(id.as_str()));
    // An id of the client's choice cannot forge lines either.
    let forged = case.http().get("/health/live").header("X-Request-Id", "a\"b{}").send().expect(200);
    assert_ne!(forged.header("x-request-id"), Some("a\"b{}"));
    let status = case.server_mut().terminate(std::time::Duration::from_secs(12));
    assert!(status.is_some_and(|status| status.success()));
    let log = case.server().log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    assert!(!lines.is_empty());
    for line in &lines {
        assert!(line.get("level").is_some() && line.get("timestamp").is_some(), "{line}");
    }
    assert!(log.contains(&id), "the request is not in the log:\n{log}");
}

fn an_event_has_the_id_of_its_request(case: &Case) {
    let mut case = case.with_own(Server::builder().config("[log]\nformat = \"json\""));
    let wrong = json!({ "username": "nobody@example.com", "password": "wrong-password" });
    let sign_in = case.http().post_json("/auth/login/", &wrong);
    let client = [("grant_type", "client_credentials"), ("client_id", "nobody"), ("client_secret", "wrong")];
    let client = case.http().post("/oauth2/token").form(&client).send().expect(401);
    let status = case.server_mut().terminate(std::time::Duration::from_secs(12));
    assert!(status.is_some_and(|status| status.success()));
    let log = case.server().log();
    for (answer, event) in [(sign_in, "sign_in"), (client, "authenticate_client")] {
        let id = answer.header("x-request-id").expect("a request id");
        let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let found = lines.iter().find(|line| line["request_id"] == id);
        assert!(found.is_some_and(|line| line["event"] == event && line["target"] == "audit"), "{id}: {log}");
    }
}

fn an_event_of_a_line_has_the_id_of_its_request(case: &Case) {
    let case = case.with_own(Server::builder().config("[log]\nlevel = \"debug\"\nformat = \"json\""));
    let mut line = case.line();
    for _ in 0..2 {
        line.ask("login u:nobody p:wrong-password");
    }
    let ids = |what: (&str, &str)| {
        let log = case.server().log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let of_event = lines.filter(|line| line[what.0] == what.1);
        of_event.filter_map(|line| line["request_id"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    poll::until("both lines", || (ids(("command", "login")).len() == 2).then_some(()));
    let events = ids(("event", "sign_in"));
    assert_eq!(events, ids(("command", "login")));
    assert!(events[0] != events[1] && events.iter().all(|id| id.len() == 16), "{events:?}");
}

fn a_store_that_fails_cannot_fill_the_log(case: &Case) {
    let case = case.with_own(Server::builder().config("[log]\nformat = \"json\""));
    let member = ouser::register(&case);
    let mut browser = Browser::new(&case);
    let user = User { email: member.email, password: member.password };
    browser.open("/sign-in").sign_in(&user).open("/account");
    assert_eq!(browser.page().status, 200);
    sql(case.engine(), case.server().database_url(), "ALTER TABLE sessions RENAME TO elsewhere");
    let since = Instant::now();
    for _ in 0..200 {
        assert_eq!(browser.open("/account").page().status, 500);
    }
    told_or_counted(&case, since, 200, ("message", "the store failed"), "more failures of the store");
}

fn what_anybody_can_repeat_is_summed_up(case: &Case) {
    let case = case.with_own(Server::builder().config("[log]\nformat = \"json\""));
    let http = case.http();
    let client = [("grant_type", "client_credentials"), ("client_id", "nobody"), ("client_secret", "wrong")];
    let since = Instant::now();
    // More than there are lines for in a second, and in the next second again.
    for round in 1..=2 {
        for _ in 0..200 {
            http.post("/oauth2/token").form(&client).send().expect(401);
        }
        let line = ("event", "authenticate_client");
        told_or_counted(&case, since, 200 * round, line, "more such refusals");
    }
}

/// An operator is who has the command line.
fn who_opens_a_link_is_logged_by_their_address(case: &Case) {
    let case = case.with_config("");
    authd::register(&case);
    line::Registration::with_email(&case).verified(&case);
    for event in ["confirm_account", "verify_email"] {
        let line = poll::until("the event is in the log", || {
            let log = case.server().log();
            log.lines().find(|line| line.contains(&format!("\"{event}\""))).map(str::to_owned)
        });
        assert!(line.contains("source=127."), "{line}");
    }
}
