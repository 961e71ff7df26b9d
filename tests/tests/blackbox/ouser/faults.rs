//! Faults inside the server.

use std::process::Command;

use countersign_testkit::{Engine, Postgres, Server};
use serde_json::json;

use super::code_for;
use crate::case::{Case, on_both_engines, password};

on_both_engines! {
    seed_000_52
}

/// Takes every table away from under a running server: a fault that it cannot foresee.
fn lose_all_tables(server: &Server) {
    let url = server.database_url();
    match server.engine() {
        Engine::Postgres => {
            let name = url.rsplit('/').next().expect("a name");
            Postgres::shared().psql(name, "DROP SCHEMA public CASCADE");
        }
        Engine::Sqlite => {
            let script = "import sqlite3, sys\n\
                db = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)\n\
                db.execute('PRAGMA foreign_keys = OFF')\n\
                db.execute('BEGIN IMMEDIATE')\n\
                tables = \"SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'\"\n\
                for (name,) in db.execute(tables).fetchall(): db.execute(f'DROP TABLE {name}')\n\
                db.execute('COMMIT')";
            let path = url.strip_prefix("sqlite:").expect("a path");
            assert!(Command::new("python3").args(["-c", script, path]).status().expect("python3").success());
        }
    }
}

/// An internal fault is answered with 500, a whole answer, and says nothing about the inside.
fn seed_000_52(case: &Case) {
    let case = case.with_config("");
    let email = case.email();
    let code = code_for(&case, &email);
    lose_all_tables(case.server());
    let (who, new) = (json!({"identifier": email, "identifier_type": "email"}), password());
    let session_token = "cs_0123456789012345678901234567890123456789";
    let calls = [
        ("/send", who),
        ("/login", json!({"identifier": email, "identifier_type": "email", "password": new})),
        ("/login", json!({"identifier": email, "identifier_type": "email", "verification_code": code})),
        ("/register", json!({"verification_code": code, "password": new})),
        ("/reset_password", json!({"verification_code": code, "password": new})),
    ];
    for (path, body) in calls {
        let response = case.post(path, body);
        assert_eq!(response.status, 500, "{path}: {}", response.text());
        let text = response.text().to_lowercase();
        assert!(
            !["table", "sql", "relation", "panic"].iter().any(|word| text.contains(word)),
            "{path}: {text}"
        );
    }
    // These may know without the store that no such token was ever given out.
    let calls = [
        ("/refresh", json!({"session_token": session_token})),
        (
            "/change_password",
            json!({"session_token": session_token, "current_password": new, "password": new}),
        ),
        ("/logout", json!({"session_token": session_token})),
    ];
    for (path, body) in calls {
        let response = case.post(path, body);
        assert!(matches!(response.status, 410 | 500), "{path}: {} {}", response.status, response.text());
    }
}
