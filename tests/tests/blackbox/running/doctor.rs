//! `countersign doctor`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use countersign_testkit::{MailServer, MailTls, Server, SmsGateway, scratch};
use serde_json::Value;

use super::run;
use crate::case::{Case, on_both_engines};
use crate::{ouser, parity};

on_both_engines! {
    a_healthy_server_has_no_problems
    what_stands_ready_to_deliver_is_found
    connections_without_number_are_a_warning
    claims_for_who_does_not_exist_are_a_warning
    what_cannot_be_reached_is_named
    what_is_open_to_others_is_named
    a_wrong_master_key_is_found
}

/// What it found: the check, how bad it is, and what it says with its advice.
#[derive(Debug)]
struct Finding {
    check: String,
    level: String,
    text: String,
}

/// What it found, which must agree with how it ended.
fn findings(output: &Output) -> Vec<Finding> {
    let listed: Vec<Value> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let finding = |value: &Value| {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        assert!(value["level"] == "good" || value["advice"].is_string(), "what is to be done? {value}");
        Finding { check: text("check"), level: text("level"), text: text("text") + " " + &text("advice") }
    };
    let findings: Vec<Finding> = listed.iter().map(finding).collect();
    let problems = findings.iter().filter(|finding| finding.level == "problem").count();
    assert_eq!(output.status.code(), Some(i32::from(problems > 0)), "{findings:?}");
    findings
}

fn doctor(case: &Case) -> Vec<Finding> {
    findings(&case.server().command(&["doctor", "--json"]))
}

#[track_caller]
fn levels(findings: &[Finding], check: &str) -> Vec<String> {
    let of_check = findings.iter().filter(|finding| finding.check == check);
    of_check.map(|finding| finding.level.clone()).collect()
}

/// With nothing set, all that is missing is somebody to deliver messages.
fn a_healthy_server_has_no_problems(case: &Case) {
    let mut case = case.with_config("");
    ouser::register(&case);
    for running in [true, false] {
        if !running {
            case.server_mut().kill();
        }
        let found = doctor(&case);
        for finding in &found {
            let expected = if ["mail", "SMS"].contains(&finding.check.as_str()) { "warning" } else { "good" };
            assert_eq!(finding.level, expected, "{finding:?}");
        }
        for check in
            ["configuration", "data directory", "database", "schema", "clock", "outbox", "mail", "SMS"]
        {
            assert_eq!(levels(&found, check).len(), 1, "{check}: {found:?}");
        }
    }
    let text = case.server().command(&["doctor"]);
    assert!(text.status.success());
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("✓ schema") && text.contains("! mail"), "{text}");
}

fn sms(gateway: &SmsGateway) -> String {
    let url = gateway.url("/sms");
    format!("[sms]\nurl = \"{url}\"\naccount_sid = \"AC1\"\nauth_token = \"t\"\nfrom = \"+1\"")
}

fn what_stands_ready_to_deliver_is_found(case: &Case) {
    let gateway = SmsGateway::start();
    for tls in [MailTls::None, MailTls::StartTls, MailTls::Implicit] {
        let mail = MailServer::start(tls, None);
        let wishes = Server::builder().config(&mail.config()).config(&sms(&gateway));
        let case = case.with_own(wishes.env("SSL_CERT_FILE", mail.authority()));
        let found = doctor(&case);
        assert!(found.iter().all(|finding| finding.level == "good"), "{tls:?}: {found:?}");
        let about = |check| found.iter().find(|finding| finding.check == check).expect(check);
        assert!(about("mail").text.contains(&mail.port().to_string()), "{found:?}");
        assert!(about("SMS").text.contains("127.0.0.1"), "{found:?}");
    }
}

/// As many as the setting holds: more than may be open, and more than fits a number when added up.
fn connections_without_number_are_a_warning(case: &Case) {
    let most = i64::MAX;
    let case = case.with_config(&format!("[limits]\nconnections = {most}\nline_connections = {most}"));
    ouser::register(&case);
    assert_eq!(levels(&doctor(&case), "open files"), ["warning"]);
}

fn claims_for_who_does_not_exist_are_a_warning(case: &Case) {
    let made = "[[clients]]\nclient_id = \"made\"\ntoken_endpoint_auth_method = \"none\"\n\
                redirect_uris = [\"https://app.example.com/\"]\n";
    let claim = "[[oauth.claims]]\nname = \"a\"\nscope = \"profile\"\nvalue = 1\n\
                 groups = [\"staff\"]\nroles = [\"editor\"]\nclients = [\"made\", \"app\"]\n";
    let case = case.with_config(&format!("{made}{claim}"));
    let about = |found: &[Finding]| {
        let found = found.iter().find(|finding| finding.check == "claims").expect("a finding");
        (found.level.clone(), found.text.clone())
    };
    let (level, text) = about(&doctor(&case));
    assert!(text.contains("does not exist: client \"app\", group \"staff\", role \"editor\" "), "{text}");
    assert_eq!(level, "warning");
    let uri = "https://app.example.com/";
    for command in [
        &["group", "add", "staff"][..],
        &["role", "add", "editor"],
        &["client", "add", "--client-id", "app", "--spa", uri],
    ] {
        assert!(case.server().command(command).status.success(), "{command:?}");
    }
    assert_eq!(about(&doctor(&case)).0, "good");
}

