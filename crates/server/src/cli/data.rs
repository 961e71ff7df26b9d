//! `countersign copy`, `backup` and `restore`.

use std::path::Path;

use countersign_model::random::Random;
use countersign_model::time::Clock;
use countersign_ops::OpenCoreError;
use countersign_ops::manage_master_key::open_keyring;
use countersign_store::Store;
use countersign_store::copy::{CopiedTable, CopyError, CopyReport, copy as copy_store};
use serde_json::{Value, json};

use super::args::{Backup, Copy, Restore};
use super::output::{self, say};
use super::progress::ShownProgress;
use crate::config::{self, Settings, without_password};
use crate::data_dir::DataDir;
use crate::failure::{Failure, Outcome};
use crate::master_key;
use crate::open::{self, cannot_use};
use crate::telemetry;

/// `copy`.
///
/// # Errors
/// If it cannot be read or written, or the copy differs.
pub async fn copy(arguments: Copy) -> Outcome {
    telemetry::start_for_command();
    if !arguments.from_running {
        refuse_in_use(
            &arguments.from,
            "stop the server first: what it writes from now on would not be in the copy. If that does not matter, \
             add --from-running",
        )?;
    }
    refuse_in_use(&arguments.to, "name another --to, or stop the server first")?;
    let from = existing(&arguments.from).await?;
    let to = fresh(&arguments.to).await?;
    let not_empty =
        "a copy goes where nobody has kept data yet: name another --to, or move the old data away";
    let report = between(&from, &to, not_empty, arguments.form.json).await?;
    if arguments.form.json {
        return output::json(&report);
    }
    say("the copy is complete: every table has the same rows and digest")?;
    say(
        "the data opens only with the master key that it was made with: keep the data directory, or its master.key",
    )
}

/// `backup`.
///
/// # Errors
/// If it cannot be written, or differs from the original.
pub async fn backup(arguments: Backup) -> Outcome {
    telemetry::start_for_command();
    let settings = config::load(arguments.place.flags())?.settings;
    let file = arguments.file.as_path();
    if file.exists() {
        return Err(
            Failure::failed(format!("{} exists already", file.display())).advice("choose another name")
        );
    }
    let store = existing(settings.database.reveal()).await?;
    let mut shown = ShownProgress::new(arguments.form.json);
    let written = store.backup(file, Clock::system().now(), |progress| shown.update(progress)).await;
    drop(shown);
    written.map_err(|error| {
        Failure::failed(format!("cannot write the backup to {}: {error}", file.display()))
    })?;
    let whole = verify(file).await;
    if whole.is_err() {
        // It was just made, and a damaged backup is worse than none.
        let _ = std::fs::remove_file(file);
    }
    whole?;
    if arguments.form.json {
        return output::json(&json!({"file": file.display().to_string()}));
    }
    say(&format!("the backup is in {}, and whole", file.display()))?;
    say("it opens only with the master key, which is not in it: keep a copy of that in another place")
}

/// Where a copy can go.
const UNUSED: &str = "what is restored goes where nobody has kept data yet: name another --data-dir or --database, or \
                      move the old data away";

/// `restore`.
///
/// # Errors
/// If the backup is not whole, or there is data already.
pub async fn restore(arguments: Restore) -> Outcome {
    telemetry::start_for_command();
    let settings = config::load(arguments.place.flags())?.settings;
    let file = arguments.file.as_path();
    verify(file).await?;
    let data_dir = DataDir::prepare(&settings.data_dir)?;
    if data_dir.is_locked() {
        let directory = settings.data_dir.display();
        return Err(Failure::failed(format!("a server uses the data directory {directory}"))
            .advice(format!("stop it first; {UNUSED}")));
    }
    let from = existing(&format!("sqlite:{}", file.display())).await?;
    let to = fresh(settings.database.reveal()).await?;
    let report = between(&from, &to, UNUSED, arguments.form.json).await?;
    if arguments.form.json {
        return output::json(&report);
    }
    say(&format!("{} is restored to {}", file.display(), without_password(settings.database.reveal())))?;
    say(&after_restore(&to, &settings, &data_dir).await?)
}

