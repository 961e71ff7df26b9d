//! Programs whose clock can be moved.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where shared memory and semaphores have names. The library makes one of each for a process, by its number, and a
/// process that is killed leaves them; one that gets the number later would not start.
const SHARED: &str = "/dev/shm";

/// Makes the wall clock of a program follow what the file says.
pub fn follow(command: &mut Command, clock: &Path) {
    command.env("LD_PRELOAD", library()).env("FAKETIME_TIMESTAMP_FILE", clock);
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
}

/// The library of the Debian package `libfaketime` in its variant for programs with threads.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        tidy_up_after_the_dead();
        let candidates = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
        let mut files = candidates.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"));
        files.find(|file| file.is_file()).expect("libfaketime is not installed (Debian: libfaketime)")
    })
}

/// Removes what a killed process has left.
pub fn tidy_up_after(process: u32) {
    for name in ["faketime_shm_", "sem.faketime_sem_"] {
        let _ = fs::remove_file(Path::new(SHARED).join(format!("{name}{process}")));
    }
}

/// Removes what earlier runs have left that were killed themselves.
fn tidy_up_after_the_dead() {
    let names = fs::read_dir(SHARED).into_iter().flatten().flatten();
    let numbers = names.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        name.strip_prefix("faketime_shm_").or(name.strip_prefix("sem.faketime_sem_"))?.parse::<u32>().ok()
    });
    for number in numbers {
        if !Path::new("/proc").join(number.to_string()).exists() {
            tidy_up_after(number);
        }
    }
}
