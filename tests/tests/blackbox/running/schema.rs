//! Migrations.

use countersign_testkit::{Engine, Postgres, scratch};

use super::{failed, run, succeeded};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    a_dry_run_changes_nothing
    a_newer_schema_is_refused
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
    let first = succeeded(&migrate(&[]));
    assert!(first.contains("--apply"), "{first}");
    assert_eq!(succeeded(&migrate(&[])), first, "the dry run has applied something");
    succeeded(&migrate(&["--apply"]));
    let last = succeeded(&migrate(&[]));
    assert_ne!(last, first);
    assert_eq!(succeeded(&migrate(&[])), last, "nothing is left to apply");
    succeeded(&migrate(&["--apply"]));
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
