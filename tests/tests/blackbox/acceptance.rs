//! The table of `docs/acceptance.md` is true: every id of the list has a test of its name, or a reason why not.
//!
//! `COUNTERSIGN_BLESS=1` writes the table anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const HEAD: &str = "# Acceptance\n\n\
What the five API documents promise, statement by statement, and the test that shows it. Each test runs over a real\n\
socket on SQLite and on PostgreSQL (`::sqlite`, `::postgres`): `scripts/test seed_000_12` runs one.\n\
This table is checked against the tests by one of them and written by `COUNTERSIGN_BLESS=1 scripts/test acceptance_table`.\n\
**D** stands in the document, **U** in the public code or later docs that it came from, **R** is our reading of what it\n\
leaves open.\n\n\
All of it is about the five documents. Any surface's token (004-12, decision 14) means one of theirs: their tokens are\n\
good at userinfo, and a token of [OAuth](surfaces/oauth.md) opens none of their paths, since its scope would not hold\n\
there. X-12 is theirs too: `/oauth2/token` answers 401 with `Basic` to who came with it (RFC 6749 section 5.2).\n\n\
| Id | | Test | What it shows |\n|---|---|---|---|\n";

struct Shown {
    test: String,
    remark: String,
}

#[test]
fn acceptance_table() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ids = lines_of(&home.join("acceptance_ids.txt"));
    let reasons: BTreeMap<String, String> =
        lines_of(&home.join("acceptance_exceptions.txt")).into_iter().collect();
    let mut tests = BTreeMap::new();
    collect(&home.join("tests/blackbox"), "", &mut tests);
    let mut table = HEAD.to_owned();
    let mut missing = Vec::new();
    for (id, tag) in &ids {
        match (tests.remove(&function_name(id)), reasons.get(id)) {
            (Some(shown), None) => {
                table.push_str(&format!("| {id} | {tag} | `{}` | {} |\n", shown.test, shown.remark));
            }
            (None, Some(reason)) => table.push_str(&format!("| {id} | {tag} | none | {reason} |\n")),
            (None, None) => missing.push(id.clone()),
            (Some(_), Some(_)) => panic!("{id} has a test: take it out of acceptance_exceptions.txt"),
        }
    }
    assert!(missing.is_empty(), "no test and no reason in acceptance_exceptions.txt: {missing:?}");
    assert!(tests.is_empty(), "tests of ids that are not in acceptance_ids.txt: {:?}", tests.keys());
    let path = home.join("../docs/acceptance.md");
    if std::env::var_os("COUNTERSIGN_BLESS").is_some() {
        fs::write(&path, &table).expect("docs/ can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == table,
        "docs/acceptance.md is not up to date: COUNTERSIGN_BLESS=1 scripts/test acceptance_table"
    );
}

/// `000-12` is shown by `seed_000_12`.
fn function_name(id: &str) -> String {
    format!("seed_{}", id.to_lowercase().replace('-', "_"))
}

/// The lines of a file as a first word and the rest.
fn lines_of(path: &PathBuf) -> Vec<(String, String)> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.split_once(' ').unwrap_or((line, "")))
        .map(|(a, b)| (a.into(), b.trim().into()))
        .collect()
}

/// Finds every `fn seed_…(case: &Case)` below `directory`, with the first line of its comment as the remark.
fn collect(directory: &Path, module: &str, tests: &mut BTreeMap<String, Shown>) {
    for entry in fs::read_dir(directory).expect("the sources").flatten() {
        let path = entry.path();
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let inner = if matches!(stem.as_str(), "mod" | "main") {
            module.to_owned()
        } else {
            format!("{module}{stem}::")
        };
        if path.is_dir() {
            collect(&path, &inner, tests);
            continue;
        }
        let source = fs::read_to_string(&path).expect("a source file");
        let mut remark = String::new();
        for line in source.lines() {
            if let Some(comment) = line.strip_prefix("/// ") {
                remark = if remark.is_empty() { comment.to_owned() } else { format!("{remark} {comment}") };
            } else if let Some(name) =
                line.strip_prefix("fn ").and_then(|rest| rest.split_once('(')).map(|(name, _)| name)
                && name.starts_with("seed_")
            {
                let shown = Shown { test: format!("{inner}{name}"), remark: std::mem::take(&mut remark) };
                assert!(source.contains(&format!("    {name}\n")), "{name} is not among on_both_engines!");
                assert!(tests.insert(name.to_owned(), shown).is_none(), "{name} exists twice");
            } else {
                remark.clear();
            }
        }
    }
}
