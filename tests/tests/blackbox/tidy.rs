//! Conventions of the source, checked like everything else.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file without its unit tests.
struct Source {
    /// From the root of the repository: `crates/wire/src/router.rs`.
    path: String,
    /// The lines before the first `#[cfg(test)]` at the margin.
    lines: Vec<String>,
}

impl Source {
    /// The lines that hold code, with their numbers; comments are taken away.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines.iter().enumerate().map(|(number, line)| {
            let code = if line.trim_start().starts_with("//") { "" } else { line.as_str() };
            (number + 1, code)
        })
    }

    fn is_in(&self, place: &str) -> bool {
        self.path.starts_with(place)
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn collect(directory: &Path, root: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" {
            collect(&path, root, sources);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = fs::read_to_string(&path).expect("a source file");
            let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).map(str::to_owned);
            let path = path.strip_prefix(root).expect("below the root").display().to_string();
            sources.push(Source { path, lines: lines.collect() });
        }
    }
}

/// All sources of the workspace that are not tests.
fn sources() -> Vec<Source> {
    let root = root();
    let mut sources = Vec::new();
    for place in ["crates", "bench", "fuzz"] {
        collect(&root.join(place), &root, &mut sources);
    }
    assert!(sources.len() > 50, "the sources were found");
    sources
}

/// Fails with every line that `is_wrong`, in the files that `applies` to.
#[track_caller]
fn forbid(what: &str, applies: impl Fn(&Source) -> bool, is_wrong: impl Fn(&str) -> bool) {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| applies(source)) {
        let lines = source.code().filter(|(_, line)| is_wrong(line));
        found.extend(lines.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim())));
    }
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

#[test]
fn files_are_short() {
    let long = sources().into_iter().filter(|source| source.lines.len() > 400);
    let long: Vec<_> = long.map(|source| format!("{}: {} lines", source.path, source.lines.len())).collect();
    assert!(long.is_empty(), "more than 400 lines before the tests: {long:#?}");
}

#[test]
fn functions_are_short() {
    let mut long = Vec::new();
    for source in sources() {
        let mut open: Option<(usize, usize, String)> = None;
        for (number, line) in source.code() {
            let indent = line.len() - line.trim_start().len();
            let words: Vec<&str> = line.split_whitespace().collect();
            let starts = words.iter().take(5).any(|word| *word == "fn") && !line.trim_end().ends_with(';');
            if open.is_none() && starts {
                open = Some((number, indent, line.trim().to_owned()));
            }
            // rustfmt puts what ends a function under the word that begins it: a brace, or, of a declaration alone,
            // a semicolon.
            if let Some((start, margin, name)) = &open
                && indent == *margin
                && line.trim_end().ends_with(['}', ';'])
            {
                if number - start > 70 {
                    long.push(format!("{}:{start}: {} lines: {name}", source.path, number - start));
                }
                open = None;
            }
        }
    }
    assert!(long.is_empty(), "more than 70 lines in a function: {long:#?}");
}

#[test]
fn modules_say_what_they_hold() {
    let vague = ["utils", "util", "helpers", "helper", "common", "misc"];
    let is_vague = |source: &Source| source.path.split(['/', '.']).any(|part| vague.contains(&part));
    let found: Vec<_> = sources().into_iter().filter(is_vague).map(|source| source.path).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn surfaces_do_not_know_each_other() {
    let surfaces = ["ouser", "authd", "line", "authv1", "rest", "oauth", "pages"];
    for own in surfaces {
        for other in surfaces.into_iter().filter(|other| *other != own) {
            let place = format!("crates/wire/src/{own}/");
            let (import, call) = (format!("crate::{other}::"), format!("super::super::{other}::"));
            let knows = |line: &str| line.contains(&import) || line.contains(&call);
            forbid(&format!("{own} uses {other}"), |source| source.is_in(&place), knows);
        }
    }
}

#[test]
fn data_flows_one_way() {
    let below = [("wire", &["store", "delivery", "server"][..]), ("ops", &["wire", "delivery", "server"])];
    let further = [
        ("store", &["ops", "wire", "delivery", "server"][..]),
        ("model", &["store", "ops", "wire", "delivery"]),
    ];
    for (name, forbidden) in below.into_iter().chain(further) {
        let manifest =
            fs::read_to_string(root().join(format!("crates/{name}/Cargo.toml"))).expect("a manifest");
        let shipped = manifest.split("[dev-dependencies]").next().unwrap_or_default();
        for crate_name in forbidden {
            assert!(
                !shipped.contains(&format!("countersign-{crate_name}")),
                "{name} depends on {crate_name}"
            );
        }
    }
}

#[test]
fn sql_is_in_the_store_only() {
    let verbs =
        ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "CREATE TABLE ", "ALTER TABLE ", "PRAGMA "];
    let elsewhere = |source: &Source| {
        !["crates/store/", "crates/testkit/", "bench/"].iter().any(|place| source.is_in(place))
    };
    forbid("SQL outside the store", elsewhere, |line| verbs.iter().any(|verb| line.contains(verb)));
}

