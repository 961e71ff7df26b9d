//! Opens the data directory, the key and the store: what every command that touches accounts starts with.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use countersign_model::random::Random;
use countersign_model::secret::Secret;
use countersign_model::time::Clock;
use countersign_ops::hasher::{Hasher, HasherSettings};
use countersign_ops::{Core, CoreParts, OpenCoreError};
use countersign_store::{Database, OpenError, Store, StoreError, Unusable, keys};
use serde::Deserialize;

use crate::config::{Settings, sqlite_path, without_password};
use crate::data_dir::DataDir;
use crate::failure::{Failure, Outcome};
use crate::master_key::{self, Found};

/// Who opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opener {
    /// The server: makes what is not there.
    Server,
    /// A command that may be the first to run: makes what is not there.
    FirstCommand,
    /// A command that makes no sense without data.
    Command,
}

/// Opens everything.
///
/// # Errors
/// With what to do about it.
pub async fn open(settings: &Settings, opener: Opener) -> Outcome<Arc<Core>> {
    let was_there = settings.data_dir.exists();
    let opened = open_all(settings, opener).await;
    if opened.is_err() && !was_there {
        // Goes only if nothing is in it.
        let _ = std::fs::remove_dir(&settings.data_dir);
    }
    opened
}

async fn open_all(settings: &Settings, opener: Opener) -> Outcome<Arc<Core>> {
    let url = settings.database.reveal();
    let database = database(url)?;
    let may_make = opener != Opener::Command;
    if !may_make && let Some(missing) = missing_file(url) {
        return Err(no_data(&format!("{missing} does not exist")));
    }
    let data_dir = DataDir::prepare(&settings.data_dir)?;
    let random = Random::System;
    let found = match master_key::obtain(&settings.master_key, &data_dir, may_make, &random) {
        // No key was lost if none has been made.
        Err(_) if !may_make && is_blank(&database, url).await? => {
            return Err(no_data(&format!("nobody has used the database {}", without_password(url))));
        }
        found => found?,
    };
    let operations = operations(settings, &data_dir, opener);
    let is_new = found.is_new;
    let opened = open_core((settings, operations), &database, found, random, opener).await;
    if let (Ok(core), Opener::Server) = (&opened, opener)
        && core.list_master_keys().await.is_ok_and(|keys| keys.len() > 1)
    {
        tracing::warn!(
            "more than one master key opens the database; \
             `countersign keys rotate-master --finish` leaves the configured one only"
        );
    }
    opened.map(Arc::new).map_err(|unopened| {
        if is_new && !unopened.may_know_key {
            // A key for a store that knows another one, or that was never opened, is of no use to anybody.
            master_key::forget(&data_dir);
        }
        unopened.failure
    })
}

/// Why a store was not opened.
struct Unopened {
    failure: Failure,
    /// A new store may know the master key by now: it opens with no other.
    may_know_key: bool,
}

impl From<Failure> for Unopened {
    fn from(failure: Failure) -> Unopened {
        Unopened { failure, may_know_key: false }
    }
}

/// A command calls the server what the server calls itself: it may have been told to listen elsewhere than the
/// configuration says.
fn operations(settings: &Settings, data_dir: &DataDir, opener: Opener) -> countersign_ops::Settings {
    /// What the server writes into its lock.
    #[derive(Deserialize)]
    struct Told {
        http: SocketAddr,
    }
    let mut operations = settings.operations.clone();
    if opener != Opener::Server {
        let address = data_dir.told().map_or(settings.listen, |told: Told| told.http);
        operations.public_url = settings.public_url(address);
    }
    operations
}

async fn open_core(
    (settings, operations): (&Settings, countersign_ops::Settings),
    database: &Database,
    found: Found,
    random: Random,
    opener: Opener,
) -> Result<Core, Unopened> {
    let url = settings.database.reveal();
    let store = connect(database, url, opener).await?;
    let pending = store.migrate(None).await.map_err(|error| cannot_use(url, &error))?;
    if !pending.is_empty() {
        if opener == Opener::Command {
            return Err(Failure::failed(format!(
                "the database lacks {} migrations of this version",
                pending.len()
            ))
            .advice("run `countersign migrate --apply`, or start the server, which applies them")
            .into());
        }
        let applied =
            store.migrate(Some(Clock::system().now())).await.map_err(|error| cannot_use(url, &error))?;
        tracing::info!(migrations = applied.len(), "the database was migrated");
    }
    let hasher = Hasher::new(hasher_settings(settings, opener)).map_err(Failure::failed)?;
    let Found { key: master_key, is_new } = found;
    let parts = CoreParts { store, clock: Clock::system(), random, hasher, master_key, settings: operations };
    Core::open(parts).await.map_err(|error| Unopened {
        failure: refused(&error, settings, is_new),
        may_know_key: matches!(error, OpenCoreError::Store),
    })
}

