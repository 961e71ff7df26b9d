//! `countersign keys`.

use countersign_model::key::{KeyPurpose, KeyState};
use countersign_ops::manage_keys::KeyRecord;
use serde_json::{Value, json};

use super::args::{Keys, Purpose};
use super::output::{self, say};
use super::{admin, open, with_named};
use crate::failure::Outcome;
use crate::master_key::rotate;
use crate::open::Opener;
use crate::telemetry;

/// Does it.
///
/// # Errors
/// What went wrong.
pub async fn run(command: Keys) -> Outcome {
    match command {
        Keys::List { place, form } => {
            let core = open(&place, Opener::Command).await?;
            let keys = core.list_keys().await.map_err(|error| admin(&error, "keys"))?;
            if form.json {
                return output::json(&keys.iter().map(key_json).collect::<Vec<_>>());
            }
            let rows: Vec<Vec<String>> = keys.iter().map(row).collect();
            output::table(&["KID", "ALG", "PURPOSE", "STATE", "CREATED"], &rows, "no keys")
        }
        Keys::Rotate { place, purpose, algorithm, form } => {
            let core = open(&place, Opener::Command).await?;
            let purpose = match purpose {
                Purpose::Oauth => KeyPurpose::OAuth,
                Purpose::Layer => KeyPurpose::Layer,
            };
            let rotated = core.rotate_keys(purpose, algorithm).await;
            let key = rotated.map_err(|error| with_named(&error, "a key of this purpose", "keys list"))?;
            if form.json {
                return output::json(&key_json(&key));
            }
            say(&format!(
                "{} signs from now on; `countersign keys list --json` shows its public part",
                key.kid
            ))
        }
        Keys::Revoke { place, kid } => {
            let core = open(&place, Opener::Command).await?;
            core.revoke_key(&kid)
                .await
                .map_err(|error| with_named(&error, "an OAuth key of this id", "keys list"))?;
            say(&format!("{kid} is removed; what it signed verifies no more"))
        }
        Keys::RotateMaster { place, to, finish } => {
            telemetry::start_for_command();
            let settings = crate::config::load(place.flags())?.settings;
            match to {
                Some(source) => rotate::admit(&settings, &source).await,
                None if finish => rotate::finish(&settings).await,
                None => rotate::replace_own(&settings).await,
            }
        }
    }
}

fn key_json(key: &KeyRecord) -> Value {
    json!({
        "kid": key.kid,
        "alg": key.algorithm.name(),
        "purpose": key.purpose,
        "state": key.state,
        "jwk": key.jwk,
    })
}

fn row(key: &KeyRecord) -> Vec<String> {
    let purpose = match key.purpose {
        KeyPurpose::OAuth => "oauth",
        KeyPurpose::Layer => "layer",
    };
    let state = match key.state {
        KeyState::Active => "active",
        KeyState::Retired => "retired",
        KeyState::Next => "next",
    };
    let texts = [&key.kid, key.algorithm.name(), purpose, state, &key.created_at.rfc3339()];
    texts.map(str::to_owned).into()
}
