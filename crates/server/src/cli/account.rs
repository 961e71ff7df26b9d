//! `countersign account`.

use std::fs;

use countersign_model::identifier::{Identifier, IdentifierKind, Malformed};
use countersign_model::ids::{AccountId, SessionId};
use countersign_model::password::Rule;
use countersign_model::session::ListedSession;
use countersign_ops::manage_accounts::{AccountRecord, AddAccount as Request};
use countersign_ops::{AdminError, Core};
use serde_json::{Value, json};

use super::args::{Account, AddAccount, PasswordSource, Which};
use super::output::{self, or_dash, say};
use super::{admin, open, password, with_named};
use crate::failure::{Failure, Outcome};
use crate::open::Opener;

/// Does it.
///
/// # Errors
/// What went wrong.
pub async fn run(command: Account) -> Outcome {
    match command {
        Account::Add(request) => add(request).await,
        Account::List { place, limit, after, form } => {
            let core = open(&place, Opener::Command).await?;
            let listed = core.list_accounts(after.map(AccountId), limit).await;
            list(&listed.map_err(|error| admin(&error, "accounts"))?, form.json)
        }
        Account::Show(which) => {
            let (_, account) = find(&which).await?;
            show(&account, which.form.json)
        }
        Account::Suspend(which) => {
            let (core, account) = find(&which).await?;
            done(&core, &which, core.suspend_account(account.id).await, "suspended, its sessions ended").await
        }
        Account::Restore(which) => {
            let (core, account) = find(&which).await?;
            done(&core, &which, core.restore_account(account.id).await, "restored").await
        }
        Account::Close(which) => {
            let (core, account) = find(&which).await?;
            let closed = core.close_account(account.id).await;
            closed.map_err(|error| unchanged(&error, &which.account))?;
            if which.form.json {
                return output::json(&json!({"id": account.id.0, "standing": "closed"}));
            }
            say(&format!("account {} closed for good", account.id))
        }
        Account::SetPassword { which, password } => set_password(&which, &password).await,
        Account::Sessions { which, end, end_all } => sessions(&which, end, end_all).await,
    }
}

async fn find(which: &Which) -> Outcome<(std::sync::Arc<Core>, AccountRecord)> {
    let core = open(&which.place, Opener::Command).await?;
    let account = core.find_account(&which.account).await;
    let account = account.map_err(|error| unchanged(&error, &which.account))?;
    Ok((core, account))
}

/// What could not be done with the account of this name.
pub fn unchanged(error: &AdminError, name: &str) -> Failure {
    with_named(error, &format!("the account {name:?}"), "account list")
}

async fn done(core: &Core, which: &Which, result: Result<(), AdminError>, what: &str) -> Outcome {
    result.map_err(|error| unchanged(&error, &which.account))?;
    let account =
        core.find_account(&which.account).await.map_err(|error| unchanged(&error, &which.account))?;
    if which.form.json {
        return output::json(&account_json(&account));
    }
    say(&format!("account {} {what}", account.id))
}

async fn add(request: AddAccount) -> Outcome {
    let hash = request.password_hash_file.as_ref().map(|path| {
        fs::read_to_string(path)
            .map(|text| text.trim().to_owned())
            .map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())))
    });
    let hash = hash.transpose()?;
    let password = match hash.is_some() || request.no_password {
        true => None,
        false => password::read(&request.password).await?,
    };
    let core = open(&request.place, Opener::FirstCommand).await?;
    let region = core.settings.phone_region;
    let identifier = |text: Option<&String>, read: &dyn Fn(&str) -> Result<Identifier, Malformed>| {
        let malformed =
            |text, error: Malformed| Failure::usage(format!("{text:?} is {error}")).advice(error.rule());
        text.map(|text| read(text).map_err(|error| malformed(text, error))).transpose()
    };
    let added = core.add_account(Request {
        username: identifier(request.username.as_ref(), &|text| Identifier::new_username(text, 255))?,
        email: identifier(request.email.as_ref(), &Identifier::email)?,
        phone: identifier(request.phone.as_ref(), &|text| Identifier::phone(text, region))?,
        first_name: request.first_name.clone(),
        last_name: request.last_name.clone(),
        password: password.as_ref(),
        password_hash: hash,
    });
    let id = added.await.map_err(|error| admin(&error, "the account"))?;
    let account =
        core.find_account(&id.to_string()).await.map_err(|error| admin(&error, "the new account"))?;
    if request.form.json {
        return output::json(&account_json(&account));
    }
    say(&format!("account {id} added"))?;
    let can_be_reached = request.email.is_some() || request.phone.is_some();
    match (account.has_password, can_be_reached) {
        (true, _) => Ok(()),
        (false, true) => say("it has no password yet: its owner sets one by a reset"),
        (false, false) => say(&format!(
            "it has no password yet, and no address for a reset: set one with `countersign account set-password {id}`"
        )),
    }
}

