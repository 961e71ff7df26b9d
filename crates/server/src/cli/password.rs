//! Passwords come from a prompt, standard input or a file, never from the command line, which
//! everybody on the machine can read (R145).

use std::fs::File;
use std::future::poll_fn;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::task::Poll;

use countersign_model::password::Password;
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::args::PasswordSource;
use crate::failure::{Failure, Outcome};

/// The exit code of a command that a signal has ended, as shells have it for Ctrl-C.
const INTERRUPTED: i32 = 130;

/// More than any password may have.
const MAX_BYTES: u64 = 4096;

/// The password; `None` where none was given and there is nobody to ask, or who was asked gave none.
///
/// # Errors
/// If it cannot be read or can be no password.
pub async fn read(source: &PasswordSource) -> Outcome<Option<Password>> {
    let text = if source.password_stdin {
        Some(first_line(io::stdin().lock(), "standard input")?)
    } else if let Some(path) = &source.password_file {
        let name = path.display().to_string();
        let file =
            File::open(path).map_err(|error| Failure::failed(format!("cannot read {name}: {error}")))?;
        Some(first_line(BufReader::new(file), &name)?)
    } else if io::stdin().is_terminal() {
        ask_unless_interrupted().await?
    } else {
        None
    };
    text.map(|text| password(&text)).transpose()
}

fn password(text: &str) -> Outcome<Password> {
    Password::new(text).map_err(|error| Failure::failed(format!("this can be no password: it is {error}")))
}

fn first_line(reader: impl BufRead, name: &str) -> Outcome<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    let read = reader.take(MAX_BYTES).read_line(&mut line);
    read.map_err(|error| Failure::failed(format!("cannot read the password from {name}: {error}")))?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A command that ended in the midst of this would leave a terminal that does not show what is typed.
async fn ask_unless_interrupted() -> Outcome<Option<Zeroizing<String>>> {
    let listen =
        |kind| signal(kind).map_err(|error| Failure::failed(format!("cannot listen for signals: {error}")));
    let mut ends =
        [listen(SignalKind::interrupt())?, listen(SignalKind::quit())?, listen(SignalKind::terminate())?];
    let asked = tokio::select! {
        biased;
        () = first_of(&mut ends) => None,
        asked = ask_twice() => Some(asked),
    };
    let Some(asked) = asked else {
        // The next prompt stands on a line of its own.
        let _ = writeln!(io::stderr());
        return Err(Failure::failed("no password was given: the command was interrupted"));
    };
    // Who has listened once must go on: these signals end nothing by themselves any more.
    tokio::spawn(async move {
        first_of(&mut ends).await;
        std::process::exit(INTERRUPTED);
    });
    asked
}

/// Waits until one of them comes.
async fn first_of(signals: &mut [Signal]) {
    poll_fn(|context| match signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

async fn ask_twice() -> Outcome<Option<Zeroizing<String>>> {
    let first = ask("Password (empty for none): ").await?;
    if first.is_empty() {
        return Ok(None);
    }
    if *ask("The same again: ").await? != *first {
        return Err(Failure::failed("the two passwords are not the same"));
    }
    Ok(Some(first))
}

async fn ask(prompt: &str) -> Outcome<Zeroizing<String>> {
    let failed = |error: io::Error| Failure::failed(format!("cannot ask for the password: {error}"));
    let mut err = io::stderr();
    write!(err, "{prompt}").and_then(|()| err.flush()).map_err(failed)?;
    let silence = Silence::begin().map_err(|error| failed(error.into()))?;
    // On a thread that nobody waits for at the end: what reads a terminal cannot be interrupted.
    let (sender, line) = oneshot::channel();
    std::thread::spawn(move || sender.send(first_line(io::stdin().lock(), "the terminal")));
    let line = line.await.map_err(|_| failed(io::ErrorKind::UnexpectedEof.into()))?;
    drop(silence);
    writeln!(err).map_err(failed)?;
    line
}

/// Echo is off until this is dropped.
struct Silence(Termios);

impl Silence {
    fn begin() -> nix::Result<Silence> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(io::stdin(), SetArg::TCSANOW, &silent)?;
        Ok(Silence(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_password_and_nothing_is_trimmed_but_its_end() {
        let read = |text: &str| first_line(text.as_bytes(), "test").unwrap().to_string();
        assert_eq!(read(" a b \r\nsecond\n"), " a b ");
        assert_eq!(read("no end"), "no end");
    }
}
