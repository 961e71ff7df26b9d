//! `countersign migrate`.

use serde_json::json;

use super::args::Migrate;
use super::output::{self, say};
use crate::config;
use crate::failure::Outcome;
use crate::open::{self, cannot_use};
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
        // The folder of a database that is to be made.
        crate::data_dir::DataDir::prepare(&settings.data_dir)?;
    } else if let Some(missing) = open::missing_file(url) {
        return report_migrations(None, arguments.form.json, &format!("{missing} does not exist yet; "));
    }
    let store = open::open_store(&open::database(url)?, url).await?;
    let names = store.migrate(arguments.apply).await.map_err(|error| cannot_use(url, &error))?;
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    if arguments.apply {
        return report_applied(&names, arguments.form.json);
    }
    report_migrations(Some(&names), arguments.form.json, "")
}

fn report_applied(names: &[String], as_json: bool) -> Outcome {
    if as_json {
        return output::json(&json!({"applied": names}));
    }
    for name in names {
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
