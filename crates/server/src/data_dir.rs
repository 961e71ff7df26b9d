//! The data directory: keys, certificates, the embedded database, and the lock that keeps two
//! servers out of one directory.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::failure::{Failure, Outcome};

/// The directory, which exists.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// Held by a running server; the kernel lets go of it however the server ends.
#[derive(Debug)]
pub struct Lock(File);

/// What was made for a data directory; goes again with all that is in it, unless it is kept or a master
/// key is in it.
#[derive(Debug)]
pub struct MadeForNow {
    /// None if it was there before.
    directory: Option<PathBuf>,
    /// The directories around it, the innermost first.
    above: Vec<PathBuf>,
}

impl MadeForNow {
    /// It stays.
    pub fn keep(mut self) {
        self.directory = None;
        self.above.clear();
    }
}

impl Drop for MadeForNow {
    fn drop(&mut self) {
        let has_key = |directory: &PathBuf| directory.join(crate::master_key::FILE_NAME).exists();
        // A store may open with that key only.
        if let Some(directory) = self.directory.as_ref().filter(|directory| !has_key(directory)) {
            // What is left behind is only untidy.
            let _ = fs::remove_dir_all(directory);
        }
        for directory in &self.above {
            // Only if nobody has put anything there.
            let _ = fs::remove_dir(directory);
        }
    }
}

impl Lock {
    /// Writes down where the server that has the lock can be reached, for the commands of its operator.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn tell(&self, addresses: &str) -> io::Result<()> {
        self.0.set_len(0)?;
        (&self.0).write_all(addresses.as_bytes())
    }
}