/// One hash at a time is enough for a command.
fn hasher_settings(settings: &Settings, opener: Opener) -> HasherSettings {
    match opener {
        Opener::Server => settings.hasher.clone(),
        Opener::FirstCommand | Opener::Command => {
            HasherSettings { threads: NonZeroUsize::new(1), ..settings.hasher.clone() }
        }
    }
}

/// Whether no program has used the database, migrated or not: the first one makes keys in it.
async fn is_blank(database: &Database, url: &str) -> Outcome<bool> {
    let store = open_store(database, url).await?;
    let blank = async {
        let is_migrated = store.migrate(None).await?.is_empty();
        Ok::<_, OpenError>(!is_migrated || keys::list(&mut store.read().await?).await?.is_empty())
    };
    blank.await.map_err(|error| cannot_use(url, &error))
}

fn no_data(reason: &str) -> Failure {
    Failure::failed(format!("there is no data yet: {reason}"))
        .advice("start the server once with `countersign serve`, or name its --data-dir or --database")
}

/// The database that a URL names; its password may be in `PGPASSWORD`, as for PostgreSQL's own programs.
///
/// # Errors
/// If it names none.
pub fn database(url: &str) -> Outcome<Database> {
    let database = Database::parse(url).map_err(|error| {
        Failure::usage(format!("{} is no database: {error}", without_password(url)))
            .advice("write sqlite:PATH or postgres://user@host:port/database")
    })?;
    let password = std::env::var("PGPASSWORD").ok().filter(|password| !password.is_empty());
    Ok(match password {
        Some(password) => database.with_password(Secret::new(password)),
        None => database,
    })
}

/// How much longer than a server a command waits until it may write.
const COMMAND_WAITS: Duration = Duration::from_secs(10);

/// Connects to a database, for a command.
///
/// # Errors
/// With what to do about it.
pub async fn open_store(database: &Database, url: &str) -> Outcome<Store> {
    connect(database, url, Opener::Command).await
}

async fn connect(database: &Database, url: &str, opener: Opener) -> Outcome<Store> {
    let store = Store::open(database).await.map_err(|error| cannot_use(url, &error))?;
    match opener {
        Opener::Server => {}
        Opener::FirstCommand | Opener::Command => store.wait_longer(COMMAND_WAITS),
    }
    Ok(store)
}

/// A failure of the database, told with its address.
pub fn cannot_use(url: &str, error: &OpenError) -> Failure {
    let advice = match error {
        OpenError::Newer { .. } => "install the newer version again, or use another database",
        OpenError::Store(StoreError::Unusable(unusable, _)) => remedy(*unusable),
        OpenError::Store(StoreError::Unavailable(_) | StoreError::Broken(_))
            if sqlite_path(url).is_some() =>
        {
            "check that the file and its folder belong to the user that runs this command, and that the disk has room"
        }
        OpenError::Store(StoreError::Unavailable(_) | StoreError::Broken(_)) => {
            "check that PostgreSQL runs there, and the user, password and database of the URL; \
             `countersign doctor` looks closer"
        }
    };
    Failure::failed(format!("cannot use the database {}: {error}", without_password(url))).advice(advice)
}

/// What makes a database usable.
fn remedy(unusable: Unusable) -> &'static str {
    match unusable {
        Unusable::PasswordMissing => {
            "set the environment variable PGPASSWORD, or write it into the URL (postgres://user:password@host/database) \
             where nobody else reads it: a command line is seen by everybody on the machine"
        }
        Unusable::WrongPassword => {
            "check the user and the password, which is the one of the URL, else that of the environment variable \
             PGPASSWORD"
        }
        Unusable::NotAdmitted => {
            "check the user of the URL, and that PostgreSQL admits it from this machine (pg_hba.conf)"
        }
        Unusable::NoSuchDatabase => "make it with `createdb`, or check the name in the URL",
        Unusable::NotAllowed => {
            "the user of the URL makes tables and fills them: let it own the database, or grant it that"
        }
        Unusable::NotSqlite => "check the path; what is there was not touched",
        Unusable::Damaged => {
            "stop the server, keep the file, and restore the last backup (`countersign restore`) to another place"
        }
    }
}

/// The file of an embedded database that is not there.
pub fn missing_file(url: &str) -> Option<String> {
    let path = sqlite_path(url)?;
    (!std::path::Path::new(path).exists()).then(|| path.to_owned())
}

fn refused(error: &OpenCoreError, settings: &Settings, key_is_new: bool) -> Failure {
    let url = without_password(settings.database.reveal());
    match error {
        OpenCoreError::WrongMasterKey => {
            let place = master_key::place(&settings.master_key, &settings.data_dir);
            let what = match key_is_new {
                true => format!("there is no master key {place}, and the database {url} has one"),
                false => format!("the database {url} does not open with the master key {place}"),
            };
            Failure::failed(what).advice(format!("{}; or use another database", master_key::put_back(&place)))
        }
        OpenCoreError::LayerKey => Failure::usage(format!("`layer.key_file`: {error}")),
        OpenCoreError::Store => Failure::failed(format!("the database {url} does not answer")),
    }
}
