//! The document itself as a test: sphinx-swagger extracts its contract, Schemathesis holds the server to it.

use std::fs;
use std::path::Path;
use std::process::Command;

use countersign_testkit::scratch;
use serde_json::{Value, json};

use super::User;
use crate::case::{Case, on_both_engines};
use crate::generous::generous;
use crate::schemathesis;

on_both_engines! {
    seed_004_30
}

/// Requests made up from the contract that sphinx-swagger extracts get only the statuses and bodies it names. Its
/// PATCH has the fields of the request marked as part of the response, which is corrected first.
fn seed_004_30(case: &Case) {
    let home = scratch::directory("contract");
    let mut contract = extract(&home);
    correct_patch(&mut contract);
    let file = home.join("contract.json");
    fs::write(&file, contract.to_string()).expect("a file of our own");
    let file = file.to_str().expect("UTF-8");
    let case = generous(case);
    schemathesis::run(&case, file, &["--include-path-regex", "/auth/(register|login)/"]);
    let token = format!("Authorization: Token {}", User::new(&case).token);
    schemathesis::run(&case, file, &["--header", &token, "--include-path-regex", "/auth/(profile|layer)/"]);
    schemathesis::run(&case, file, &["--header", &token, "--include-path", "/auth/register/"]);
}

fn extract(home: &Path) -> Value {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts");
    let done = Command::new(schemathesis::tool("sphinx-swagger", "sphinx-build"))
        .args(["-q", "-b", "swagger", "-d"])
        .arg(home.join("doctrees"))
        .arg(source)
        .arg(home.join("out"))
        .output()
        .expect("sphinx-build");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = fs::read_to_string(home.join("out/swagger.json")).expect("the contract");
    serde_json::from_str(&text).expect("JSON")
}

/// The listed fields are the request's, each optional; the answer is the profile as GET shows it.
fn correct_patch(contract: &mut Value) {
    contract["host"] = json!("127.0.0.1");
    contract["consumes"] = json!(["application/json"]);
    contract["produces"] = json!(["application/json"]);
    let profile = &mut contract["paths"]["/auth/profile/"];
    let answer = profile["get"]["responses"]["200"]["schema"].clone();
    let properties = profile["patch"]["responses"]["200"]["schema"]["properties"].clone();
    assert_eq!(properties.as_object().map(serde_json::Map::len), Some(3), "{profile}");
    profile["patch"]["responses"]["200"]["schema"] = answer;
    profile["patch"]["parameters"] = json!([
        { "name": "body", "in": "body", "required": true, "schema": { "type": "object", "properties": properties } }
    ]);
}
