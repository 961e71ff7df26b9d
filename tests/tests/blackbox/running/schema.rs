//! Migrations.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use countersign_testkit::{Engine, Postgres, scratch};

use super::{failed, run, succeeded};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    a_dry_run_changes_nothing
    an_empty_folder_is_prepared_or_what_is_missing_is_said
    a_newer_schema_is_refused
}

/// Each file below a folder with a digest of its bytes, and each relation of a PostgreSQL database.
#[derive(Debug, PartialEq, Eq)]
struct Everything {
    files: BTreeMap<PathBuf, String>,
    relations: String,
}

fn everything(folder: &Path, engine: Engine, url: &str) -> Everything {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() {
                files.insert(path.clone(), String::new());
                folders.push(path);
            } else {
                let bytes = fs::read(&path).expect("a file");
                files.insert(path, format!("{} bytes, {:?}", bytes.len(), digest(&SHA256, &bytes)));
            }
        }
    }
    let relations =
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname";
    let relations = if engine == Engine::Postgres { sql(engine, url, relations) } else { String::new() };
    Everything { files, relations }
}

fn a_dry_run_changes_nothing(case: &Case) {
    let folder = scratch::directory("dry");
    let url = match case.engine() {
        Engine::Sqlite => format!("sqlite:{}", folder.join("dry.db").display()),
        Engine::Postgres => Postgres::shared().empty_database(),
    };
    let data = folder.join("data").display().to_string();
    let migrate =
        |more: &[&str]| run(&folder, &[&["migrate", "--database", &url, "--data-dir", &data], more].concat());
    let everything = || everything(&folder, case.engine(), &url);
    let empty = everything();
    let first = succeeded(&migrate(&[]));
    assert!(first.contains("--apply"), "{first}");
    assert_eq!(succeeded(&migrate(&[])), first, "the dry run has applied something");
    assert_eq!(everything(), empty);
    succeeded(&migrate(&["--apply"]));
    let full = everything();
    assert_ne!(full, empty);
    let last = succeeded(&migrate(&[]));
    assert_ne!(last, first);
    assert_eq!(succeeded(&migrate(&[])), last, "nothing is left to apply");
    assert_eq!(everything(), full);
    succeeded(&migrate(&["--apply"]));
}

/// After `migrate --apply` the embedded database has all that a server would have made; on PostgreSQL, whose
/// master key may come from elsewhere, it says what is missing.
fn an_empty_folder_is_prepared_or_what_is_missing_is_said(case: &Case) {
    let folder = scratch::directory("fresh");
    let url = match case.engine() {
        Engine::Sqlite => format!("sqlite:{}", folder.join("data/countersign.db").display()),
        Engine::Postgres => Postgres::shared().empty_database(),
    };
    let data = folder.join("data");
    let place = ["--database", &url, "--data-dir", &data.display().to_string()].map(str::to_owned);
    let command = |words: &[&str]| {
        run(&folder, &words.iter().copied().chain(place.iter().map(String::as_str)).collect::<Vec<_>>())
    };
    let lists: [&[&str]; 3] = [&["keys", "list"], &["account", "list"], &["outbox", "list"]];
    for list in lists {
        let said = failed(&command(list));
        assert!(said.contains("countersign"), "{list:?} does not say what to do: {said}");
        assert!(!data.join("master.key").exists(), "{list:?} has made a key");
    }
    let said = succeeded(&command(&["migrate", "--apply"]));
    assert!(said.contains("applied 0001"), "{said}");
    if case.engine() == Engine::Postgres {
        assert!(said.contains("no master key was made"), "{said}");
        assert!(!data.join("master.key").exists());
        for list in lists {
            let said = failed(&command(list));
            assert!(said.contains("no data yet") && said.contains("countersign serve"), "{said}");
        }
        succeeded(&command(&["account", "add", "--email", "alice@example.org", "--no-password"]));
    }
    assert!(data.join("master.key").is_file());
    for list in lists {
        succeeded(&command(list));
    }
    // A key that was lost is not one that was never made.
    fs::remove_file(data.join("master.key")).expect("a file of our own");
    let said = failed(&command(&["keys", "list"]));
    assert!(said.contains("backup") && !said.contains("no data yet"), "{said}");
}

/// A binary does not touch what a later one has made.
fn a_newer_schema_is_refused(case: &Case) {
    let mut case = case.with_config("");
    case.server_mut().kill();
    let url = case.server().database_url().to_owned();
    let tables = sql(
        case.engine(),
        &url,
        match case.engine() {
            Engine::Sqlite => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%migration%'"
            }
            Engine::Postgres => {
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE '%migration%'"
            }
        },
    );
    let table = tables.lines().next().unwrap_or_else(|| panic!("no table of migrations"));
    // The highest migration gets a later twin: every column copied, the number raised.
    let columns = columns(case.engine(), &url, table);
    let (number, others) = columns.split_first().expect("columns");
    let names: Vec<_> = others
        .iter()
        .map(|name| if name == "name" { "'from_the_future'".to_owned() } else { name.clone() })
        .collect();
    let rest = names.iter().map(|name| format!(", {name}")).collect::<String>();
    let into = columns.join(", ");
    sql(
        case.engine(),
        &url,
        &format!(
            "INSERT INTO {table} ({into}) SELECT {number} + 1000{rest} FROM {table} \
             WHERE {number} = (SELECT max({number}) FROM {table})"
        ),
    );
    let reason = case.server_mut().try_launch().expect_err("it started on a newer schema");
    assert!(reason.contains("ended"), "{reason}");
    let log = case.server().log();
    assert!(log.contains("newer"), "{log}");
    let said = failed(&case.server().command(&["account", "list"]));
    assert!(said.contains("newer"), "{said}");
}

fn columns(engine: Engine, url: &str, table: &str) -> Vec<String> {
    let query = match engine {
        Engine::Sqlite => format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"),
        Engine::Postgres => format!(
            "SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' ORDER BY ordinal_position"
        ),
    };
    sql(engine, url, &query).lines().map(str::to_owned).collect()
}

/// Runs one statement; the first column of its rows, one a line.
pub fn sql(engine: Engine, url: &str, statement: &str) -> String {
    match engine {
        Engine::Postgres => Postgres::shared().psql(url.rsplit('/').next().expect("a name"), statement),
        Engine::Sqlite => {
            let file = url.strip_prefix("sqlite:").expect("a path");
            let database = rusqlite::Connection::open(file).expect("the database");
            let mut prepared = database.prepare(statement).expect("a statement");
            let rows = prepared.query_map([], |row| row.get::<_, String>(0)).expect("rows");
            rows.flatten().collect::<Vec<_>>().join("\n")
        }
    }
}
