//! Starting, watching, stopping and moving a server.

mod check;
mod clock;
mod commands;
mod copies;
mod databases;
mod doctor;
mod health;
mod logs;
mod master_key;
mod newer;
mod reload;
pub mod schema;
mod start;
mod stop;
mod sweep;
mod tour;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use countersign_testkit::{process, server};

/// Runs the binary in `folder`, with none of the settings that the tests run in.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(process::countersign());
    server::without_settings(&mut command);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.output().expect("the countersign binary")
}

/// Both outputs of a command that must succeed.
#[track_caller]
pub fn succeeded(output: &Output) -> String {
    let said = said(output);
    assert!(output.status.success(), "{said}");
    said
}

/// Both outputs of a command that must be refused.
#[track_caller]
pub fn failed(output: &Output) -> String {
    let said = said(output);
    // A panic ends with 101, a signal without a code.
    assert!(matches!(output.status.code(), Some(1..=2)), "{:?}: {said}", output.status);
    said
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
