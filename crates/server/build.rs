//! Links the program with relocations that take little room, where the C library can read them.
//!
//! A position-independent program of this size has 800 KiB of them otherwise. The loader reads all of it at
//! each start, and it stays in memory (docs/decisions/0008-hot-path.md).

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is_native = env::var("HOST") == env::var("TARGET");
    if is_native && env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu") && glibc_reads_them() {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// Since version 2.36. `getconf` prints `glibc 2.36`.
fn glibc_reads_them() -> bool {
    let Ok(told) = Command::new("getconf").arg("GNU_LIBC_VERSION").output() else { return false };
    let told = String::from_utf8_lossy(&told.stdout);
    let version = told.trim().strip_prefix("glibc ").and_then(|version| version.split_once('.'));
    let number = |text: &str| text.parse::<u32>().unwrap_or(0);
    version.is_some_and(|(major, minor)| (number(major), number(minor)) >= (2, 36))
}
