//! Clients that the configuration names: what would change, and the change.

use std::collections::BTreeSet;

use countersign_model::oauth::{ClientId, ClientOrigin, Metadata};
use countersign_model::secret::Secret;
use countersign_model::session::TokenDigest;
use countersign_store::oauth::clients::{self, ClientRow};
use serde_json::{Map, Value};

use super::manage_clients::{ClientError, NewClient, completed};
use crate::{Core, OAuthSettings};

/// More clients are not compared in one step.
const PAGE: u32 = 1000;

/// Another process that applies the same configuration may be faster: so often it is looked again.
const ROUNDS: usize = 5;

/// A client as the configuration wants it.
#[derive(Clone, Debug)]
pub struct ConfiguredClient {
    /// Its id.
    pub id: String,
    /// What it is and may do.
    pub metadata: Metadata,
    /// Its secret, if it has one.
    pub secret: Option<Secret>,
}

impl ConfiguredClient {
    /// Whether a server with these settings can have it.
    ///
    /// # Errors
    /// [`ClientError`]; what only the store knows shows when it is applied.
    pub fn check(&self, settings: &OAuthSettings) -> Result<(), ClientError> {
        ClientId::parse(&self.id).ok_or(ClientError::Id)?;
        completed(self.metadata.clone(), settings)?;
        Ok(())
    }
}

/// What is to be done so that the store has what the configuration wants.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// In the order of the ids.
    pub steps: Vec<Step>,
}

/// One change.
#[derive(Clone, Debug)]
pub enum Step {
    /// A client that is not there.
    Add(ConfiguredClient),
    /// One that is there with other members, or was added by other means.
    Change {
        /// As it is wanted.
        wanted: ConfiguredClient,
        /// Each member that changes: before and after.
        members: Vec<(String, Value, Value)>,
        /// Whether its secret changes.
        secret: bool,
    },
    /// One that came from the configuration and stands in it no more.
    Remove(String),
}

impl Step {
    /// The client's id.
    pub fn id(&self) -> &str {
        match self {
            Step::Add(wanted) | Step::Change { wanted, .. } => &wanted.id,
            Step::Remove(id) => id,
        }
    }
}

impl Core {
    /// Compares the configuration with the store. Clients that were added by other means stay as they are,
    /// but for those that the configuration names too: they are its own from then on.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn plan_clients(&self, wanted: &[ConfiguredClient]) -> Result<Plan, ClientError> {
        let named: BTreeSet<&str> = wanted.iter().map(|client| client.id.as_str()).collect();
        let mut steps = Vec::new();
        let mut tx = self.store.read().await?;
        for client in wanted {
            let step = match clients::find(&mut tx, &client.id).await? {
                None => Some(Step::Add(client.clone())),
                Some(row) => change(client, &row, &self.settings.oauth)?,
            };
            steps.extend(step);
        }
        let mut after = String::new();
        loop {
            let rows = clients::list(&mut tx, &after, PAGE).await?;
            let is_stale = |row: &&ClientRow| {
                row.origin == ClientOrigin::Configuration && !named.contains(row.id.as_str())
            };
            steps.extend(rows.iter().filter(is_stale).map(|row| Step::Remove(row.id.clone())));
            match rows.last() {
                Some(last) => after.clone_from(&last.id),
                None => break,
            }
        }
        steps.sort_by(|a, b| a.id().cmp(b.id()));
        Ok(Plan { steps })
    }

    /// Does what the configuration wants, and tells what was done.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn apply_clients(&self, wanted: &[ConfiguredClient]) -> Result<Plan, ClientError> {
        let mut done = Plan::default();
        for _ in 0..ROUNDS {
            let plan = self.plan_clients(wanted).await?;
            if plan.steps.is_empty() {
                return Ok(done);
            }
            for step in plan.steps {
                match self.apply(&step).await {
                    Ok(()) => done.steps.push(step),
                    // Somebody else has done it at this moment; the next round sees.
                    Err(ClientError::Taken | ClientError::Changed | ClientError::NotFound) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Err(ClientError::Changed)
    }

    async fn apply(&self, step: &Step) -> Result<(), ClientError> {
        match step {
            Step::Add(wanted) => {
                let client = NewClient {
                    id: Some(wanted.id.clone()),
                    metadata: wanted.metadata.clone(),
                    secret: wanted.secret.clone(),
                    origin: ClientOrigin::Configuration,
                };
                self.add_client(client).await.map(drop)
            }
            Step::Change { wanted, secret, .. } => {
                let row = self.any_client_row(&wanted.id).await?;
                let secret = wanted.secret.as_ref().filter(|_| *secret);
                let metadata = wanted.metadata.clone();
                self.change_client(row, metadata, secret, ClientOrigin::Configuration).await.map(drop)
            }
            Step::Remove(id) => self.remove_client(id).await,
        }
    }
}

/// What makes the client that is there the one that is wanted; none if it is.
fn change(
    wanted: &ConfiguredClient,
    row: &ClientRow,
    settings: &OAuthSettings,
) -> Result<Option<Step>, ClientError> {
    let before: Map<String, Value> = serde_json::from_str(&row.metadata).unwrap_or_default();
    let after = members(completed(wanted.metadata.clone(), settings)?.to_json());
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of = |members: &Map<String, Value>, name: &String| members.get(name).cloned().unwrap_or_default();
    let changes = names.into_iter().map(|name| (name.clone(), of(&before, name), of(&after, name)));
    let members: Vec<(String, Value, Value)> = changes.filter(|(_, before, after)| before != after).collect();
    let secret = wanted.secret.as_ref().is_some_and(|s| row.secret != Some(TokenDigest::of(s.reveal())));
    let is_same = members.is_empty() && !secret && row.origin == ClientOrigin::Configuration;
    Ok((!is_same).then(|| Step::Change { wanted: wanted.clone(), members, secret }))
}

fn members(json: Value) -> Map<String, Value> {
    if let Value::Object(members) = json { members } else { Map::new() }
}
