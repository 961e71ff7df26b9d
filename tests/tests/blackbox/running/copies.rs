//! Copies, backups, and what is in them.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_testkit::{Engine, Postgres, Server, scratch};

use super::{failed, run, succeeded};
use crate::case::{Case, at_once, on_both_engines};
use crate::parity::{Person, Surface, is_live, register, sign_in};

on_both_engines! {
    a_backup_is_taken_while_it_runs_and_restored
    a_store_moves_to_the_other_engine_and_back
    a_file_that_a_server_uses_is_not_copied
    a_spoilt_backup_is_refused
    a_backup_that_fails_removes_nothing_of_others
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// People of every surface, each with a session.
fn people(case: &Case) -> Vec<(Person, String)> {
    let make = |surface| {
        let person = register(case, surface);
        let tokens = sign_in(case, surface, &person.email, &person.password).expect("signed in");
        (person, tokens.access)
    };
    Surface::ALL.map(make).into()
}

/// Everybody signs in everywhere, and the old sessions go on.
fn all_there(case: &Case, people: &[(Person, String)]) {
    for (person, access) in people {
        assert!(is_live(case, access), "a session is lost");
        for surface in Surface::ALL {
            assert!(sign_in(case, surface, &person.email, &person.password).is_some(), "{surface:?}");
        }
    }
}

/// A server with the master key of `case` on another database.
fn elsewhere(case: &Case, database: &str) -> Case {
    let home = scratch::directory("elsewhere");
    let key = master_key(&case.server().data_dir());
    let file = home.join("master-key");
    fs::copy(key, &file).expect("the master key");
    let settings = format!("[master_key]\nfile = \"{}\"", file.display());
    case.with_own(Server::builder().config(&settings).database(database))
}

fn master_key(data: &Path) -> PathBuf {
    let files = fs::read_dir(data).expect("the data directory").flatten().map(|entry| entry.path());
    let is_master =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().contains("master"));
    files.into_iter().find(is_master).expect("a master key in the data directory")
}

fn a_backup_is_taken_while_it_runs_and_restored(case: &Case) {
    let mut case = case.with_config("");
    let people = people(&case);
    let file = scratch::directory("backup").join("backup");
    succeeded(&case.server().command(&["backup", &text(&file)]));
    // What came after the backup is not in it.
    let late = register(&case, Surface::Rest);
    all_there(&case, &people);
    let running = failed(&case.server().command(&["restore", &text(&file)]));
    assert!(running.contains("stop it first"), "{running}");
    case.server_mut().kill();
    let over = failed(&case.server().command(&["restore", &text(&file)]));
    assert!(over.contains("not empty") && over.contains("--data-dir"), "{over}");
    let url = match case.engine() {
        Engine::Sqlite => format!("sqlite:{}", scratch::directory("restored").join("restored.db").display()),
        Engine::Postgres => Postgres::shared().empty_database(),
    };
    let data = text(&case.server().data_dir());
    let arguments = ["restore", &text(&file), "--database", &url, "--data-dir", &data];
    succeeded(&run(&scratch::directory("restore"), &arguments));
    let restored = elsewhere(&case, &url);
    all_there(&restored, &people);
    assert_eq!(sign_in(&restored, Surface::Rest, &late.email, &late.password), None);
}

