//! What all commands have in common: JSON for programs, exit codes, completions.

use std::io::Write;
use std::process::{Command, Stdio};

use countersign_testkit::{process, scratch, server};
use serde_json::Value;

use super::{failed, run};
use crate::case::{Case, on_both_engines};
use crate::ouser;

on_both_engines! {
    what_is_listed_or_shown_as_json_parses
    the_exit_code_tells
    a_refusal_says_what_to_do
    a_command_that_fails_leaves_no_folder_behind
}

/// Runs a program on a terminal of its own, waits until it asks for a password, and presses Ctrl-C. Prints how it
/// ended, whether the terminal shows again what is typed, and what the program said.
const INTERRUPTED: &str = r"
import os, pty, signal, sys, termios, time
signal.alarm(30)
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
shows = lambda: bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
said = b''
while b'Password' not in said:
    said += os.read(terminal, 1000)
while shows():
    time.sleep(0.01)
os.write(terminal, b'a secret\x03')
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(code, shows())
try:
    print(os.read(terminal, 1000))
except OSError:
    pass  # it said nothing
";

#[test]
fn a_terminal_is_left_as_it_was_when_a_password_is_not_given() {
    let folder = scratch::directory("prompt");
    let mut python = Command::new("python3");
    server::without_settings(&mut python).args(["-c", INTERRUPTED]).arg(process::countersign());
    python.args(["account", "add", "--username", "ada"]).current_dir(&folder).stdin(Stdio::null());
    let said = String::from_utf8_lossy(&python.output().expect("python3").stdout).into_owned();
    assert!(said.starts_with("1 True") && said.contains("interrupted"), "{said}");
    assert!(!said.contains("secret"), "{said}");
    assert!(!folder.join("countersign-data").exists(), "something was made");
}

