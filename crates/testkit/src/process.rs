//! Child processes that do not outlive the test run.

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use crate::poll;

type Order = (Command, Sender<io::Result<Child>>);

/// A command that gets SIGKILL from the kernel when this process dies. Start it with [`spawn`] only.
pub fn mortal(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Starts `command` from a thread that lives as long as the process.
///
/// "Death of the parent" means the death of the *thread* that forked (prctl(2), PR_SET_PDEATHSIG), and the thread
/// of a test ends with the test, while a server it started may be shared with others.
pub fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, orders) = channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in orders {
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(sender)
    });
    let (reply, answer) = channel();
    spawner.lock().expect("never held over a panic").send((command, reply)).expect("the thread never ends");
    answer.recv().expect("the thread answers every order")
}

/// Sends a signal by name (`TERM`, `STOP` …) to `child`.
pub fn signal(child: &Child, name: &str) {
    let done = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().expect("kill");
    assert!(done.success(), "kill -s {name} failed");
}

/// Waits for `child` to end, at most `deadline`.
pub fn wait(child: &mut Child, deadline: Duration) -> Option<ExitStatus> {
    poll::within(deadline, || child.try_wait().expect("a child of our own"))
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").expect("/proc").uid() == 0
}

/// The `countersign` binary: `COUNTERSIGN_BIN`, or the one beside the directory of the running test executable.
pub fn countersign() -> PathBuf {
    if let Some(path) = std::env::var_os("COUNTERSIGN_BIN") {
        return path.into();
    }
    let own = std::env::current_exe().expect("the path of the test executable");
    let found = own.ancestors().skip(1).take(3).map(|directory| directory.join("countersign"));
    found.into_iter().find(|path| path.is_file()).unwrap_or_else(|| {
        panic!("no countersign binary near {}: run `cargo build -p countersign-server` first", own.display())
    })
}