/// Ports that nobody listens at, and one where somebody speaks something else.
fn what_cannot_be_reached_is_named(case: &Case) {
    let gateway = SmsGateway::start();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        listener.local_addr().expect("an address").port()
    };
    let settings = format!(
        "[smtp]\nhost = \"127.0.0.1\"\nport = {closed}\nsecurity = \"none\"\nfrom = \"a@example.org\"\n\
         [sms]\nurl = \"http://127.0.0.1:{closed}/\"\naccount_sid = \"AC1\"\nauth_token = \"t\"\nfrom = \"+1\""
    );
    let found = doctor(&case.with_config(&settings));
    for check in ["mail", "SMS"] {
        assert_eq!(levels(&found, check), ["problem"], "{found:?}");
    }
    let mail = MailServer::start(MailTls::None, None);
    let other = gateway.url("").replace("http://127.0.0.1:", "");
    let settings = mail.config().replace(&mail.port().to_string(), &other);
    let found = doctor(&case.with_config(&(settings + "[delivery]\nmax_attempts = 3")));
    assert_eq!(levels(&found, "mail"), ["problem"], "a gateway is no mail server: {found:?}");
}

fn what_is_open_to_others_is_named(case: &Case) {
    let case = case.with_config("");
    let data = case.server().data_dir();
    let open = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a file of our own");
    };
    open(&data, 0o755);
    open(&data.join("master.key"), 0o640);
    let found = doctor(&case);
    assert_eq!(levels(&found, "data directory"), ["problem", "problem"], "{found:?}");
    assert!(found.iter().any(|finding| finding.text.contains("chmod 700")), "{found:?}");
    assert!(found.iter().any(|finding| finding.text.contains("master.key")), "{found:?}");
}

fn a_wrong_master_key_is_found(case: &Case) {
    let mut case = case.with_config("");
    parity::register(&case, parity::Surface::Rest);
    case.server_mut().kill();
    let key = "5".repeat(64) + "\n";
    fs::write(case.server().data_dir().join("master.key"), key).expect("a file of our own");
    let found = doctor(&case);
    assert!(
        found.iter().any(|finding| finding.level == "problem" && finding.text.contains("master")),
        "{found:?}"
    );
}

/// It goes on where nothing is there yet and says all that is wrong with the configuration.
#[test]
fn an_empty_folder_and_a_broken_configuration_are_told() {
    let folder = scratch::directory("nothing");
    let found = findings(&run(&folder, &["doctor", "--json"]));
    assert_eq!(levels(&found, "database"), ["warning"], "{found:?}");
    assert_eq!(fs::read_dir(&folder).expect("a directory").count(), 0, "it has made something");

    fs::write(folder.join("wrong.toml"), "listne = \"127.0.0.1:0\"\n[smtp]\nport = 0\n").expect("a file");
    let found = findings(&run(&folder, &["doctor", "--json", "--config", "wrong.toml"]));
    assert_eq!(levels(&found, "configuration"), ["problem", "problem"], "{found:?}");
    assert!(found.iter().any(|finding| finding.text.contains("listen")), "{found:?}");
    assert!(found.iter().any(|finding| finding.text.contains("smtp.port")), "{found:?}");
}

/// No proxy speaks TLS for the line listener.
#[test]
fn a_line_certificate_that_others_cannot_trust_is_a_problem() {
    let folder = scratch::directory("untrusted-line");
    for (line_listen, level) in [("0.0.0.0:0", "problem"), ("127.0.0.1:0", "good")] {
        let settings = format!("tls_terminated_by_proxy = true\nline_listen = \"{line_listen}\"\n");
        fs::write(folder.join("proxy.toml"), settings).expect("a file of our own");
        let found = findings(&run(&folder, &["doctor", "--json", "--config", "proxy.toml"]));
        assert_eq!(levels(&found, "line certificate"), [level], "{found:?}");
        assert_eq!(levels(&found, "listeners"), ["good"], "{found:?}");
    }
}

#[test]
fn a_database_that_does_not_answer_is_told() {
    let folder = scratch::directory("silent");
    let database = "postgres://somebody:hidden-word@127.0.0.1:1/nowhere";
    let output = run(&folder, &["doctor", "--json", "--database", database]);
    let found = findings(&output);
    assert_eq!(levels(&found, "database"), ["problem"], "{found:?}");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("hidden-word"), "{said}");
}
