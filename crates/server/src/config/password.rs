//! The settings of `[password]`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use countersign_model::password::Floor;
use countersign_ops::breached_list::BreachedList;
use countersign_ops::hasher::{HasherSettings, Peppers, Priority};

use super::reader::Reader;

/// Reads them.
pub fn hasher(reader: &mut Reader<'_>) -> HasherSettings {
    let default = HasherSettings::default();
    let allowed = "a number from 8192 (8 MiB) to 4194304 (4 GiB)";
    let memory_kib = reader
        .checked("password.memory_kib", default.memory_kib, allowed, |kib| (8192..=4_194_304).contains(kib));
    let iterations =
        reader.checked("password.iterations", default.iterations, "a number from 1 to 64", |n| {
            (1..=64).contains(n)
        });
    let parallelism =
        reader.checked("password.parallelism", default.parallelism, "a number from 1 to 64", |n| {
            (1..=64).contains(n)
        });
    let threads = reader.optional_checked::<usize>("password.hash_threads", "a number from 1 to 1024", |n| {
        (1..=1024).contains(n)
    });
    let max_queue =
        reader.checked("password.max_queue", default.max_queue, "a number from 1 to 1000000", |n| {
            (1..=1_000_000).contains(n)
        });
    let mut priorities = [("auto", Priority::Auto), ("low", Priority::Low), ("idle", Priority::Idle)];
    // The first is the default.
    priorities.sort_by_key(|(_, priority)| *priority != default.priority);
    let priority = reader.choice("password.hash_priority", &priorities);
    HasherSettings {
        memory_kib,
        iterations,
        parallelism,
        peppers: peppers(reader),
        threads: threads.and_then(NonZeroUsize::new),
        priority,
        max_queue,
        max_wait: default.max_wait,
    }
}

/// What is added to every surface's rule.
pub fn floor(reader: &mut Reader<'_>) -> Floor {
    Floor {
        min_length: reader.checked("password.min_length", 0, "a number from 0 to 64", |n| *n <= 64),
        reject_common: reader.choice("password.reject_common", &[("as_documented", false), ("always", true)]),
    }
}

/// A list that cannot be used is no reason to go without.
pub fn breached_list(reader: &mut Reader<'_>) -> Option<Arc<BreachedList>> {
    const KEY: &str = "password.breached_list";
    let path = reader.path(KEY)?;
    match BreachedList::open(&path) {
        Ok(list) => Some(Arc::new(list)),
        Err(error) => {
            let origin = reader.origin(KEY);
            reader.problem(&origin, format!("`{KEY}`: {} {error}", path.display()));
            None
        }
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
