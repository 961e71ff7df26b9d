//! The directory of this test run.
//!
//! Servers that several tests share live in statics, and Rust runs no destructors for those. So a shell that holds
//! the other end of a pipe waits for this process to end, in whatever way, and removes the directory then.
//! `COUNTERSIGN_TEST_KEEP=1` leaves it in place for a look at the logs.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Removes `$1` once standard input closes. Servers may still be dying then, so it tries for some seconds.
const REAPER: &str = r#"
trap '' INT TERM HUP
cat >/dev/null
for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    rm -rf -- "$1" 2>/dev/null && exit 0
    sleep 0.5
done
"#;

struct Scratch {
    path: PathBuf,
    _reaper: Option<Child>,
}

/// The root directory of this run, made at first use.
pub fn root() -> &'static Path {
    static SCRATCH: OnceLock<Scratch> = OnceLock::new();
    &SCRATCH.get_or_init(make).path
}

/// A fresh directory of the run for its owner only; `label` only makes it easy to find.
pub fn directory(label: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = root().join(format!("{label}-{number}"));
    make_directory(&path);
    path
}

/// Makes a directory as a server makes its own.
pub fn make_directory(path: &Path) {
    DirBuilder::new().mode(0o700).create(path).expect("a directory in the run's own");
}

/// Copies the files of a directory, but no directories in it.
pub fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a directory of the run").flatten() {
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("a file in the run's own directory");
        }
    }
}

/// Whether directories are to be left behind.
pub fn kept() -> bool {
    std::env::var_os("COUNTERSIGN_TEST_KEEP").is_some()
}

fn make() -> Scratch {
    let path =
        tempfile::Builder::new().prefix("countersign-run-").tempdir().expect("a temporary directory").keep();
    // PostgreSQL may run as another user, who must be able to pass through.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o711))
        .expect("permissions of a directory of our own");
    let reaper = if kept() { None } else { Some(start_reaper(&path)) };
    Scratch { path, _reaper: reaper }
}

fn start_reaper(path: &Path) -> Child {
    // It outlives this process, so nobody waits for it; its standard input is open as long as it is kept.
    Command::new("sh")
        .args(["-c", REAPER, "reaper"])
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C goes to the group of the terminal; the reaper has work to do after that.
        .process_group(0)
        .spawn()
        .expect("sh")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_for_their_owner_only() {
        let mode = fs::metadata(directory("mode")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
