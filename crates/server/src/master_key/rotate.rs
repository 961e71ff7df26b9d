//! Changes the master key (`docs/decisions/0007-master-key.md`).
//!
//! The new key opens the store before anything asks for it, and the old one until nothing asks for it
//! any more. So a command that is killed, at whatever point, leaves a server that starts.

use std::fs;
use std::io;
use std::path::Path;

use countersign_model::keyring::MasterKey;
use countersign_model::random::Random;
use countersign_ops::Core;
use countersign_ops::manage_master_key::MasterKeyError;
use zeroize::Zeroizing;

use super::{FILE_NAME, given, line, obtain, unreadable};
use crate::cli::output::say;
use crate::config::{MasterKeySource, Settings};
use crate::data_dir::DataDir;
use crate::failure::{Failure, Outcome};
use crate::open::{self, Opener};

/// Where the next key is until the store knows it.
const NEXT: &str = "master.key.new";

/// Replaces the key in the data directory by a new one.
///
/// # Errors
/// If the key is elsewhere, or something failed on the way; then it can be done again.
pub async fn replace_own(settings: &Settings) -> Outcome {
    if settings.master_key != MasterKeySource::DataDirectory {
        return Err(Failure::usage("the master key is not in the data directory, so it is not ours to make")
            .advice("name the new one with --to; `countersign keys rotate-master --help` has the steps"));
    }
    let data_dir = DataDir::prepare(&settings.data_dir)?;
    let _lock = data_dir.lock_master_key()?;
    let core = open::open(settings, Opener::Command).await?;
    let next = draw(&data_dir)?;
    admit_to(&core, &next).await?;
    let kept = put_in_place(&data_dir)?;
    keep(&core, &next).await?;
    say(&format!("the master key is {} now; keep a copy of {FILE_NAME} in another place", next.id()))?;
    say(&format!("back-ups made before open with the old one only, which is in {kept}; remove it with them"))
}

/// The next key; one that an interrupted rotation has left is used, since the store may know it.
fn draw(data_dir: &DataDir) -> Outcome<MasterKey> {
    data_dir.write_once(NEXT, line(&MasterKey::draw(&Random::System)).as_bytes())?;
    read(&data_dir.file(NEXT))
}

/// Puts the next key in the place of the old one. Answers where the old one is now.
fn put_in_place(data_dir: &DataDir) -> Outcome<String> {
    let old = read(&data_dir.file(FILE_NAME))?;
    let kept = format!("{FILE_NAME}.{}.old", old.id());
    data_dir.write_once(&kept, line(&old).as_bytes())?;
    data_dir.replace(FILE_NAME, NEXT)?;
    Ok(kept)
}

/// Lets a key of the operator's open the store beside the present one.
///
/// # Errors
/// If there is no such key, or the store cannot be changed.
pub async fn admit(settings: &Settings, source: &MasterKeySource) -> Outcome {
    let data_dir = DataDir::prepare(&settings.data_dir)?;
    let core = open::open(settings, Opener::Command).await?;
    if let MasterKeySource::File(path) = source {
        make_file(path)?;
    }
    let new = obtain(source, &data_dir, false, &Random::System)?.key;
    admit_to(&core, &new).await?;
    say(&format!("{} and {} both open the data now", core.master_key(), new.id()))?;
    say("set the new one in `[master_key]` of every server and restart them; \
         then run `countersign keys rotate-master --finish`")
}

/// Lets only the configured key open the store.
///
/// # Errors
/// If the store cannot be changed.
pub async fn finish(settings: &Settings) -> Outcome {
    let data_dir = DataDir::prepare(&settings.data_dir)?;
    let core = open::open(settings, Opener::Command).await?;
    let own = obtain(&settings.master_key, &data_dir, false, &Random::System)?.key;
    keep(&core, &own).await?;
    say(&format!("only {} opens the data now; back-ups made before open with the old key", own.id()))
}

/// A new key for the operator, readable by the owner only, unless the file is there.
fn make_file(path: &Path) -> Outcome {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(Failure::usage(format!("{} is no name for a file", path.display())));
    };
    if path.exists() {
        return Ok(());
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let made = DataDir::prepare(folder)?.write_once(name, line(&MasterKey::draw(&Random::System)).as_bytes());
    made.map(drop)
}

