//! The document itself as a test: Dredd reads an API Blueprint and sends what it says.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::{code_for, register, session};
use crate::case::{Case, on_both_engines, password};

on_both_engines! {
    seed_000_53
}

/// Dredd passes every transaction of the converted blueprint. Where Dredd is not installed (`scripts/test` installs
/// it if npm is there), the same requests are sent by the test alone.
fn seed_000_53(case: &Case) {
    for (path, body, status) in pairs(case) {
        assert_eq!(case.post(path, body.clone()).status, status, "{path} {body}");
    }
    match dredd() {
        Some(dredd) => run(&dredd, &case.with_config("")),
        None => {
            let demanded = std::env::var_os("COUNTERSIGN_REQUIRE_DREDD").is_some();
            assert!(!demanded, "Dredd is not installed");
        }
    }
}

fn run(dredd: &Path, case: &Case) {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("dredd");
    let outbox: Vec<String> = case.server().command_line(&["outbox", "list", "--json"]);
    let done = Command::new(dredd)
        .arg(home.join("ouser.apib"))
        .arg(format!("http://{}", case.server().http_address()))
        .arg("--hookfiles")
        .arg(home.join("hooks.js"))
        .args(["--language", "nodejs", "--loglevel", "warning"])
        .env("OUTBOX_COMMAND", json!(outbox).to_string())
        .output()
        .expect("dredd");
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("26 passing, 0 failing, 0 errors, 0 skipped"), "{said}");
}

/// `COUNTERSIGN_DREDD`, or a `dredd` on the search path.
fn dredd() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|directory| directory.join("dredd"));
    std::env::var_os("COUNTERSIGN_DREDD")
        .map(PathBuf::from)
        .into_iter()
        .chain(on_path)
        .find(|file| file.is_file())
}

/// One request for each documented answer but 500, as in `dredd/ouser.apib`.
fn pairs(case: &Case) -> Vec<(&'static str, Value, u16)> {
    let (email, fresh, new) = (case.email(), case.email(), password());
    let member = register(case);
    let code = |email: &str| code_for(case, email);
    let login = |email: &str, key: &str, value: &str| json!({"identifier": email, "identifier_type": "email", key: value});
    let redeem = |code: &str| json!({"verification_code": code, "password": new});
    let sessions: Vec<_> = (0..4).map(|_| session(case, &member)).collect();
    let change = |session: &str, current: &str| json!({"session_token": session, "current_password": current, "password": new});
    vec![
        ("/send", login(&email, "message", "register"), 202),
        ("/send", json!({"identifier_type": "email"}), 400),
        ("/send", login(&email, "message", "poem"), 404),
        ("/login", login(&member.email, "password", &member.password), 200),
        ("/login", json!({"identifier": member.email, "identifier_type": "email"}), 400),
        ("/login", login(&member.email, "password", "not the password"), 401),
        ("/login", login(&member.email, "verification_code", &code(&member.email)), 200),
        ("/login", login(&member.email, "verification_code", &code(&email)), 401),
        ("/register", redeem(&code(&fresh)), 201),
        ("/register", json!({"password": new}), 400),
        ("/register", redeem(&code(&member.email)), 409),
        ("/register", redeem("00000-00000"), 410),
        ("/refresh", json!({"session_token": sessions[0]}), 200),
        ("/refresh", json!({}), 400),
        ("/refresh", json!({"session_token": sessions[0]}), 410),
        ("/logout", json!({"session_token": sessions[1]}), 204),
        ("/logout", json!({}), 400),
        ("/logout", json!({"session_token": sessions[1]}), 410),
        ("/change_password", change(&sessions[2], "not the password"), 403),
        ("/change_password", change(&sessions[2], &member.password), 204),
        ("/change_password", json!({"session_token": sessions[2]}), 400),
        ("/change_password", change(&sessions[3], &new), 410),
        ("/reset_password", redeem(&code(&member.email)), 204),
        ("/reset_password", json!({"password": new}), 400),
        ("/reset_password", redeem("00000-00000"), 410),
    ]
}
