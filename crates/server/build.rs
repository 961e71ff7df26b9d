//! Links the program so that little of it has to be in memory.
//!
//! - With relocations that take little room, where the C library can read them. A position-independent program of this
//!   size has 800 KiB of them otherwise. The loader reads all of it at each start, and it stays in memory
//!   (docs/decisions/0008-hot-path.md).
//! - With the functions that run next to each other (docs/decisions/0011-function-order.md).

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=function-order.ld");
    let is_native = env::var("HOST") == env::var("TARGET");
    if is_native
        && is_optimised()
        && links_by_default()
        && let Ok(folder) = env::var("CARGO_MANIFEST_DIR")
    {
        println!("cargo::rustc-link-arg-bins=-T{folder}/function-order.ld");
    }
    if is_native && env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu") && glibc_reads_them() {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The order was found in such a build; others are not made to be small.
fn is_optimised() -> bool {
    env::var("PROFILE").as_deref() == Ok("release")
}

/// With the linker that comes with Rust for this target. Some others take no linker scripts.
fn links_by_default() -> bool {
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    env::var("TARGET").as_deref() == Ok("x86_64-unknown-linux-gnu")
        && env::var_os("RUSTC_LINKER").is_none()
        && !["linker", "link-arg", "link-self-contained"].iter().any(|named| flags.contains(named))
}

/// Since version 2.36. `getconf` prints `glibc 2.36`.
fn glibc_reads_them() -> bool {
    let Ok(told) = Command::new("getconf").arg("GNU_LIBC_VERSION").output() else { return false };
    let told = String::from_utf8_lossy(&told.stdout);
    let version = told.trim().strip_prefix("glibc ").and_then(|version| version.split_once('.'));
    let number = |text: &str| text.parse::<u32>().unwrap_or(0);
    version.is_some_and(|(major, minor)| (number(major), number(minor)) >= (2, 36))
}