/// What a list or a card must be, and what it must have.
enum Shape {
    List(&'static str),
    Card(&'static str),
}
use Shape::{Card, List};

fn what_is_listed_or_shown_as_json_parses(case: &Case) {
    let case = case.with_config("");
    let member = ouser::register(&case);
    ouser::session(&case, &member);
    ouser::code_for(&case, &member.email);
    let json = |arguments: &[&str]| {
        let output = case.server().command(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|error| {
            panic!("{arguments:?}: {error} in {}", String::from_utf8_lossy(&output.stdout))
        })
    };
    let message = json(&["outbox", "list"])[0]["id"].to_string();
    let backup = scratch::directory("json").join("backup").display().to_string();
    let email = member.email.as_str();
    let table: &[(&[&str], Shape)] = &[
        (&["account", "list"], List("standing")),
        (&["account", "list", "--limit", "1"], List("identifiers")),
        (&["account", "show", email], Card("uuid")),
        (&["account", "sessions", email], List("surface")),
        (&["account", "add", "--email", "new@example.org", "--no-password"], Card("has_password")),
        (&["account", "suspend", "new@example.org"], Card("standing")),
        (&["account", "restore", "new@example.org"], Card("standing")),
        (&["account", "close", "new@example.org"], Card("standing")),
        (&["outbox", "list"], List("template")),
        (&["outbox", "list", "--state", "pending"], List("code")),
        (&["outbox", "show", &message], Card("template")),
        (&["keys", "list"], List("jwk")),
        (&["keys", "rotate", "oauth"], Card("kid")),
        (&["config", "show"], List("origin")),
        (&["config", "show", "--set"], List("key")),
        (&["doctor"], List("level")),
        (&["migrate"], Card("pending")),
        (&["migrate", "--apply"], Card("applied")),
        (&["backup", &backup], Card("file")),
    ];
    for (arguments, shape) in table {
        let printed = json(arguments);
        let (first, key) = match shape {
            List(key) => (printed.as_array().and_then(|list| list.first()), key),
            Card(key) => (Some(&printed), key),
        };
        assert!(first.is_some_and(|first| first.get(key).is_some()), "{arguments:?}: {printed}");
    }
    // Nothing is a list too.
    assert_eq!(json(&["account", "sessions", email, "--end-all"]), Value::Array(Vec::new()));
    assert_eq!(json(&["outbox", "list", "--state", "dead"]), Value::Array(Vec::new()));
}

fn the_exit_code_tells(case: &Case) {
    let case = case.with_config("");
    let table: &[(&[&str], i32)] = &[
        (&["account", "list"], 0),
        (&["outbox", "list"], 0),
        (&["doctor"], 0),
        (&["config", "check"], 0),
        (&["account", "show", "nobody"], 1),
        (&["account", "suspend", "nobody@example.org"], 1),
        (&["account", "sessions", "nobody"], 1),
        (&["outbox", "show", "1"], 1),
        (&["restore", "no-such-file"], 1),
        (&["account", "add", "--email", "no address", "--no-password"], 2),
        (&["outbox", "purge", "--older-than", "long"], 2),
        (&["account", "list", "--limit", "many"], 2),
        (&["account", "list", "--config", "no-such-file.toml"], 2),
        (&["no-such-command"], 2),
        (&["token", "cs_at_x"], 2),
        (&["account", "list", "--no-such-flag"], 2),
    ];
    for (arguments, code) in table {
        let output = case.server().command(arguments);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(*code), "{arguments:?}: {out}{err}");
        assert_eq!(err.contains("error: "), *code != 0, "{arguments:?}: {err}");
    }
    let token = case.server().command(&["token", "cs_at_x"]);
    let said = String::from_utf8_lossy(&token.stderr);
    assert!(said.contains("token inspect") && !said.contains("cs_at_x"), "{said}");
}

/// What is not there can be looked for, and what is malformed can be written another way.
fn a_refusal_says_what_to_do(case: &Case) {
    let case = case.with_config("");
    let member = ouser::register(&case);
    let email = member.email.as_str();
    let sessions = format!("countersign account sessions {email}");
    let table: &[(&[&str], &str)] = &[
        (&["account", "show", "nobody"], "countersign account list"),
        (&["account", "close", "nobody"], "countersign account list"),
        (&["account", "sessions", email, "--end", "1"], &sessions),
        (&["role", "list", "--account", "nobody"], "countersign account list"),
        (&["outbox", "show", "1"], "countersign outbox list"),
        (&["outbox", "retry", "1"], "countersign outbox list"),
        (&["keys", "revoke", "none"], "countersign keys list"),
        (&["client", "show", "none"], "countersign client list"),
        (&["client", "remove", "none"], "countersign client list"),
        (&["account", "add", "--username", "a b", "--no-password"], "3 to 255 characters without spaces"),
        (&["account", "add", "--email", "a b", "--no-password"], "ann@example.com"),
        (&["account", "add", "--phone", "12", "--no-password"], "7 to 15 digits"),
    ];
    for (arguments, advice) in table {
        let said = failed(&case.server().command(arguments));
        assert!(said.contains(advice), "{arguments:?}: {said}");
    }
}

#[test]
fn help_is_no_failure_and_a_bare_call_is() {
    let folder = scratch::directory("help");
    for (arguments, code) in [(&["--help"][..], 0), (&["--version"], 0), (&["keys", "--help"], 0), (&[], 2)] {
        assert_eq!(run(&folder, arguments).status.code(), Some(code), "{arguments:?}");
    }
}

/// Each shell gets a script that names every command; bash reads its own.
#[test]
fn completions_are_scripts() {
    let folder = scratch::directory("completions");
    for shell in ["bash", "zsh", "fish"] {
        let output = run(&folder, &["completions", shell]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let script = String::from_utf8(output.stdout).expect("UTF-8");
        for word in ["serve", "outbox", "set-password", "data-dir"] {
            assert!(script.contains(word), "{word} is not in the script for {shell}");
        }
        if shell == "bash" {
            let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().expect("bash");
            bash.stdin.take().expect("piped").write_all(script.as_bytes()).expect("bash reads");
            assert!(bash.wait().expect("bash").success());
        }
    }
    assert_eq!(run(&folder, &["completions", "abacus"]).status.code(), Some(2));
    assert_eq!(std::fs::read_dir(&folder).expect("a directory").count(), 0, "it has made something");
}

fn a_command_that_fails_leaves_no_folder_behind(case: &Case) {
    let folder = scratch::directory("left");
    let said = failed(&run(&folder, &["outbox", "list", "--database", case.server().database_url()]));
    assert!(said.contains("master.key"), "{said}");
    assert_eq!(std::fs::read_dir(&folder).expect("a directory").count(), 0, "something was left");
}
