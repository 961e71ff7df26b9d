//! The tour beside a server that stays.

use serde_json::Value;

use super::{failed, succeeded};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    a_tour_leaves_nothing_in_use
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
