//! The tour beside a server that stays.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use countersign_testkit::server::without_settings;
use countersign_testkit::{HttpsSite, process};
use serde_json::Value;

use super::{failed, succeeded};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    a_tour_leaves_nothing_in_use
    a_tour_that_is_interrupted_leaves_nothing_in_use
    a_tour_says_why_there_is_no_answer
}

/// What is there as JSON.
fn listed(case: &Case, what: &str) -> Vec<Value> {
    let output = case.server().command(&[what, "list", "--json"]);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Neither when it has gone well, nor when it ended on its way; and who was there before stays.
fn a_tour_leaves_nothing_in_use(case: &Case) {
    let case = case.with_config("");
    let server = case.server();
    succeeded(&server.command(&["account", "add", "--username", "resident", "--no-password"]));
    succeeded(&server.command(&["client", "add", "--service", "--client-id", "resident"]));
    let (url, line) = (format!("http://{}", server.http_address()), server.line_address().to_string());
    let tour = |line: &str| server.command(&["tour", "--url", &url, "--line", line]);
    let said = succeeded(&tour(&line));
    assert!(said.contains("checks as documented") && said.contains("closed"), "{said}");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let said = failed(&tour(&nobody.to_string()));
    assert!(said.contains("--line HOST:PORT"), "{said}");
    let accounts = listed(&case, "account");
    let in_use: Vec<_> = accounts.iter().filter(|account| account["standing"] != "closed").collect();
    assert_eq!(in_use.len(), 1, "{in_use:?}");
    assert!(accounts.len() > 6, "{accounts:?}");
    let clients = listed(&case, "client");
    assert!(clients.len() == 1 && clients[0]["client_id"] == "resident", "{clients:?}");
}

/// By Ctrl-C, once it has made accounts.
fn a_tour_that_is_interrupted_leaves_nothing_in_use(case: &Case) {
    let case = case.with_config("");
    let server = case.server();
    let (url, line) = (format!("http://{}", server.http_address()), server.line_address().to_string());
    let words = server.command_line(&["tour", "--url", &url, "--line", &line]);
    let mut command = process::mortal(&words[0]);
    without_settings(&mut command).args(&words[1..]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tour = process::spawn(command).expect("a tour");
    let mut said = BufReader::new(tour.stdout.take().expect("its words")).lines();
    assert!(said.any(|line| line.expect("a line").contains("/v1/requests/accounts")), "no second chapter");
    process::signal(&tour, "INT");
    let said: Vec<String> = said.map_while(Result::ok).collect();
    let ended = process::wait(&mut tour, Duration::from_secs(20)).expect("an end");
    let errors = std::io::read_to_string(tour.stderr.take().expect("its errors")).expect("text");
    assert_eq!((ended.code(), errors.as_str()), (Some(1), "error: the tour was interrupted\n"), "{said:?}");
    let accounts = listed(&case, "account");
    assert!(!accounts.is_empty() && accounts.iter().all(|it| it["standing"] == "closed"), "{accounts:?}");
}

/// Nobody listens; or whoever does shows a certificate that nobody here trusts.
fn a_tour_says_why_there_is_no_answer(case: &Case) {
    let server = case.server();
    let line = server.line_address().to_string();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let stranger = HttpsSite::start();
    for (url, why, advice) in [
        (format!("http://{nobody}"), "Connection refused", "countersign serve"),
        (stranger.url(""), "invalid peer certificate", "SSL_CERT_FILE"),
    ] {
        let said = failed(&server.command(&["tour", "--url", &url, "--line", &line]));
        assert!(said.contains(why) && said.contains(advice), "{said}");
    }
}