#[test]
fn time_and_chance_are_passed_in() {
    let free =
        ["crates/testkit/", "bench/", "fuzz/", "crates/model/src/time.rs", "crates/model/src/random.rs"];
    let bound = |source: &Source| {
        !free.iter().any(|place| source.is_in(place)) && !source.path.contains("/examples/")
    };
    let sources = [
        "SystemTime::now",
        "Instant::now",
        "Zoned::now",
        "Timestamp::now",
        "rand::rng",
        "getrandom::",
        "SystemRandom",
        "Uuid::new_v4",
    ];
    forbid("a clock or a source of randomness of its own", bound, |line| {
        sources.iter().any(|name| line.contains(name))
    });
    // The program has one clock, and what it calls is told the time.
    let called = |source: &Source| bound(source) && !source.is_in("crates/server/");
    forbid("the system's clock", called, |line| line.contains("Clock::system"));
}

#[test]
fn nothing_is_left_to_do() {
    let found: Vec<_> = sources()
        .iter()
        .flat_map(|source| source.lines.iter().enumerate().map(move |(number, line)| (source, number, line)))
        .filter(|(_, _, line)| ["TODO", "FIXME", "XXX:"].iter().any(|mark| line.contains(mark)))
        .map(|(source, number, line)| format!("{}:{}: {}", source.path, number + 1, line.trim()))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn engines_are_named_in_one_place() {
    let outside =
        |source: &Source| source.is_in("crates/store/src/") && !source.is_in("crates/store/src/db/");
    let drivers = ["rusqlite::", "tokio_postgres::"];
    forbid("a database driver outside store/src/db", outside, |line| {
        drivers.iter().any(|name| line.contains(name))
    });
}

/// The text of a file in which lines of comments are joined: a citation may go over the end of a line.
fn flowing(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim_start().trim_start_matches(['/', '!', '#', '-', '*']));
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// The ids of requirements and decisions that a text cites, as `docs/requirements.md` spells them.
fn cited(text: &str) -> Vec<String> {
    let text = flowing(text);
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let is_requirement = |word: &&str| {
        word.strip_prefix('R').is_some_and(|n| n.len() == 3 && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let mut ids: Vec<String> = words.filter(is_requirement).map(str::to_owned).collect();
    let lists = [
        ("design ", "design"),
        ("cceptance decision ", "acceptance decision"),
        ("cceptance decisions ", "acceptance decision"),
    ];
    for (phrase, name) in lists {
        for (at, _) in text.match_indices(phrase) {
            // Numbers, as in "3.4, 3.5 and 3.7", up to the first word that is none.
            let rest = text[at + phrase.len()..].split(' ').filter(|word| *word != "and");
            for word in rest {
                let number = word.trim_end_matches(|letter: char| !letter.is_ascii_digit());
                if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
                    break;
                }
                ids.push(format!("{name} {number}"));
                if !word[number.len()..].chars().all(|mark| mark == ',') {
                    break;
                }
            }
        }
    }
    ids
}

/// The files below a folder that may cite something.
fn citing(directory: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let is_text =
            path.extension().is_some_and(|kind| ["rs", "md", "sql", "py"].iter().any(|it| kind == *it));
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
            citing(&path, found);
        } else if is_text && !path.ends_with("docs/requirements.md") && !path.ends_with("blackbox/tidy.rs") {
            found.push(path);
        }
    }
}

#[test]
fn what_is_cited_can_be_looked_up() {
    let page = fs::read_to_string(root().join("docs/requirements.md")).expect("the list of requirements");
    let mut files = Vec::new();
    for place in ["crates", "docs", "tests", "bench", "fuzz"] {
        citing(&root().join(place), &mut files);
    }
    let mut count = 0;
    let mut missing = Vec::new();
    for path in files {
        for id in cited(&fs::read_to_string(&path).unwrap_or_default()) {
            count += 1;
            if !page.contains(&format!("\n| {id} | ")) {
                missing.push(format!("{}: {id}", path.display()));
            }
        }
    }
    assert!(count > 150, "citations were found: {count}");
    assert!(missing.is_empty(), "not in docs/requirements.md: {missing:#?}");
}

#[test]
fn citations_are_found_in_every_spelling() {
    let text = "//! One (R017,\n//! R019; design 3.4, 3.5 and 2). R12 SR017 design of 3 things (acceptance\n\
                //! decisions 10 and 11; X-08), Acceptance decision 4: no. design 3.8.\n";
    let mut found = cited(text);
    found.sort();
    let expected = [
        "R017",
        "R019",
        "acceptance decision 10",
        "acceptance decision 11",
        "acceptance decision 4",
        "design 2",
        "design 3.4",
        "design 3.5",
        "design 3.8",
    ];
    assert_eq!(found, expected);
}
