//! `countersign config`.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::args::Config as Command;
use super::output::{self, say};
use crate::config::{self, Config, Origin, Problems, Shown, exposure_problems};
use crate::failure::Outcome;

/// Does it.
///
/// # Errors
/// Everything that is wrong with the configuration.
pub fn run(command: Command) -> Outcome {
    match command {
        Command::Check(place) => {
            let config = config::load(place.flags())?;
            let problems = exposure_problems(&config.settings);
            if !problems.is_empty() {
                return Err(Problems(problems).into());
            }
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
