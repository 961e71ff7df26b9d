//! Schemathesis: requests made up from a contract, answers held against it.

use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_testkit::scratch;
use serde_json::json;

use crate::case::{Case, on_both_engines};
use crate::generous::generous;
use crate::rest::User;

on_both_engines! {
    the_openapi_document_keeps_its_promises
}

/// Runs it against `contract` and fails with its report. `arguments` choose operations and headers.
pub fn run(case: &Case, contract: &str, arguments: &[&str]) {
    let home = scratch::directory("schemathesis");
    let done = Command::new(tool("schemathesis", "schemathesis"))
        .args(["run", contract, "--url", &format!("http://{}", case.server().http_address())])
        .args(["--checks", "not_a_server_error,status_code_conformance,response_schema_conformance"])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "40", "--generation-deterministic"])
        .args(["--no-color", "--workers", "2", "--warnings", "off"])
        .args(["--continue-on-failure", "--request-timeout", "30"])
        .args(arguments)
        .current_dir(home)
        .output()
        .expect("schemathesis");
    let report = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{report}");
}

/// An executable that `scripts/python-tool` installs.
pub fn tool(package: &str, name: &str) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/python-tool");
    let done = Command::new(script).arg(package).output().expect("scripts/python-tool");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Path::new(String::from_utf8_lossy(&done.stdout).trim()).join(name)
}

/// No answer is a 5xx, and every status and body is one that `/openapi.json` announces, with and without a token.
fn the_openapi_document_keeps_its_promises(case: &Case) {
    let case = generous(case);
    let document = case.get("/openapi.json").expect(200).json();
    let paths = document["paths"].as_object().expect("paths");
    for path in ["/send", "/v1/tokens/", "/auth/v1/tokenrequest", "/auth/profile/"] {
        assert!(paths.contains_key(path), "{path} is not in {:?}", paths.keys());
    }
    let contract = format!("http://{}/openapi.json", case.server().http_address());
    run(&case, &contract, &[]);
    let user = User::new(&case);
    let token = format!("Authorization: Token {}", user.token);
    run(&case, &contract, &["--header", &token, "--include-path-regex", "/auth/(profile|layer|register)"]);
    case.get("/health/ready").expect(200);
    case.post("/auth/login/", json!({ "username": user.email, "password": user.password }));
}