impl DataDir {
    /// Makes the directory, for the owner only, if it is not there.
    ///
    /// # Errors
    /// If it cannot be made or is no directory.
    pub fn prepare(path: &Path) -> Outcome<DataDir> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| {
            Failure::failed(format!("cannot make the data directory {}: {error}", path.display())).advice(
                "make it yourself for the user that runs the server, or choose another with --data-dir",
            )
        })?;
        Ok(DataDir(path.to_owned()))
    }

    /// The same for who may yet fail, and is to leave no more behind than was there before.
    ///
    /// # Errors
    /// If it cannot be made or is no directory.
    pub fn prepare_for_now(path: &Path) -> Outcome<(DataDir, MadeForNow)> {
        let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let above: Vec<PathBuf> =
            path.ancestors().skip(1).take_while(is_missing).map(Path::to_owned).collect();
        if let Some(parent) = path.parent().filter(|_| !above.is_empty()) {
            DataDir::prepare(parent)?;
        }
        // Of any number that start at once one has made it.
        let is_made = DirBuilder::new().mode(0o700).create(path).is_ok();
        let made = MadeForNow { directory: is_made.then(|| path.to_owned()), above };
        Ok((DataDir::prepare(path)?, made))
    }

    /// A file in the directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Keeps other servers out until the lock is dropped. Other commands do not ask for it.
    ///
    /// # Errors
    /// If another server has it, or the directory cannot be written to.
    pub fn lock(&self) -> Outcome<Lock> {
        let path = self.file("lock");
        let opened = OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(&path);
        let file = opened.map_err(|error| self.not_writable(&error))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(Failure::failed(format!(
                "another countersign server uses the data directory {}",
                self.0.display()
            ))
            .advice("stop it first, or give this one a directory of its own with --data-dir")),
            Err(TryLockError::Error(error)) => {
                Err(Failure::failed(format!("cannot lock {}: {error}", path.display())))
            }
        }
    }

    /// The same for who may have made the directory: what it made is the other server's if that has the lock.
    ///
    /// # Errors
    /// As [`DataDir::lock`].
    pub fn lock_for_now(&self, made: MadeForNow) -> Outcome<(Lock, MadeForNow)> {
        match self.lock() {
            Ok(lock) => Ok((lock, made)),
            Err(failure) => {
                made.keep();
                Err(failure)
            }
        }
    }

    /// Where the server that has the lock said that it can be reached, as far as somebody wants to know.
    pub fn told<T: DeserializeOwned>(&self) -> Option<T> {
        let told = fs::read_to_string(self.file("lock")).ok().filter(|_| self.is_locked())?;
        serde_json::from_str(&told).ok()
    }

    /// Whether a server has it.
    pub fn is_locked(&self) -> bool {
        let file = File::open(self.file("lock"));
        file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// Writes a file that only the owner can read, unless it is there: complete or not at all, and on
    /// disk before anything relies on it. Says whether it was written.
    ///
    /// # Errors
    /// If the directory cannot be written to.
    pub fn write_once(&self, name: &str, contents: &[u8]) -> Outcome<bool> {
        self.try_write_once(name, contents).map_err(|error| self.not_writable(&error))
    }

    /// Keeps other commands from changing the master key until the file is dropped.
    ///
    /// # Errors
    /// If another one does, or the directory cannot be written to.
    pub fn lock_master_key(&self) -> Outcome<File> {
        let path = self.file("master.key.lock");
        let opened = OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(&path);
        let file = opened.map_err(|error| self.not_writable(&error))?;
        file.try_lock()
            .map_err(|error| Failure::failed(format!("cannot lock {}: {error}", path.display())))?;
        Ok(file)
    }

    /// Puts a file in the place of another, at once and for good.
    ///
    /// # Errors
    /// If the directory cannot be written to.
    pub fn replace(&self, name: &str, with: &str) -> Outcome {
        let replaced = fs::rename(self.file(with), self.file(name))
            .and_then(|()| File::open(&self.0))
            .and_then(|directory| directory.sync_all());
        replaced.map_err(|error| self.not_writable(&error))
    }

    fn try_write_once(&self, name: &str, contents: &[u8]) -> io::Result<bool> {
        let fresh = self.file(&format!("{name}.{}.new", std::process::id()));
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(contents)?;
        file.sync_all()?;
        // A link, unlike a rename, never replaces what another process has put there meanwhile.
        let linked = fs::hard_link(&fresh, self.file(name));
        fs::remove_file(&fresh)?;
        File::open(&self.0)?.sync_all()?;
        match linked {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn not_writable(&self, error: &io::Error) -> Failure {
        Failure::failed(format!("cannot write to the data directory {}: {error}", self.0.display()))
            .advice("it must belong to the user that runs the server; or choose another with --data-dir")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn one_server_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let directory = DataDir::prepare(&home.path().join("a/b")).unwrap();
        assert_eq!(fs::metadata(&directory.0).unwrap().permissions().mode() & 0o777, 0o700);
        let lock = directory.lock().unwrap();
        assert!(directory.lock().unwrap_err().to_string().contains("another countersign server"));
        drop(lock);
        directory.lock().unwrap();
    }

    #[test]
    fn a_secret_file_is_private_and_never_replaced() {
        let home = tempfile::tempdir().unwrap();
        let directory = DataDir::prepare(home.path()).unwrap();
        assert!(directory.write_once("k", b"first").unwrap());
        assert!(!directory.write_once("k", b"second").unwrap());
        assert_eq!(fs::read(directory.file("k")).unwrap(), b"first");
        assert_eq!(fs::metadata(directory.file("k")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn who_is_not_first_leaves_the_directory_to_the_other() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b");
        let (slow, made) = DataDir::prepare_for_now(&path).unwrap();
        let (quick, nothing) = DataDir::prepare_for_now(&path).unwrap();
        let (lock, nothing) = quick.lock_for_now(nothing).unwrap();
        quick.write_once("k", b"x").unwrap();
        assert!(slow.lock_for_now(made).is_err());
        assert!(path.join("k").exists() && quick.is_locked());
        drop((lock, nothing));
        assert!(path.join("k").exists());
    }

    #[test]
    fn what_was_made_for_now_goes_unless_it_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let (path, outer) = (home.path().join("a/b"), home.path().join("a"));
        let (directory, made) = DataDir::prepare_for_now(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        directory.write_once("k", b"x").unwrap();
        drop(made);
        assert!(!outer.exists());
        DataDir::prepare_for_now(&path).unwrap().1.keep();
        // There before: it stays, and so does what is in it.
        let (directory, made) = DataDir::prepare_for_now(&path).unwrap();
        directory.write_once("k", b"x").unwrap();
        drop(made);
        assert!(path.join("k").exists());
        let (directory, made) = DataDir::prepare_for_now(&home.path().join("c")).unwrap();
        directory.write_once(crate::master_key::FILE_NAME, b"x").unwrap();
        drop(made);
        assert!(home.path().join("c").exists());
    }
}
