//! Beside a node of a newer version, which writes numbers that this one does not know.

use serde_json::json;

use super::schema::sql;
use crate::case::{Case, on_both_engines, password};
use crate::oauth::provider::{Provider, User};
use crate::{ouser, rest};

on_both_engines! {
    what_a_newer_node_writes_hides_nothing_else
}

/// One row of each kind stands among those of this version.
fn what_a_newer_node_writes_hides_nothing_else(case: &Case) {
    let mut case = case.with_config("");
    let (user, client) = (Provider::new(&case).user(), Provider::new(&case).client(json!({})));
    rest::login(&case, &user.email, &user.password).expect(200);
    case.server_mut().kill();
    let key = "purpose, algorithm, created_at, jwk, private, changed_at";
    let of_client = "version, metadata, created_at, hears_logouts";
    for statement in [
        "UPDATE sessions SET surface = 99",
        "INSERT INTO identifiers (kind, lookup, account_id) SELECT 99, lookup, account_id FROM identifiers",
        "INSERT INTO outbox (id, channel, template, queued_at, due_at, state, attempts) VALUES (1, 1, 1, 1, 1, 99, 0)",
        &format!(
            "INSERT INTO signing_keys (kid, state, {key}) SELECT 'newer', 99, {key} FROM signing_keys LIMIT 1"
        ),
        &format!(
            "INSERT INTO oauth_clients (client_id, no, origin, {of_client}) \
             SELECT 'newer', no + 1, 99, {of_client} FROM oauth_clients"
        ),
    ] {
        sql(case.engine(), case.server().database_url(), statement);
    }
    case.server_mut().launch();
    let provider = Provider::new(&case);
    let sessions = provider.command(&["account", "sessions", &user.email, "--json"]);
    assert_eq!(sessions[0]["surface"], "unknown (99)");
    let account = provider.command(&["account", "show", &user.email, "--json"]);
    assert!(account.to_string().contains(&user.email), "{account}");
    let clients = provider.command(&["client", "list", "--json"]);
    assert_eq!((clients.as_array().map(Vec::len), &clients[0]["client_id"]), (Some(1), &client.id.into()));
    let newer = case.server().command(&["client", "show", "newer"]);
    assert!(String::from_utf8_lossy(&newer.stderr).contains("there is no such client"), "{newer:?}");
    let form = [("grant_type", "client_credentials"), ("client_id", "newer"), ("client_secret", "x")];
    case.http().post("/oauth2/token").form(&form).send().expect(401);
    let keys = provider.command(&["keys", "list", "--json"]);
    assert!(
        !keys.to_string().contains("newer") && keys.as_array().is_some_and(|keys| !keys.is_empty()),
        "{keys}"
    );
    assert_eq!(provider.command(&["outbox", "list", "--json"]).as_array().map(Vec::len), Some(0));
    assert!(case.server().command(&["doctor"]).status.success());
    let mut browser = provider.browser();
    browser.open("/sign-in").sign_in(&user).open("/account");
    assert!(browser.page().status == 200 && browser.page().text().contains(&user.email), "{browser}");
    let fresh = User { email: user.email, password: password() };
    ouser::reset(&case, &ouser::code_for(&case, &fresh.email), &fresh.password).expect(204);
    browser.open("/sign-in").sign_in(&fresh).open("/account");
    assert_eq!(browser.page().status, 200, "{browser}");
}