fn read(path: &Path) -> Outcome<MasterKey> {
    let text = fs::read_to_string(path).map_err(|error: io::Error| unreadable(path, &error))?;
    given(Zeroizing::new(text), &path.display().to_string()).map(|found| found.key)
}

async fn admit_to(core: &Core, key: &MasterKey) -> Outcome {
    core.admit_master_key(key).await.map_err(refused)
}

async fn keep(core: &Core, key: &MasterKey) -> Outcome {
    core.keep_master_key(key.id()).await.map_err(refused)
}

fn refused(error: MasterKeyError) -> Failure {
    let failure = Failure::failed(format!("the master key was not changed: {error}"));
    match error {
        MasterKeyError::Unknown => failure.advice("somebody else has changed it; use their key"),
        MasterKeyError::Changed => failure.advice("try again"),
        MasterKeyError::Unavailable(_) => failure.advice("`countersign doctor` looks for the reason"),
    }
}

#[cfg(test)]
mod tests {
    use countersign_model::keyring::Place;

    use super::*;
    use crate::config::{Flags, load};

    fn settings(home: &Path) -> Settings {
        let flags = Flags { data_dir: Some(home.to_owned()), ..Flags::default() };
        load(flags).unwrap().settings
    }

    async fn starts(settings: &Settings) -> Core {
        std::sync::Arc::into_inner(open::open(settings, Opener::Server).await.unwrap()).unwrap()
    }

    fn seal(core: &Core) -> Vec<u8> {
        core.keyring.seal(Place::Profile, b"alice", &core.random)
    }

    fn opens(core: &Core, sealed: &[u8]) -> bool {
        core.keyring.open(Place::Profile, sealed).is_ok_and(|plain| plain == b"alice")
    }

    /// What a rotation that was killed after so many of its steps leaves behind.
    async fn killed_after(steps: usize, settings: &Settings) {
        let data_dir = DataDir::prepare(&settings.data_dir).unwrap();
        let core = starts(settings).await;
        if steps >= 1 {
            draw(&data_dir).unwrap();
        }
        if steps >= 2 {
            admit_to(&core, &read(&data_dir.file(NEXT)).unwrap()).await.unwrap();
        }
        if steps >= 3 {
            let old = read(&data_dir.file(FILE_NAME)).unwrap();
            let kept = format!("{FILE_NAME}.{}.old", old.id());
            data_dir.write_once(&kept, line(&old).as_bytes()).unwrap();
        }
        if steps >= 4 {
            put_in_place(&data_dir).unwrap();
        }
        if steps >= 5 {
            keep(&core, &read(&data_dir.file(FILE_NAME)).unwrap()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_rotation_may_be_killed_at_any_point() {
        for steps in 0..=5 {
            let home = tempfile::tempdir().unwrap();
            let settings = settings(home.path());
            let sealed = seal(&starts(&settings).await);
            killed_after(steps, &settings).await;
            let core = starts(&settings).await;
            assert!(opens(&core, &sealed), "killed after {steps}");
            let before = core.master_key();
            drop(core);
            replace_own(&settings).await.unwrap();
            let core = starts(&settings).await;
            assert!(opens(&core, &sealed), "killed after {steps}, then done again");
            assert_ne!(core.master_key(), before);
            assert_eq!(core.list_master_keys().await.unwrap(), [core.master_key()]);
            let data_dir = DataDir::prepare(home.path()).unwrap();
            assert!(!data_dir.file(NEXT).exists());
            assert_eq!(read(&data_dir.file(&format!("{FILE_NAME}.{before}.old"))).unwrap().id(), before);
        }
    }

    #[tokio::test]
    async fn one_rotation_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let settings = settings(home.path());
        let core = starts(&settings).await;
        let lock = DataDir::prepare(home.path()).unwrap().lock_master_key().unwrap();
        replace_own(&settings).await.unwrap_err();
        drop(lock);
        let sealed = seal(&core);
        replace_own(&settings).await.unwrap();
        assert!(opens(&starts(&settings).await, &sealed));
        // What is still running with the old key goes on, but cannot bring it back.
        assert!(opens(&core, &seal(&starts(&settings).await)));
        let stale = core.keep_master_key(core.master_key()).await;
        assert_eq!(stale, Err(MasterKeyError::Unknown));
    }
}
