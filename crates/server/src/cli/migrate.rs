//! `countersign migrate`.

use countersign_model::time::Clock;
use countersign_store::MigrationName;
use serde_json::json;

use super::args::Migrate;
use super::output::{self, say};
use crate::config::{self, Settings};
use crate::failure::Outcome;
use crate::open::{self, Opener, cannot_use};
use crate::telemetry;

/// `migrate`.
///
/// # Errors
/// If the database cannot be used.
pub async fn run(arguments: Migrate) -> Outcome {
    telemetry::start_for_command();
    let settings = config::load(arguments.place.flags())?.settings;
    let url = settings.database.reveal();
    if arguments.apply {
        return apply(&settings, arguments.form.json).await;
    }
    if let Some(missing) = open::missing_file(url) {
        return report_migrations(None, arguments.form.json, &format!("{missing} does not exist yet; "));
    }
    let store = open::open_store(&open::database(url)?, url).await?;
    let names = store.migrate(None).await.map_err(|error| cannot_use(url, &error))?;
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    report_migrations(Some(&names), arguments.form.json, "")
}

async fn apply(settings: &Settings, as_json: bool) -> Outcome {
    let url = settings.database.reveal();
    if open::missing_file(url).is_some() {
        // The embedded database is this machine's, so the key that belongs to it is made here too.
        open::open(settings, Opener::FirstCommand).await?;
        report_applied(&MigrationName::all(), as_json)?;
        return note_for(
            as_json,
            "the server has all it needs; keep a copy of its master key in another place",
        );
    }
    let store = open::open_store(&open::database(url)?, url).await?;
    let names = store.migrate(Some(Clock::system().now())).await.map_err(|error| cannot_use(url, &error))?;
    report_applied(&names, as_json)?;
    if names.len() < MigrationName::all().len() {
        return Ok(());
    }
    note_for(
        as_json,
        "no master key was made: the first server makes it in its data directory, or uses the one of \
         [master_key]; every other server on this database needs the same one",
    )
}

/// What is no part of the result.
fn note_for(as_json: bool, text: &str) -> Outcome {
    if as_json { Ok(()) } else { say(text) }
}

fn report_applied(names: &[MigrationName], as_json: bool) -> Outcome {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    if as_json {
        return output::json(&json!({"applied": names}));
    }
    for name in &names {
        say(&format!("applied {name}"))?;
    }
    say(if names.is_empty() { "nothing to apply: the schema is that of this version" } else { "done" })
}

fn report_migrations(pending: Option<&[String]>, as_json: bool, before: &str) -> Outcome {
    if as_json {
        return output::json(&json!({"pending": pending}));
    }
    match pending {
        Some([]) => say("nothing to apply: the schema is that of this version"),
        Some(names) => {
            for name in names {
                say(&format!("would apply {name}"))?;
            }
            say("nothing was changed; `countersign migrate --apply` applies them")
        }
        None => say(&format!("{before}`countersign migrate --apply` makes it with all migrations")),
    }
}
