//! Every connection is a file descriptor, and the usual soft limit of 1,024 is far below our bounds.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// As many as the system lets us have without asking anybody, and never fewer than before.
const WANTED: u64 = 65_536;

/// Raises the soft limit towards the hard one. Without success the bounds of the system hold.
pub fn raise() {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    let wanted = WANTED.min(hard).max(soft);
    if wanted > soft
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)
    {
        tracing::warn!(%error, soft, "cannot raise the limit of open files");
    }
}
