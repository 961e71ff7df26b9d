//! The master key is changed while a server runs.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_testkit::{Engine, Postgres, Server, scratch};

use super::{failed, run, succeeded};
use crate::case::{Case, on_both_engines};
use crate::parity::{Person, Surface, is_live, register, sign_in};

on_both_engines! {
    a_rotated_master_key_opens_everything_and_the_old_one_nothing
    a_master_key_moves_to_another_source_in_steps
    an_old_backup_opens_with_the_old_master_key
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn key_file(case: &Case) -> PathBuf {
    case.server().data_dir().join("master.key")
}

/// What is sealed and what is found by keyed hashes, and the session of before.
fn is_there(case: &Case, person: &Person, access: &str) {
    assert!(is_live(case, access), "the session is lost");
    assert!(sign_in(case, Surface::Line, &person.email, &person.password).is_some());
    let shown = succeeded(&case.server().command(&["account", "show", &person.email]));
    assert!(shown.contains(&person.email), "{shown}");
}

fn someone(case: &Case) -> (Person, String) {
    let person = register(case, Surface::Rest);
    let access = sign_in(case, Surface::Rest, &person.email, &person.password).expect("signed in").access;
    (person, access)
}

/// A server with this key on this database, or why there is none.
fn with_key(case: &Case, key: &Path, database: &str) -> Result<Case, String> {
    let settings = format!("[master_key]\nfile = \"{}\"", key.display());
    let probe = ["keys", "list", "--json", "--database", database, "--data-dir"];
    let home = scratch::directory("other-key");
    fs::write(home.join("countersign.toml"), &settings).expect("a file of our own");
    let answer = run(&home, &[&probe[..], &[&text(&home)]].concat());
    match answer.status.success() {
        true => Ok(case.with_own(Server::builder().config(&settings).database(database))),
        false => Err(failed(&answer)),
    }
}

fn a_rotated_master_key_opens_everything_and_the_old_one_nothing(case: &Case) {
    let mut case = case.with_config("");
    let (person, access) = someone(&case);
    let folder = scratch::directory("rotated");
    let old = folder.join("old-key");
    fs::copy(key_file(&case), &old).expect("the master key");
    succeeded(&case.server().command(&["keys", "rotate-master"]));
    assert_ne!(fs::read(&old).expect("a key"), fs::read(key_file(&case)).expect("a key"));
    // The server goes on, and what it writes now is found after the start with the new key.
    is_there(&case, &person, &access);
    let (late, late_access) = someone(&case);
    case.server_mut().restart();
    is_there(&case, &person, &access);
    is_there(&case, &late, &late_access);
    let url = case.server().database_url().to_owned();
    let refused = with_key(&case, &old, &url).map(drop).expect_err("the old key is still good");
    assert!(refused.contains("master key"), "{refused}");
}

fn a_master_key_moves_to_another_source_in_steps(case: &Case) {
    let mut case = case.with_config("");
    let (person, access) = someone(&case);
    let folder = scratch::directory("steps");
    let new = folder.join("new-key");
    let (to, url) = (format!("file:{}", text(&new)), case.server().database_url().to_owned());
    succeeded(&case.server().command(&["keys", "rotate-master", "--to", &to]));
    // Both open it: some servers have the new configuration already, others start with the old one.
    case.server_mut().restart();
    is_there(&case, &person, &access);
    let moved = with_key(&case, &new, &url).expect("the new key opens it");
    is_there(&moved, &person, &access);
    assert!(case.server().log().contains("rotate-master --finish"), "nobody says that a step is left");
    succeeded(&moved.server().command(&["keys", "rotate-master", "--finish"]));
    drop(moved);
    with_key(&case, &key_file(&case), &url).map(drop).expect_err("the old key is still good");
    is_there(&with_key(&case, &new, &url).expect("the new key opens it"), &person, &access);
    // A key outside the data directory is not replaced by one in it.
    let home = scratch::directory("own-key");
    fs::write(home.join("countersign.toml"), format!("[master_key]\nfile = \"{}\"", text(&new)))
        .expect("a file");
    let own = ["keys", "rotate-master", "--data-dir", &text(&home), "--database", &url];
    failed(&run(&home, &own));
}

fn an_old_backup_opens_with_the_old_master_key(case: &Case) {
    let case = case.with_config("");
    let (person, access) = someone(&case);
    let folder = scratch::directory("old-backup");
    let file = text(&folder.join("backup"));
    succeeded(&case.server().command(&["backup", &file]));
    let said = succeeded(&case.server().command(&["keys", "rotate-master"]));
    let kept =
        said.split_whitespace().find_map(|word| word.strip_suffix(".old;")).expect("where the old key is");
    let kept = case.server().data_dir().join(format!("{kept}.old"));
    let url = match case.engine() {
        Engine::Sqlite => format!("sqlite:{}", text(&folder.join("restored.db"))),
        Engine::Postgres => Postgres::shared().empty_database(),
    };
    let home = text(&folder);
    succeeded(&run(&folder, &["restore", &file, "--database", &url, "--data-dir", &home]));
    with_key(&case, &key_file(&case), &url).map(drop).expect_err("the new key opens an old back-up");
    is_there(&with_key(&case, &kept, &url).expect("the old key opens it"), &person, &access);
}