/// There and back: the same accounts, sessions and keys, with both counted and compared.
fn a_store_moves_to_the_other_engine_and_back(case: &Case) {
    let mut case = case.with_config("");
    let people = people(&case);
    let kid = |case: &Case| succeeded(&case.server().command(&["keys", "list", "--json"]));
    let keys = kid(&case);
    case.server_mut().kill();
    let folder = scratch::directory("copy");
    let empty = |name: &str, engine| match engine {
        Engine::Sqlite => format!("sqlite:{}", folder.join(name).display()),
        Engine::Postgres => Postgres::shared().empty_database(),
    };
    let other = match case.engine() {
        Engine::Sqlite => Engine::Postgres,
        Engine::Postgres => Engine::Sqlite,
    };
    let (there, back) = (empty("there.db", other), empty("back.db", case.engine()));
    let copy = |from: &str, to: &str| run(&folder, &["copy", "--from", from, "--to", to]);
    let said = succeeded(&copy(case.server().database_url(), &there));
    assert!(said.contains("accounts"), "{said}");
    let moved = elsewhere(&case, &there);
    all_there(&moved, &people);
    assert_eq!(kid(&moved), keys);
    drop(moved);
    succeeded(&copy(&there, &back));
    all_there(&elsewhere(&case, &back), &people);
    // Nothing is mixed into a store that has something in it.
    let over = failed(&copy(case.server().database_url(), &back));
    assert!(over.contains("not empty") && over.contains("--to") && !over.contains("--data-dir"), "{over}");
}

/// Neither from it nor to it, unless who copies says that what is written meanwhile does not matter. Who uses a
/// database of PostgreSQL is not known.
fn a_file_that_a_server_uses_is_not_copied(case: &Case) {
    let mut case = case.with_config("");
    let people = people(&case);
    let folder = scratch::directory("in-use");
    let url = |name: &str| format!("sqlite:{}", folder.join(name).display());
    let running = case.server().database_url().to_owned();
    let copy = |from: &str, to: &str, more: &[&str]| {
        run(&folder, &[&["copy", "--from", from, "--to", to], more].concat())
    };
    if case.engine() == Engine::Sqlite {
        let said = failed(&copy(&running, &url("copy.db"), &[]));
        assert!(said.contains("another program uses") && said.contains("--from-running"), "{said}");
        assert!(!folder.join("copy.db").exists(), "something was made");
        succeeded(&run(&folder, &["migrate", "--apply", "--database", &url("other.db")]));
        let said = failed(&copy(&url("other.db"), &running, &["--from-running"]));
        assert!(said.contains("another program uses") && said.contains("stop the server"), "{said}");
        // The server has noticed nothing.
        all_there(&case, &people);
    }
    succeeded(&copy(&running, &url("copy.db"), &["--from-running"]));
    all_there(&elsewhere(&case, &url("copy.db")), &people);
    case.server_mut().kill();
    succeeded(&copy(&running, &url("again.db"), &[]));
    all_there(&elsewhere(&case, &url("again.db")), &people);
}

fn a_spoilt_backup_is_refused(case: &Case) {
    let case = case.with_config("");
    register(&case, Surface::Rest);
    let folder = scratch::directory("spoilt");
    let file = folder.join("backup");
    succeeded(&case.server().command(&["backup", &text(&file)]));
    failed(&case.server().command(&["backup", &text(&file)]));
    let mut bytes = fs::read(&file).expect("the backup");
    let length = bytes.len();
    bytes.truncate(length / 2);
    fs::write(&file, bytes).expect("a file of our own");
    let url = format!("sqlite:{}", folder.join("restored.db").display());
    let data = text(&case.server().data_dir());
    failed(&run(&folder, &["restore", &text(&file), "--database", &url, "--data-dir", &data]));
    fs::write(&file, "no backup at all").expect("a file of our own");
    failed(&run(&folder, &["restore", &text(&file), "--database", &url, "--data-dir", &data]));
}

fn a_backup_that_fails_removes_nothing_of_others(case: &Case) {
    let case = case.with_config("");
    let folder = scratch::directory("others");
    // A link to nowhere looks like a name that is free.
    let link = folder.join("link");
    std::os::unix::fs::symlink(folder.join("nowhere"), &link).expect("a link of our own");
    failed(&case.server().command(&["backup", &text(&link)]));
    assert!(link.is_symlink() && !folder.join("nowhere").exists());
    // Of two at one moment one has the name, and keeps it.
    for round in 0..5 {
        let file = folder.join(round.to_string());
        let written = at_once(2, |_| case.server().command(&["backup", &text(&file)]).status.success());
        assert_eq!(written.iter().filter(|written| **written).count(), 1, "{written:?}");
        assert!(file.is_file());
    }
}
