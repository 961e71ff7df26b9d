//! `countersign role`.

use std::sync::Arc;

use countersign_ops::Core;
use countersign_ops::oauth::manage_roles::RoleHolder;
use serde_json::json;

use super::args::{All, Holder, Named, Role};
use super::group::{find_account, listed, refused, told};
use super::{open, output};
use crate::failure::{Failure, Outcome};
use crate::open::Opener;

/// Does it.
///
/// # Errors
/// What went wrong.
pub async fn run(command: Role) -> Outcome {
    match command {
        Role::Add(role) => {
            let core = open(&role.place, Opener::FirstCommand).await?;
            core.add_role(&role.name).await.map_err(|error| refused(error, &role.name))?;
            told(&role, &json!({"role": role.name}), "role made")
        }
        Role::Remove(role) => {
            let core = open(&role.place, Opener::Command).await?;
            core.remove_role(&role.name).await.map_err(|error| refused(error, &role.name))?;
            told(&role, &json!({"role": role.name}), "role removed")
        }
        Role::List { all, account: None } => list(&all).await,
        Role::List { all, account: Some(account) } => list_of(&all, &account).await,
        Role::Grant { role, holder } => {
            let (core, to) = find_holder(&role, &holder).await?;
            core.grant_role(&role.name, to).await.map_err(|error| refused(error, &role.name))?;
            told(&role, &json!({"role": role.name}), "role given")
        }
        Role::Withdraw { role, holder } => {
            let (core, from) = find_holder(&role, &holder).await?;
            core.withdraw_role(&role.name, from).await.map_err(|error| refused(error, &role.name))?;
            told(&role, &json!({"role": role.name}), "role taken back")
        }
    }
}

async fn list(all: &All) -> Outcome {
    let core = open(&all.place, Opener::Command).await?;
    let roles = core.list_roles().await.map_err(|error| refused(error, "roles"))?;
    if all.form.json {
        return output::json(&roles.iter().map(|role| listed(role, "holders")).collect::<Vec<_>>());
    }
    let rows: Vec<Vec<String>> = roles
        .iter()
        .map(|role| vec![role.name.clone(), role.holders.to_string(), role.created_at.rfc3339()])
        .collect();
    output::table(&["ROLE", "HOLDERS", "CREATED"], &rows, "no roles")
}

async fn list_of(all: &All, account: &str) -> Outcome {
    let (core, id) = find_account(&all.place, account).await?;
    let (_, roles) = core.access_of(id).await.map_err(|error| refused(error, account))?;
    if all.form.json {
        return output::json(&roles);
    }
    let rows: Vec<Vec<String>> = roles.into_iter().map(|role| vec![role]).collect();
    output::table(&["ROLE"], &rows, "no roles")
}

async fn find_holder(role: &Named, holder: &Holder) -> Outcome<(Arc<Core>, RoleHolder)> {
    match (&holder.account, &holder.group) {
        (Some(account), _) => {
            let (core, id) = find_account(&role.place, account).await?;
            Ok((core, RoleHolder::Account(id)))
        }
        (None, Some(group)) => {
            let core = open(&role.place, Opener::Command).await?;
            Ok((core, RoleHolder::Group(group.clone())))
        }
        (None, None) => Err(Failure::usage("say --account or --group")),
    }
}
