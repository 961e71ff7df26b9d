//! The documentation does what it says: its examples run, its tables are complete, its links lead somewhere.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_testkit::{Engine, Postgres, Server, server};
use serde_json::Value;

use crate::case::Case;

/// Stands between what the blocks of a page print.
const SEPARATOR: &str = "\u{1e}";

/// An example and what it should print, if the page says.
struct Example {
    command: String,
    printed: Option<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// The fenced blocks of a page: what stands behind the fence, and the text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut is_inside = false;
    for line in page.lines() {
        match line.strip_prefix("```") {
            Some(info) if !is_inside => blocks.push((info.trim().to_owned(), String::new())),
            Some(_) => {}
            None if is_inside => {
                let (_, text) = blocks.last_mut().expect("a block was begun");
                text.push_str(line);
                text.push('\n');
            }
            None => continue,
        }
        is_inside ^= line.starts_with("```");
    }
    blocks
}

/// The `sh` blocks of a page, each with the `text` block that follows it. `sh ignore` marks what no test can run.
fn examples(page: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut before = String::new();
    for (info, text) in blocks(page) {
        if info == "sh" {
            examples.push(Example { command: text, printed: None });
        } else if info == "text" && before == "sh" {
            examples.last_mut().expect("an example came before").printed = Some(text);
        }
        before = info;
    }
    assert!(!examples.is_empty(), "the page has examples");
    examples
}

/// Whether a text is as the pattern says, in which `…` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('…') else { return pattern == text };
    let Some(after) = text.strip_prefix(start) else { return false };
    after.char_indices().any(|(at, _)| matches(rest, &after[at..])) || matches(rest, "")
}

/// The lines that say something, with single spaces: the width of columns depends on what is in them.
fn lines(text: &str) -> String {
    let words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    words.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Runs the examples of a page in one shell, next to a fresh server, as its reader would next to a default one.
fn run_page(page: &str) {
    let case = Case::new(Engine::Sqlite).with_own(Server::builder());
    let server = case.server();
    let here = server.data_dir().parent().expect("a directory of its own").to_owned();
    // As the server makes it by itself.
    fs::set_permissions(server.data_dir(), fs::Permissions::from_mode(0o700))
        .expect("a directory of its own");
    std::os::unix::fs::symlink(server.data_dir(), here.join("countersign-data")).expect("a link");
    let binary = PathBuf::from(&server.command_line(&[])[0]);
    let programs = binary.parent().expect("a directory").display().to_string();
    let examples = examples(&read(page));
    let mut script = String::from("exec 2>&1\n");
    for example in &examples {
        script.push_str(&format!("{}\nprintf '{SEPARATOR}'\n", example.command));
    }
    let postgres = "postgres://countersign@localhost/countersign";
    if script.contains(postgres) {
        script = script.replace(postgres, &Postgres::shared().empty_database());
    }
    let as_here = [
        ("127.0.0.1:8080", server.http_address().to_string()),
        ("127.0.0.1:8081", server.line_address().to_string()),
        ("127.0.0.1:8082", server.metrics_address().to_string()),
        ("cargo run --release --", "countersign".to_owned()),
        // The server of the other examples is not stopped for it.
        ("countersign copy", "countersign copy --from-running".to_owned()),
    ];
    for (written, meant) in as_here {
        script = script.replace(written, &meant);
    }
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
    let mut bash = Command::new("bash");
    server::without_settings(&mut bash).args(["-e", "-c", &script]).current_dir(&here).env("PATH", path);
    // The commands take the addresses from the settings; those of this server are flags.
    bash.env("COUNTERSIGN_LISTEN", server.http_address().to_string());
    bash.env("COUNTERSIGN_LINE_LISTEN", server.line_address().to_string());
    let output = bash.output().expect("bash runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{page}: {}\n{said}", output.status);
    let said: Vec<&str> = said.split(SEPARATOR).collect();
    assert_eq!(said.len(), examples.len() + 1, "{page}: every example ran");
    for (example, said) in examples.iter().zip(said) {
        let Some(expected) = &example.printed else { continue };
        assert!(
            matches(&lines(expected), &lines(said)),
            "{page}:\n{}\nshould print\n{expected}\nand printed\n{said}",
            example.command
        );
    }
}

#[test]
fn examples_of_the_readme_run() {
    run_page("README.md");
}

#[test]
fn examples_of_ouser_run() {
    run_page("docs/surfaces/ouser.md");
}

#[test]
fn examples_of_authd_run() {
    run_page("docs/surfaces/authd.md");
}

#[test]
fn examples_of_line_run() {
    run_page("docs/surfaces/line.md");
}

#[test]
fn examples_of_authv1_run() {
    run_page("docs/surfaces/authv1.md");
}

#[test]
fn examples_of_rest_run() {
    run_page("docs/surfaces/rest.md");
}

#[test]
fn examples_of_oauth_run() {
    run_page("docs/surfaces/oauth.md");
}

#[test]
fn a_pattern_is_as_strict_as_it_looks() {
    assert!(matches("a…c", "abbc") && matches("…", "") && matches("a…", "a"));
    assert!(!matches("a…c", "abcd") && !matches("", "a") && !matches("b…", "ab"));
}

/// Every setting stands on its page with its default.
#[test]
fn every_setting_is_documented() {
    let page = read("docs/configuration.md");
    let case = Case::new(Engine::Sqlite);
    let output = case.server().command(&["config", "show", "--json"]);
    let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let shown = shown.as_array().expect("a list of settings");
    assert!(shown.len() > 50, "{shown:?}");
    let is_missing = |entry: &&Value| {
        let key = entry["key"].as_str().expect("a name");
        let default = match (&entry["origin"], &entry["value"]) {
            // What the test sets for its server.
            (origin, _) if origin != "default" => String::new(),
            (_, Value::Null) => "–".to_owned(),
            (_, value) => format!("`{value}` |"),
        };
        !page.contains(&format!("| `{key}` | {default}"))
    };
    let missing: Vec<_> = shown.iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "not in docs/configuration.md, or with another default: {missing:#?}");
    let keys: Vec<_> = shown.iter().filter_map(|entry| entry["key"].as_str()).collect();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let unknown: Vec<_> = rows.filter(|key| !keys.contains(key) && *key != "sms.headers").collect();
    assert!(unknown.is_empty(), "docs/configuration.md has settings that do not exist: {unknown:?}");
}

fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for folder in ["", "docs", "docs/surfaces", "docs/decisions"] {
        let entries = fs::read_dir(root().join(folder)).expect("a folder").flatten();
        pages
            .extend(entries.map(|entry| entry.path()).filter(|path| path.extension() == Some("md".as_ref())));
    }
    pages
}

/// Links between pages lead to files that exist.
#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for target in targets.filter(|target| !target.is_empty() && !target.contains("://")) {
            if !page.parent().expect("a folder").join(target).exists() {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// All our sources.
fn sources() -> String {
    let mut sources = String::new();
    let mut folders = vec![root().join("crates"), root().join("tests/tests"), root().join("bench/src")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension() == Some("rs".as_ref()) {
                sources.push_str(&fs::read_to_string(path).expect("a source file"));
            }
        }
    }
    sources
}

/// The tests and files that ARCHITECTURE.md relies on exist.
#[test]
fn guards_of_invariants_exist() {
    let page = read("ARCHITECTURE.md");
    let sources = sources();
    let invariants =
        page.split("\n## ").find(|part| part.starts_with("What always holds")).expect("a chapter");
    let mut guards = 0;
    for invariant in invariants.split("Guarded by").skip(1) {
        // Up to the next one, which begins with its number at the margin.
        let named = invariant.split("\n\n").next().unwrap_or_default().lines();
        let named = named.take_while(|line| !line.starts_with(|first: char| first.is_ascii_digit()));
        for guard in named.collect::<Vec<_>>().join("\n").split('`').skip(1).step_by(2) {
            guards += 1;
            let name = guard.rsplit("::").next().unwrap_or(guard);
            let is_there = sources.contains(&format!("fn {name}(")) || root().join(guard).exists();
            assert!(is_there, "ARCHITECTURE.md names {guard}, which does not exist");
        }
    }
    assert!(guards > 40, "{guards}");
}

/// Every row of the security review names a test that is there, or says that it is open or cannot occur.
#[test]
fn the_security_review_names_what_is_there() {
    let page = read("docs/security-review.md");
    let sources = sources();
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.contains("---"));
    let rows: Vec<&str> = rows.filter(|row| !row.ends_with("Shown by |")).collect();
    for row in &rows {
        let shown = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        let names: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        for name in &names {
            let name = name.rsplit("::").next().unwrap_or(name);
            let is_there = sources.contains(&format!("fn {name}(")) || root().join(name).exists();
            assert!(is_there, "docs/security-review.md names {name}, which does not exist");
        }
        let is_excused = shown.contains("**open**") || shown.contains("n/a");
        assert!(!names.is_empty() || is_excused, "{row} shows nothing");
    }
    assert!(rows.len() > 100, "{}", rows.len());
}
