//! How many passwords may be hashed at once: as many as there are cores, if the memory allows.

use std::fs;
use std::thread;

/// Threads for hashes of `memory_kib`: the cores this process may use, but no more than fit into
/// half of the memory it may use (R012).
pub(super) fn threads(memory_kib: u32) -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    threads_for(cores, memory_available_kib(), memory_kib)
}

fn threads_for(cores: usize, available_kib: Option<u64>, memory_kib: u32) -> usize {
    let fit = available_kib.map_or(u64::MAX, |available| available / 2 / u64::from(memory_kib.max(1)));
    cores.min(usize::try_from(fit).unwrap_or(usize::MAX)).max(1)
}

/// The smaller of what the machine has free and what the control group allows; `None` where neither
/// is told.
fn memory_available_kib() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().as_deref().and_then(free_in_meminfo);
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max")
        .ok()
        .and_then(|limit| limit.trim().parse::<u64>().ok())
        .map(|bytes| bytes / 1024);
    machine.into_iter().chain(group).min()
}

fn free_in_meminfo(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_takes_the_cores_unless_memory_is_short() {
        assert_eq!(threads_for(4, None, 19_456), 4);
        assert_eq!(threads_for(4, Some(8 << 20), 19_456), 4);
        assert_eq!(threads_for(64, Some(1 << 20), 65_536), 8);
        assert_eq!(threads_for(4, Some(1024), 19_456), 1);
    }

    #[test]
    fn free_memory_is_read_as_the_kernel_writes_it() {
        let text = "MemTotal:       24689764 kB\nMemFree:        512 kB\nMemAvailable:   22561768 kB\n";
        assert_eq!(free_in_meminfo(text), Some(22_561_768));
        assert_eq!(free_in_meminfo("MemTotal: 1 kB\n"), None);
    }
}
