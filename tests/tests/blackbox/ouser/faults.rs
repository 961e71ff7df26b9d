//! Faults inside the server.

use std::time::Duration;

use countersign_testkit::{Engine, Postgres, Server};
use rusqlite::Connection;
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
            let database =
                Connection::open(url.strip_prefix("sqlite:").expect("a path")).expect("the database file");
            database.busy_timeout(Duration::from_secs(30)).expect("a setting");
            database.pragma_update(None, "foreign_keys", false).expect("a setting");
            let tables = "SELECT 'DROP TABLE \"' || name || '\";' FROM sqlite_master
                WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
            let mut statement = database.prepare(tables).expect("SQL");
            let drops: Vec<String> =
                statement.query_map([], |row| row.get(0)).expect("rows").flatten().collect();
            database
                .execute_batch(&format!("BEGIN IMMEDIATE; {} COMMIT", drops.concat()))
                .expect("no more tables");
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
