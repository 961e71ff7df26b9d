//! Client libraries that others wrote, and a browser, against the server: the scripts of `tests/clients`.
//!
//! A script asks this test for people and clients, and to walk the pages where it has no browser of its own, by a
//! line of JSON each way over its standard streams.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use countersign_testkit::{poll, process, scratch};
use serde_json::{Value, json};

use super::browser::Browser;
use super::provider::{Provider, User};
use super::weak_passwords;
use crate::case::{Case, on_both_engines};
use crate::parity::{Surface, register};
use crate::schemathesis::tool;

on_both_engines! {
    openid_client_runs_every_flow
    openid_client_runs_what_client_add_prints
    oauth4webapi_runs_every_flow
    authlib_signs_in
    requests_oauthlib_signs_in
    oidc_client_ts_signs_in_in_chromium
    pages_are_accessible
    pages_work_in_chromium_without_javascript
}

/// Lets a client register itself.
const REGISTRATION_TOKEN: &str = "an-initial-access-token-of-a-test-1234567890";

/// What clients may ask for in detail.
const DETAILS: &str = "[oauth]\nauthorization_details_types = [\"payment\"]\n";

fn openid_client_runs_every_flow(case: &Case) {
    let settings =
        format!("{DETAILS}registration = \"token\"\nregistration_token = \"{REGISTRATION_TOKEN}\"\n");
    let own = case.with_config(&settings);
    run(&own, node("openid_client.mjs"));
}

fn openid_client_runs_what_client_add_prints(case: &Case) {
    run(case, node("openid_client_printed.mjs"));
}

fn oauth4webapi_runs_every_flow(case: &Case) {
    run(case, node("oauth4webapi.mjs"));
}

fn authlib_signs_in(case: &Case) {
    run(case, python("authlib_client.py"));
}

fn requests_oauthlib_signs_in(case: &Case) {
    run(case, python("requests_oauthlib_client.py"));
}

fn oidc_client_ts_signs_in_in_chromium(case: &Case) {
    run(case, node("oidc_client_ts.mjs"));
}

/// Also keeps what they look like in `target/pages`, for whoever changes a page.
fn pages_are_accessible(case: &Case) {
    let mut script = node("pages.mjs");
    script.env("SCREENSHOTS", screenshots(case));
    run(&case.with_config(DETAILS), script);
}

fn pages_work_in_chromium_without_javascript(case: &Case) {
    run(case, node("without_javascript.mjs"));
}

/// The scripts, of which the ones for Node.js look for their packages beside themselves.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

fn node(script: &str) -> Command {
    let install = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/node-tool");
    let done = Command::new(install).output().expect("scripts/node-tool");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let home = PathBuf::from(String::from_utf8_lossy(&done.stdout).trim());
    let own = scratch::directory("node");
    for entry in fs::read_dir(scripts()).expect("the scripts").flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "mjs") {
            fs::copy(entry.path(), own.join(entry.file_name())).expect("a file of our own");
        }
    }
    symlink(home.join("node_modules"), own.join("node_modules")).expect("a link of our own");
    let mut command = process::mortal(home.join("node"));
    command.arg(own.join(script));
    command
}

fn python(script: &str) -> Command {
    let mut command = process::mortal(tool("oauth-clients", "python"));
    command.arg("-B").arg(scripts().join(script));
    command
}

/// Where the pictures of the pages go: kept after the run, beside the build.
fn screenshots(case: &Case) -> PathBuf {
    let build = process::countersign();
    let target = build.ancestors().nth(2).expect("target/debug/countersign");
    let directory = target.join("pages").join(format!("{:?}", case.engine()).to_lowercase());
    fs::create_dir_all(&directory).expect("a directory in target");
    directory
}

/// What a script may ask for.
struct Talk<'a> {
    provider: Provider<'a>,
    browser: Browser,
    user: User,
}

/// Runs a script to its end; fails with what it says.
fn run(case: &Case, mut script: Command) {
    let errors = scratch::directory("script").join("errors");
    script.stdin(Stdio::piped()).stdout(Stdio::piped());
    script.stderr(File::create(&errors).expect("a file of our own"));
    let mut child = process::spawn(script).expect("a script");
    let (mut input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    let provider = Provider::new(case);
    let (browser, user) = (provider.browser(), provider.user());
    let mut talk = Talk { provider, browser, user };
    for line in BufReader::new(output).lines() {
        let question = serde_json::from_str(&line.expect("text")).expect("a line of JSON");
        // If it has ended, its errors say why.
        let _ = writeln!(input, "{}", talk.answer(&question));
    }
    let status = process::wait(&mut child, poll::PATIENCE).expect("it ends when its output does");
    let said = fs::read_to_string(errors).unwrap_or_default();
    assert!(status.success(), "{status}\n{said}");
}

impl Talk<'_> {
    fn answer(&mut self, question: &Value) -> Value {
        let url = question["url"].as_str().unwrap_or_default();
        match question["do"].as_str().unwrap_or_default() {
            "begin" => json!({
                "issuer": self.provider.issuer(),
                "email": self.user.email,
                "password": self.user.password,
                "registration_token": REGISTRATION_TOKEN,
            }),
            "client" => self.client(&question["metadata"]),
            "add" => {
                let arguments =
                    ["kind", "redirect_uri"].map(|name| question[name].as_str().unwrap_or_default());
                let made =
                    self.provider.case.server().command(&[&["client", "add"][..], &arguments].concat());
                assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
                json!({ "text": String::from_utf8_lossy(&made.stdout) })
            }
            "visit" => {
                self.browser.open(url);
                self.sign_in();
                json!({ "arrived": self.browser.allow().away().expect("an answer to the application") })
            }
            "confirm" => {
                self.browser.open(url).submit(&[("decision", "sign_out")]);
                json!({ "arrived": self.browser.away().unwrap_or_else(|| self.browser.target()) })
            }
            "device" => {
                self.browser.open(url);
                self.sign_in();
                if !self.browser.asks_for_consent() {
                    let code = question["code"].as_str().unwrap_or_default();
                    self.browser.submit(&[("user_code", code)]);
                    self.sign_in();
                }
                self.browser.submit(&[("decision", "allow")]);
                json!({})
            }
            "weak" => {
                let user = weak_passwords::somebody(self.provider.case, "kettle-42");
                json!({ "email": user.email, "password": user.password })
            }
            "unproven" => {
                let member = register(self.provider.case, Surface::Rest);
                json!({ "email": member.email, "password": member.password })
            }
            "code" => json!({ "code": self.code(question["email"].as_str().unwrap_or_default()) }),
            other => panic!("a script asks to {other}"),
        }
    }

    fn client(&self, metadata: &Value) -> Value {
        let made = self.provider.client(metadata.clone());
        json!({ "client_id": made.id, "client_secret": made.secret })
    }

    fn sign_in(&mut self) {
        if self.browser.asks_for_password() {
            self.browser.sign_in(&self.user);
        }
    }

    /// The code of the latest message to an address.
    fn code(&self, email: &str) -> String {
        self.provider.case.server().latest_to(email).code().to_owned()
    }
}
