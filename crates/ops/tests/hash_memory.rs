//! The memory of the hash pool (R012), measured in a process of its own under the allocator that the
//! server has: glibc's keeps eleven times what one aligned buffer of this size needs.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, reason = "a test")]

use std::num::NonZeroUsize;

use countersign_ops::hasher::{Hasher, HasherSettings, SALT_LENGTH};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const THREADS: usize = 4;
const MEBIBYTE: u64 = 1024;

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the state of this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test]
async fn the_pool_takes_its_buffers_at_the_first_hash_and_no_more_than_its_threads_need() {
    let settings = HasherSettings { threads: NonZeroUsize::new(THREADS), ..HasherSettings::default() };
    let buffers = u64::from(settings.memory_kib) * u64::try_from(THREADS).expect("few");
    let before = resident_kib();
    let hasher = Hasher::new(settings).expect("a pool");
    let idle = resident_kib();
    assert!(idle < before + 4 * MEBIBYTE, "idle: {before} → {idle} KiB");

    let slots: Vec<_> = (0..12 * THREADS)
        .map(|_| hasher.try_reserve(countersign_ops::Source::Local).expect("a slot"))
        .collect();
    let jobs = slots.into_iter().map(|slot| {
        tokio::spawn(
            async move { slot.hash(b"correct horse", [7; SALT_LENGTH]).await.map(|_| resident_kib()) },
        )
    });
    let mut most = 0;
    for job in jobs.collect::<Vec<_>>() {
        most = most.max(job.await.expect("a task").expect("a hash"));
    }
    assert!(most < before + buffers + 64 * MEBIBYTE, "loaded: {before} → {most} KiB");
}
