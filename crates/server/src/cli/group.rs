//! `countersign group`.

use std::sync::Arc;

use countersign_model::ids::AccountId;
use countersign_ops::Core;
use countersign_ops::oauth::manage_groups::AccessError;
use serde_json::{Value, json};

use super::account::unchanged;
use super::args::{Group, Named, Place};
use super::output::{self, say};
use super::{admin, open};
use crate::failure::{Failure, Outcome};
use crate::open::Opener;

/// Does it.
///
/// # Errors
/// What went wrong.
pub async fn run(command: Group) -> Outcome {
    match command {
        Group::Add(group) => {
            let core = open(&group.place, Opener::FirstCommand).await?;
            core.add_group(&group.name).await.map_err(|error| refused(error, &group.name))?;
            told(&group, &json!({"group": group.name}), "group made")
        }
        Group::Remove(group) => {
            let core = open(&group.place, Opener::Command).await?;
            core.remove_group(&group.name).await.map_err(|error| refused(error, &group.name))?;
            told(&group, &json!({"group": group.name}), "group removed")
        }
        Group::List(all) => {
            let core = open(&all.place, Opener::Command).await?;
            let groups = core.list_groups().await.map_err(|error| refused(error, "groups"))?;
            if all.form.json {
                let row = |group: &_| listed(group, "members");
                return output::json(&groups.iter().map(row).collect::<Vec<_>>());
            }
            let rows: Vec<Vec<String>> = groups
                .iter()
                .map(|group| vec![group.name.clone(), group.holders.to_string(), group.created_at.rfc3339()])
                .collect();
            output::table(&["GROUP", "MEMBERS", "CREATED"], &rows, "no groups")
        }
        Group::Members(group) => members(&group).await,
        Group::Grant { group, account } => {
            let (core, id) = find_account(&group.place, &account).await?;
            core.add_member(&group.name, id).await.map_err(|error| refused(error, &group.name))?;
            told(&group, &json!({"group": group.name, "account": id.0}), "account put into the group")
        }
        Group::Withdraw { group, account } => {
            let (core, id) = find_account(&group.place, &account).await?;
            core.remove_member(&group.name, id).await.map_err(|error| refused(error, &group.name))?;
            told(&group, &json!({"group": group.name, "account": id.0}), "account taken out of the group")
        }
    }
}

async fn members(group: &Named) -> Outcome {
    let core = open(&group.place, Opener::Command).await?;
    let members = core.list_members(&group.name).await.map_err(|error| refused(error, &group.name))?;
    let mut rows = Vec::new();
    for id in members {
        let account = core.find_account(&id.to_string()).await.map_err(|error| admin(&error, "a member"))?;
        let name = account.profile.username.or(account.profile.email);
        rows.push((id, account.uuid, name));
    }
    if group.form.json {
        let row = |(id, uuid, name): &(AccountId, _, Option<String>)| -> Value {
            let uuid: &countersign_model::ids::Uuid = uuid;
            json!({"id": id.0, "uuid": uuid.to_string(), "name": name})
        };
        return output::json(&rows.iter().map(row).collect::<Vec<_>>());
    }
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(id, uuid, name)| vec![id.to_string(), uuid.to_string(), output::or_dash(name.as_deref())])
        .collect();
    output::table(&["ID", "UUID", "NAME"], &rows, "no members")
}

/// The account that a command names.
pub async fn find_account(place: &Place, account: &str) -> Outcome<(Arc<Core>, AccountId)> {
    let core = open(place, Opener::Command).await?;
    let found = core.find_account(account).await;
    let id = found.map_err(|error| unchanged(&error, account))?.id;
    Ok((core, id))
}

/// A group or a role in JSON.
pub fn listed(one: &countersign_store::oauth::groups::Listed, holders: &str) -> Value {
    json!({"name": one.name, holders: one.holders, "created_at": one.created_at.rfc3339()})
}

/// Says what was done.
pub fn told(to: &Named, record: &Value, text: &str) -> Outcome {
    if to.form.json { output::json(record) } else { say(&format!("{}: {text}", to.name)) }
}

/// What could not be done; `what` is what it was about.
pub fn refused(error: AccessError, what: &str) -> Failure {
    match error {
        AccessError::NotFound => Failure::failed(format!("not found: {what}"))
            .advice("`countersign group list` and `countersign role list` show those that are there"),
        AccessError::Taken => Failure::failed(format!("there is one of this name: {what}")),
        AccessError::Already => Failure::failed(format!("it has it already: {what}")),
        AccessError::Name => Failure::usage(format!("{what:?} is no name: {error}")),
        AccessError::Unavailable(error) => {
            Failure::failed(error).advice("`countersign doctor` looks for the reason")
        }
    }
}