/// What is to be done about the master key, which no backup has in it.
async fn after_restore(store: &Store, settings: &Settings, data_dir: &DataDir) -> Outcome<String> {
    let place = master_key::place(&settings.master_key, &settings.data_dir);
    let random = Random::System;
    let put_back = format!("put the master key that belongs to it back as {place}, then start the server");
    let found = match master_key::obtain(&settings.master_key, data_dir, false, &random) {
        Ok(found) => found,
        Err(failure) => return Ok(format!("{}: {put_back}", failure.what())),
    };
    match open_keyring(store, &found.key, &random).await {
        Ok(_) => Ok(format!("it opens with the master key {place}: start the server")),
        Err(OpenCoreError::WrongMasterKey) => {
            Ok(format!("it does not open with the master key {place}, which is another one: {put_back}"))
        }
        Err(error @ (OpenCoreError::LayerKey | OpenCoreError::Store)) => Err(Failure::failed(error)),
    }
}

/// A database that is there, with the schema of this version.
async fn existing(url: &str) -> Outcome<Store> {
    if let Some(missing) = open::missing_file(url) {
        return Err(Failure::failed(format!("{missing} does not exist")));
    }
    let store = open::open_store(&open::database(url)?, url).await?;
    let pending = store.migrate(None).await.map_err(|error| cannot_use(url, &error))?;
    if pending.is_empty() {
        return Ok(store);
    }
    Err(Failure::failed(format!("{} is not of the schema of this version", without_password(url)))
        .advice("run `countersign migrate --apply` on it first"))
}

/// A database that is to be filled; that it is empty is checked where it is filled.
async fn fresh(url: &str) -> Outcome<Store> {
    let store = open::open_store(&open::database(url)?, url).await?;
    store.migrate(Some(Clock::system().now())).await.map_err(|error| cannot_use(url, &error))?;
    Ok(store)
}

/// A backup that is damaged is found when it is made, and again before it is used.
async fn verify(file: &Path) -> Outcome {
    let damaged = |what: &dyn std::fmt::Display| {
        Failure::failed(format!("{} is no whole backup: {what}", file.display()))
    };
    if !file.is_file() {
        return Err(Failure::failed(format!("there is no backup {}", file.display())));
    }
    let url = format!("sqlite:{}", file.display());
    let store = open::open_store(&open::database(&url)?, &url).await;
    let store = store.map_err(|failure| damaged(&failure.what()))?;
    let faults = store.check_integrity().await.map_err(|error| damaged(&error))?;
    match faults.first() {
        None => Ok(()),
        Some(fault) => Err(damaged(fault)),
    }
}

/// A server that has a database open would go on with it, and know nothing of the copy.
fn refuse_in_use(url: &str, advice: &str) -> Outcome {
    match open::database(url)?.is_in_use() {
        true => {
            let shown = without_password(url);
            Err(Failure::failed(format!("another program uses {shown}, as a running server does"))
                .advice(advice))
        }
        false => Ok(()),
    }
}

/// Copies with progress, and says what was copied; `not_empty` is what to do where there is data already.
async fn between(from: &Store, to: &Store, not_empty: &str, quiet: bool) -> Outcome<Value> {
    let mut shown = ShownProgress::new(quiet);
    let report = copy_store(from, to, |progress| shown.update(progress)).await;
    drop(shown);
    let report: CopyReport = report.map_err(|error| match error {
        CopyError::NotEmpty(_) => Failure::failed(error).advice(not_empty),
        CopyError::NotMigrated
        | CopyError::Differs(_)
        | CopyError::File(_)
        | CopyError::Open(_)
        | CopyError::Store(_) => Failure::failed(error),
    })?;
    if !quiet {
        let row =
            |table: &CopiedTable| vec![table.name.to_owned(), table.rows.to_string(), table.digest.clone()];
        let rows: Vec<Vec<String>> = report.tables.iter().map(row).collect();
        output::table(&["TABLE", "ROWS", "DIGEST"], &rows, "nothing was copied")?;
    }
    let tables = report
        .tables
        .iter()
        .map(|table| json!({"table": table.name, "rows": table.rows, "digest": table.digest}));
    Ok(json!({"tables": tables.collect::<Vec<_>>()}))
}
