//! The configuration file: whatever it holds, the answer is settings or a list of problems with their places.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

// The configuration belongs to the binary, which is no library.
#[allow(dead_code, unused_imports)]
#[path = "../../crates/server/src/config/mod.rs"]
mod config;

static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("countersign-fuzz-{}.toml", std::process::id())));

fuzz_target!(|text: &[u8]| {
    std::fs::write(&*FILE, text).expect("a temporary file");
    let flags = config::Flags { config: Some(FILE.clone()), ..config::Flags::default() };
    match config::load(flags) {
        Ok(config) => assert!(!config.shown.is_empty()),
        Err(problems) => assert!(!problems.to_string().is_empty()),
    }
});
