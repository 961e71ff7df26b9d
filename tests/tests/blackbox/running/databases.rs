//! What is said of a database that cannot be used, and where a password for it can be.

use std::fs;
use std::process::{Command, Output, Stdio};

use countersign_testkit::{Durability, Postgres, poll, process, scratch, server};

use super::{failed, run, succeeded};

/// `migrate` on this database, with this password in the environment.
fn migrate(url: &str, password: Option<&str>) -> Output {
    let mut command = Command::new(process::countersign());
    server::without_settings(&mut command)
        .env_remove("PGPASSWORD")
        .envs(password.map(|it| ("PGPASSWORD", it)));
    command.args(["migrate", "--apply", "--database", url]).current_dir(scratch::directory("database"));
    command.stdin(Stdio::null()).output().expect("the countersign binary")
}

/// A cluster of its own, which asks the users `owner` and `guest` for the password `right`.
fn asking() -> Postgres {
    let cluster = Postgres::start(Durability::Fast);
    for sql in [
        "CREATE ROLE owner LOGIN PASSWORD 'right'",
        "CREATE ROLE guest LOGIN PASSWORD 'right'",
        "CREATE DATABASE accounts OWNER owner",
        "CREATE TABLE rules (n SERIAL, rule TEXT);
         INSERT INTO rules (rule) VALUES ('host all owner,guest 127.0.0.1/32 scram-sha-256');
         DO $$ BEGIN EXECUTE format('COPY rules (rule) FROM %L', current_setting('hba_file'));
               EXECUTE format('COPY (SELECT rule FROM rules ORDER BY n) TO %L', current_setting('hba_file')); END $$;
         SELECT pg_reload_conf()",
    ] {
        cluster.psql("postgres", sql);
    }
    cluster
}

#[test]
fn a_database_that_cannot_be_used_is_told_why() {
    let cluster = asking();
    let url = |user: &str, database: &str| {
        let url = cluster.url(database);
        format!("postgres://{user}@{}", url.split_once('@').expect("a user").1)
    };
    // PostgreSQL reads its rules anew in a moment.
    let missing = poll::until("a server that asks for a password", || {
        let done = migrate(&url("owner", "accounts"), None);
        (!done.status.success()).then(|| failed(&done))
    });
    assert!(missing.contains("asks for a password") && missing.contains("PGPASSWORD"), "{missing}");
    for (user, database, what, advice) in [
        ("owner:wrong", "accounts", "refuses the user or the password", "PGPASSWORD"),
        ("owner", "accounts", "refuses the user or the password", "PGPASSWORD"),
        ("nobody", "accounts", "does not admit the user", "pg_hba.conf"),
        ("owner:right", "nothing", "no such database", "createdb"),
        ("guest:right", "accounts", "lacks a right", "own the database"),
    ] {
        let said = failed(&migrate(&url(user, database), Some("wrong")));
        assert!(said.contains(what) && said.contains(advice), "{user} {database}: {said}");
        assert!(!said.contains("do not fit"), "{said}");
        assert!(!said.contains("wrong") && !said.contains(":right"), "a password is shown: {said}");
    }
    // The password in the URL goes before, and of either nothing is shown.
    succeeded(&migrate(&url("owner:right", "accounts"), Some("wrong")));
    succeeded(&migrate(&url("owner", "accounts"), Some("right")));
}

#[test]
fn a_file_that_is_no_whole_database_is_told_apart() {
    let folder = scratch::directory("files");
    fs::write(folder.join("letter.db"), "Dear reader, this is no database.\n".repeat(100)).expect("a file");
    let open = |name: &str| run(&folder, &["migrate", "--apply", "--database", &format!("sqlite:{name}")]);
    let said = failed(&open("letter.db"));
    assert!(said.contains("no SQLite database") && said.contains("check the path"), "{said}");
    succeeded(&open("whole.db"));
    let mut bytes = fs::read(folder.join("whole.db")).expect("a database");
    bytes[100..4096].fill(0xa5);
    fs::write(folder.join("broken.db"), bytes).expect("a file");
    let said = failed(&open("broken.db"));
    assert!(said.contains("is damaged") && said.contains("countersign restore"), "{said}");
}
