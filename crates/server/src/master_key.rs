//! Where the master key comes from (design 3.3).

pub mod rotate;

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use countersign_model::keyring::MasterKey;
use countersign_model::random::Random;
use zeroize::Zeroizing;

use crate::config::MasterKeySource;
use crate::data_dir::DataDir;
use crate::failure::{Failure, Outcome};

/// The key's file in the data directory.
pub const FILE_NAME: &str = "master.key";

/// The key and how it was come by.
#[derive(Debug)]
pub struct Found {
    /// The key.
    pub key: MasterKey,
    /// It was made just now. Should the store turn out to know another one, it goes again.
    pub is_new: bool,
}

/// Gets the key; makes it where it lives in the data directory, is not there and `may_make`.
///
/// # Errors
/// If there is none, or what is there is no key.
pub fn obtain(
    source: &MasterKeySource,
    data_dir: &DataDir,
    may_make: bool,
    random: &Random,
) -> Outcome<Found> {
    match source {
        MasterKeySource::DataDirectory => from_data_dir(data_dir, may_make, random),
        MasterKeySource::File(path) => from_file(path),
        MasterKeySource::Environment(name) => from_environment(name),
        MasterKeySource::Command(command) => from_command(command),
    }
}

/// Whether a key is there and none is made or asked for: `None` if that cannot be told.
pub fn check(source: &MasterKeySource) -> Option<(&'static str, Outcome)> {
    match source {
        MasterKeySource::File(path) => Some(("master_key.file", from_file(path).map(drop))),
        MasterKeySource::Environment(name) => {
            Some(("master_key.environment", from_environment(name).map(drop)))
        }
        MasterKeySource::DataDirectory | MasterKeySource::Command(_) => None,
    }
}

/// Where the key is, for people.
pub fn place(source: &MasterKeySource, data_dir: &Path) -> String {
    match source {
        MasterKeySource::DataDirectory => data_dir.join(FILE_NAME).display().to_string(),
        MasterKeySource::File(path) => path.display().to_string(),
        MasterKeySource::Environment(name) => format!("the environment variable {name}"),
        MasterKeySource::Command(_) => "the output of `master_key.command`".to_owned(),
    }
}

/// What to do where the key that belongs to the data is not at its place.
pub fn put_back(place: &str) -> String {
    format!(
        "the accounts in the store cannot be read without the key they were made with: put your copy of it back as \
         {place} (`countersign backup` leaves it out)"
    )
}

/// Removes a key that was made for nothing.
pub fn forget(data_dir: &DataDir) {
    let _ = fs::remove_file(data_dir.file(FILE_NAME));
}

fn from_file(path: &Path) -> Outcome<Found> {
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    given(Zeroizing::new(text), &path.display().to_string())
}

fn from_environment(name: &str) -> Outcome<Found> {
    let text = std::env::var(name).map_err(|_| {
        Failure::usage(format!(
            "the environment variable {name}, which `master_key.environment` names, is not set"
        ))
    })?;
    given(Zeroizing::new(text), &format!("the environment variable {name}"))
}

fn from_data_dir(data_dir: &DataDir, may_make: bool, random: &Random) -> Outcome<Found> {
    let path = data_dir.file(FILE_NAME);
    match fs::read_to_string(&path) {
        Ok(text) => given(Zeroizing::new(text), &path.display().to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound && may_make => {
            let key = MasterKey::draw(random);
            if data_dir.write_once(FILE_NAME, line(&key).as_bytes())? {
                return Ok(Found { key, is_new: true });
            }
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            given(Zeroizing::new(text), &path.display().to_string())
        }
        Err(error) => Err(unreadable(&path, &error).advice(put_back(&path.display().to_string()))),
    }
}

/// What stands in a key file.
fn line(key: &MasterKey) -> Zeroizing<String> {
    Zeroizing::new(format!("{}\n", &*key.to_hex()))
}

fn from_command(command: &str) -> Outcome<Found> {
    let failed = |reason: String| Failure::failed(format!("the command of `master_key.command` {reason}"));
    let output = Command::new("/bin/sh").args(["-c", command]).output();
    let output = output.map_err(|error| failed(format!("could not be started: {error}")))?;
    if !output.status.success() {
        return Err(failed(format!("ended with {}", output.status)));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| failed("printed no text".to_owned()))?;
    given(Zeroizing::new(text), "the output of `master_key.command`")
}

fn given(text: Zeroizing<String>, place: &str) -> Outcome<Found> {
    let key = MasterKey::from_hex(&text).ok_or_else(|| {
        Failure::failed(format!("{place} is no master key: it must be 64 hexadecimal digits"))
    })?;
    Ok(Found { key, is_new: false })
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("cannot read the master key {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(found: Outcome<Found>) -> String {
        found.unwrap().key.to_hex().to_string()
    }

    #[test]
    fn the_key_is_made_once_and_then_found() {
        let home = tempfile::tempdir().unwrap();
        let directory = DataDir::prepare(home.path()).unwrap();
        let get = |may_make| obtain(&MasterKeySource::DataDirectory, &directory, may_make, &Random::System);
        assert!(get(false).is_err());
        let made = get(true).unwrap();
        assert!(made.is_new);
        let made = made.key.to_hex().to_string();
        assert_eq!(text(get(false)), made);
        let path = directory.file(FILE_NAME);
        assert_eq!(
            text(obtain(&MasterKeySource::File(path.clone()), &directory, false, &Random::System)),
            made
        );
        let command = format!("cat {}", path.display());
        assert_eq!(
            text(obtain(&MasterKeySource::Command(command), &directory, false, &Random::System)),
            made
        );
        let failing = MasterKeySource::Command("exit 3".to_owned());
        assert!(obtain(&failing, &directory, false, &Random::System).is_err());
    }
}
