//! `countersign config`.

use std::path::PathBuf;
use std::sync::Arc;

use countersign_ops::Core;
use countersign_ops::oauth::plan_clients::{ConfiguredClient, Plan, Step};
use serde_json::{Value, json};

use super::args::{Config as Command, Form, Place};
use super::client;
use super::output::{self, say};
use crate::config::{self, Config, Origin, Shown};
use crate::failure::Outcome;
use crate::open::Opener;
use crate::serve::Parts;
use crate::telemetry;

/// Does it.
///
/// # Errors
/// Everything that is wrong with the configuration.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Check(server) => {
            let config = config::load(server.flags())?;
            Parts::make(&config)?;
            say(&format!("the configuration is good; read from {}", read_from(&config)))
        }
        Command::Show { place, set, form } => {
            let config = config::load(place.flags())?;
            let is_wanted = |shown: &&Shown| !set || shown.origin != Origin::Default;
            let shown: Vec<&Shown> = config.shown.iter().filter(is_wanted).collect();
            if form.json {
                return output::json(&shown.iter().map(|shown| setting_json(shown)).collect::<Vec<_>>());
            }
            let row = |shown: &&Shown| vec![shown.key.clone(), text(&shown.value), shown.origin.to_string()];
            let rows: Vec<Vec<String>> = shown.iter().map(row).collect();
            output::table(&["KEY", "VALUE", "ORIGIN"], &rows, "nothing is set; the defaults hold")
        }
        Command::Plan { place, form } => {
            let (core, wanted) = open_with_clients(&place).await?;
            show(&core.plan_clients(&wanted).await.map_err(client::failed)?, form)
        }
        Command::Apply { place, form } => {
            let (core, wanted) = open_with_clients(&place).await?;
            show(&core.apply_clients(&wanted).await.map_err(client::failed)?, form)
        }
    }
}

async fn open_with_clients(place: &Place) -> Outcome<(Arc<Core>, Vec<ConfiguredClient>)> {
    telemetry::start_for_command();
    let settings = config::load(place.flags())?.settings;
    let core = crate::open::open(&settings, Opener::FirstCommand).await?;
    Ok((core, settings.clients))
}

/// What would change, or was changed.
fn show(plan: &Plan, form: Form) -> Outcome {
    if form.json {
        return output::json(&json!({ "changes": plan.steps.iter().map(step_json).collect::<Vec<_>>() }));
    }
    if plan.steps.is_empty() {
        return say("nothing to change");
    }
    for step in &plan.steps {
        say(&output::printable(&format!("{} {}", sign(step), step.id())))?;
        if let Step::Change { members, secret, .. } = step {
            for (name, before, after) in members {
                say(&output::printable(&format!("    {name}: {before} -> {after}")))?;
            }
            if *secret {
                say("    client_secret: another one")?;
            }
        }
    }
    Ok(())
}

fn sign(step: &Step) -> char {
    match step {
        Step::Add(_) => '+',
        Step::Change { .. } => '~',
        Step::Remove(_) => '-',
    }
}

fn step_json(step: &Step) -> Value {
    match step {
        Step::Add(wanted) => {
            json!({"action": "add", "client_id": wanted.id, "metadata": wanted.metadata.to_json()})
        }
        Step::Change { wanted, members, secret } => {
            let changed = |(name, before, after): &(String, Value, Value)| {
                (name.clone(), json!({"before": before, "after": after}))
            };
            let members: serde_json::Map<String, Value> = members.iter().map(changed).collect();
            json!({"action": "change", "client_id": wanted.id, "members": members, "client_secret": secret})
        }
        Step::Remove(id) => json!({"action": "remove", "client_id": id}),
    }
}

fn setting_json(shown: &Shown) -> Value {
    json!({"key": shown.key, "value": shown.value, "origin": shown.origin.to_string()})
}

fn text(value: &Value) -> String {
    if value.is_null() { "–".to_owned() } else { value.to_string() }
}

fn read_from(config: &Config) -> String {
    if config.files.is_empty() {
        return "no file: the defaults, environment and flags hold".to_owned();
    }
    let paths: Vec<String> = config.files.iter().map(|path: &PathBuf| path.display().to_string()).collect();
    paths.join(" and ")
}
