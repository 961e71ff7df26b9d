//! The settings of `[password]` that the hash pool works with.

use std::num::NonZeroUsize;

use countersign_ops::hasher::{HasherSettings, Peppers};

use super::reader::Reader;

/// Reads them.
pub fn hasher(reader: &mut Reader<'_>) -> HasherSettings {
    let allowed = "a number from 8192 (8 MiB) to 4194304 (4 GiB)";
    let memory_kib =
        reader.checked("password.memory_kib", 19_456, allowed, |kib| (8192..=4_194_304).contains(kib));
    let iterations =
        reader.checked("password.iterations", 2, "a number from 1 to 64", |n| (1..=64).contains(n));
    let parallelism =
        reader.checked("password.parallelism", 1, "a number from 1 to 64", |n| (1..=64).contains(n));
    let threads = reader.optional_checked::<usize>("password.hash_threads", "a number from 1 to 1024", |n| {
        (1..=1024).contains(n)
    });
    let max_queue = reader
        .checked("password.max_queue", 1024, "a number from 1 to 1000000", |n| (1..=1_000_000).contains(n));
    HasherSettings {
        memory_kib,
        iterations,
        parallelism,
        peppers: peppers(reader),
        threads: threads.and_then(NonZeroUsize::new),
        max_queue,
        max_wait: HasherSettings::default().max_wait,
    }
}

/// A pepper that cannot be read is no reason to hash without one.
fn peppers(reader: &mut Reader<'_>) -> Peppers {
    let Some(text) = reader.secret("password.pepper") else {
        return Peppers::default();
    };
    Peppers::parse(text.reveal()).unwrap_or_else(|error| {
        let key = match reader.is_written("password.pepper") {
            true => "password.pepper",
            false => "password.pepper_file",
        };
        let origin = reader.origin(key);
        reader.problem(&origin, format!("`{key}`: {error}"));
        Peppers::default()
    })
}