async fn set_password(which: &Which, source: &PasswordSource) -> Outcome {
    let password = password::read(source).await?.ok_or_else(|| {
        Failure::usage("no password given").advice("use --password-stdin or --password-file, or a terminal")
    })?;
    let (core, account) = find(which).await?;
    let set = core.set_password(account.id, &password, Rule::Strict).await;
    done(&core, which, set, "has a new password, its sessions ended").await
}

async fn sessions(which: &Which, end: Option<i64>, end_all: bool) -> Outcome {
    let (core, account) = find(which).await?;
    if let Some(session) = end {
        let ended = core.end_session(account.id, SessionId(session)).await;
        let list = format!("account sessions {}", which.account);
        ended.map_err(|error| with_named(&error, &format!("the session {session}"), &list))?;
    }
    if end_all {
        core.end_sessions(account.id).await.map_err(|error| unchanged(&error, &which.account))?;
    }
    let left = core.list_sessions(account.id).await.map_err(|error| unchanged(&error, &which.account))?;
    if which.form.json {
        return output::json(&left.iter().map(session_json).collect::<Vec<_>>());
    }
    let rows: Vec<Vec<String>> = left.iter().map(session_row).collect();
    output::table(&["SESSION", "SURFACE", "STARTED"], &rows, "no sessions")
}

fn session_json(session: &ListedSession) -> Value {
    json!({"id": session.id.0, "surface": session.surface.name(), "started_at": session.started_at.rfc3339()})
}

fn session_row(session: &ListedSession) -> Vec<String> {
    vec![session.id.0.to_string(), session.surface.name().into_owned(), session.started_at.rfc3339()]
}

fn list(accounts: &[AccountRecord], as_json: bool) -> Outcome {
    if as_json {
        return output::json(&accounts.iter().map(account_json).collect::<Vec<_>>());
    }
    let row = |account: &AccountRecord| {
        vec![
            account.id.to_string(),
            standing(account),
            or_dash(account.profile.username.as_deref()),
            or_dash(account.profile.email.as_deref()),
            or_dash(account.profile.phone.as_deref()),
            account.created_at.rfc3339(),
        ]
    };
    let rows: Vec<Vec<String>> = accounts.iter().map(row).collect();
    output::table(&["ID", "STANDING", "USERNAME", "EMAIL", "PHONE", "CREATED"], &rows, "no accounts")
}

fn show(account: &AccountRecord, as_json: bool) -> Outcome {
    if as_json {
        return output::json(&account_json(account));
    }
    let profile = &account.profile;
    let mut facts = vec![
        ("id", account.id.to_string()),
        ("uuid", account.uuid.to_string()),
        ("standing", standing(account)),
        ("created", account.created_at.rfc3339()),
        ("first name", profile.first_name.clone()),
        ("last name", profile.last_name.clone()),
        ("password", if account.has_password { "set" } else { "none" }.to_owned()),
    ];
    for (kind, verified_at) in &account.identifiers {
        let verified =
            verified_at.map_or("not verified".to_owned(), |at| format!("verified {}", at.rfc3339()));
        let value = value_of(account, *kind).unwrap_or("(kept as a hash only)");
        facts.push((kind_name(*kind), format!("{value}, {verified}")));
    }
    output::card(&facts)
}

fn account_json(account: &AccountRecord) -> Value {
    let identifiers: Vec<Value> = account
        .identifiers
        .iter()
        .map(|(kind, verified_at)| {
            let verified_at = verified_at.map(|at| at.rfc3339());
            json!({"kind": kind_name(*kind), "value": value_of(account, *kind), "verified_at": verified_at})
        })
        .collect();
    json!({
        "id": account.id.0,
        "uuid": account.uuid.to_string(),
        "standing": account.standing,
        "created_at": account.created_at.rfc3339(),
        "first_name": account.profile.first_name,
        "last_name": account.profile.last_name,
        "identifiers": identifiers,
        "has_password": account.has_password,
    })
}

/// As its owner wrote it; `None` for what is kept as a hash only (002-12).
fn value_of(account: &AccountRecord, kind: IdentifierKind) -> Option<&str> {
    match kind {
        IdentifierKind::Username => account.profile.username.as_deref(),
        IdentifierKind::Email => account.profile.email.as_deref(),
        IdentifierKind::Phone => account.profile.phone.as_deref(),
    }
}

/// The name of the kind in listings and flags.
pub fn kind_name(kind: IdentifierKind) -> &'static str {
    match kind {
        IdentifierKind::Username => "username",
        IdentifierKind::Email => "email",
        IdentifierKind::Phone => "phone",
    }
}

fn standing(account: &AccountRecord) -> String {
    use countersign_model::account::Standing;
    match account.standing {
        Standing::Active => "active",
        Standing::Suspended => "suspended",
        Standing::Closed => "closed",
    }
    .to_owned()
}
