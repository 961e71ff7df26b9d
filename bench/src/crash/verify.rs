//! Compares the server after a restart with what clients know.
//!
//! A request without an answer leaves two possible states of an account. Everything a client can ask is
//! asked first; then exactly one of the two must explain all the answers, so that half a change is found too.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::json;

use super::Shared;
use super::client::{Client, Outcome, token_of};
use super::ledger::{Account, State};
use super::worker::Worker;

/// Dead tokens and old passwords looked at each time; the newest are the ones at risk. The last comparison
/// of a run looks at all.
const RECENT: usize = 6;

/// What is asked of a server, and how it answered: a password opens or not, a session works or not.
type Facts = BTreeMap<(Kind, String), bool>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Password,
    Session,
}

/// How much is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Accounts with requests since the last comparison, and a few of the others.
    Touched,
    /// Every account, password, session and code.
    Everything,
}

/// The server went away during a comparison, which nobody asked for.
#[derive(Debug)]
pub struct Gone;

/// Compares the accounts of one worker.
pub async fn verify(
    worker: &mut Worker,
    address: SocketAddr,
    shared: &Shared,
    extent: Extent,
) -> Result<(), Gone> {
    let mut client = Client::new(address);
    let mut active = std::mem::take(&mut worker.active);
    for account in &mut active {
        if account.touched || extent == Extent::Everything || worker.below(4) == 0 {
            compare(account, &mut client, shared, extent).await?;
        }
    }
    active.retain(|account| account.state.registered);
    worker.active = active;
    let mut archive = std::mem::take(&mut worker.archive);
    for account in &mut archive {
        if extent == Extent::Everything || worker.below(16) == 0 {
            compare(account, &mut client, shared, extent).await?;
        }
    }
    worker.archive = archive;
    worker.theft.compare(address, shared, extent).await
}

async fn compare(
    account: &mut Account,
    client: &mut Client,
    shared: &Shared,
    extent: Extent,
) -> Result<(), Gone> {
    let recent = if extent == Extent::Everything { usize::MAX } else { RECENT };
    let candidates: Vec<State> = std::iter::once(account.state.clone()).chain(account.maybe.take()).collect();
    let expected: Vec<Facts> = candidates.iter().map(|state| facts_of(state, recent)).collect();
    let mut observed = Facts::new();
    let mut gained = Vec::new();
    for (kind, value) in expected.iter().flat_map(BTreeMap::keys) {
        let key = (*kind, value.clone());
        if observed.contains_key(&key) {
            continue;
        }
        let works = match kind {
            Kind::Password => log_in(account, value, client, shared, &mut gained).await?,
            Kind::Session => session_works(account, value, client, shared).await?,
        };
        shared.compared();
        observed.insert(key, works);
    }
    // What one state says nothing about (a password it never had) must not work either.
    let agrees = |facts: &Facts| {
        observed.iter().all(|(key, works)| *works == facts.get(key).copied().unwrap_or(false))
    };
    let matching = candidates.iter().zip(&expected).position(|(_, facts)| agrees(facts));
    account.touched = false;
    let Some(matching) = matching else {
        shared.violation(describe(&expected, &observed), account);
        return Ok(());
    };
    account.note(
        shared.elapsed(),
        format!("compared: {} of {} possible states", matching + 1, candidates.len()),
    );
    account.state = candidates.into_iter().nth(matching).unwrap_or_else(|| account.state.clone());
    account.state.live.extend(gained);
    finish_registration(account, client, shared).await?;
    consumed_stays_consumed(account, client, shared, recent).await
}

/// What must be observed in a state, its newest `recent` dead tokens and old passwords included.
fn facts_of(state: &State, recent: usize) -> Facts {
    let newest = |list: &[String]| list.iter().rev().take(recent).cloned().collect::<Vec<_>>();
    let mut facts = Facts::new();
    facts.extend(newest(&state.former).into_iter().map(|password| ((Kind::Password, password), false)));
    facts.insert((Kind::Password, state.password.clone()), state.registered);
    facts.extend(newest(&state.dead).into_iter().map(|token| ((Kind::Session, token), false)));
    facts.extend(state.live.iter().map(|token| ((Kind::Session, token.clone()), true)));
    facts
}

async fn log_in(
    account: &mut Account,
    password: &str,
    client: &mut Client,
    shared: &Shared,
    gained: &mut Vec<String>,
) -> Result<bool, Gone> {
    match client.log_in(&account.email, password).await {
        Outcome::Answered { status: 200, body } => {
            gained.extend(token_of(&body));
            Ok(true)
        }
        Outcome::Answered { status: 401, .. } => Ok(false),
        Outcome::Answered { status, body } => {
            shared.violation(format!("POST /login answered {status} {body} after a restart"), account);
            Ok(false)
        }
        Outcome::Lost => Err(Gone),
    }
}

async fn session_works(
    account: &Account,
    token: &str,
    client: &mut Client,
    shared: &Shared,
) -> Result<bool, Gone> {
    match client.profile(token).await {
        Outcome::Answered { status: 200, .. } => Ok(true),
        Outcome::Answered { status: 401, .. } => Ok(false),
        Outcome::Answered { status, body } => {
            shared.violation(format!("GET /auth/profile/ answered {status} {body} after a restart"), account);
            Ok(false)
        }
        Outcome::Lost => Err(Gone),
    }
}

/// A registration that had no effect must not have used up its code.
async fn finish_registration(
    account: &mut Account,
    client: &mut Client,
    shared: &Shared,
) -> Result<(), Gone> {
    let Some(code) = account.open_code.take().filter(|_| !account.state.registered) else {
        return Ok(());
    };
    let body = json!({ "verification_code": code, "password": account.state.password });
    match client.post("/register", &body).await {
        Outcome::Answered { status: 201, .. } => {
            account.note(
                shared.elapsed(),
                "registered with the code of the request that got no answer".to_owned(),
            );
            account.state = account.state.clone().with_registration().with_used(&code);
            Ok(())
        }
        Outcome::Answered { status, .. } => {
            let what = format!("a registration had no effect, yet its code {code} answers {status}");
            shared.violation(what, account);
            Ok(())
        }
        Outcome::Lost => Err(Gone),
    }
}

/// Used codes and rotated or revoked tokens must also be refused where they would do something.
async fn consumed_stays_consumed(
    account: &Account,
    client: &mut Client,
    shared: &Shared,
    recent: usize,
) -> Result<(), Gone> {
    for code in account.state.used_codes.iter().rev().take(recent) {
        let body = json!({ "verification_code": code, "password": "password that must not be set" });
        let outcome = client.post("/reset_password", &body).await;
        expect_gone(outcome, &format!("used code {code}"), account, shared)?;
    }
    for token in account.state.dead.iter().rev().take(recent) {
        let outcome = client.post("/refresh", &json!({ "session_token": token })).await;
        expect_gone(outcome, &format!("ended session {token}"), account, shared)?;
    }
    Ok(())
}

fn expect_gone(outcome: Outcome, what: &str, account: &Account, shared: &Shared) -> Result<(), Gone> {
    shared.compared();
    match outcome {
        Outcome::Answered { status: 410, .. } => Ok(()),
        Outcome::Answered { status, .. } => {
            shared.violation(format!("{what} answered {status} instead of 410"), account);
            Ok(())
        }
        Outcome::Lost => Err(Gone),
    }
}

/// Where the answers differ from each of the possible states.
fn describe(expected: &[Facts], observed: &Facts) -> String {
    let mut text = "no possible state explains what the server answers".to_owned();
    for (number, facts) in expected.iter().enumerate() {
        for ((kind, value), works) in observed {
            let should = facts.get(&(*kind, value.clone())).copied().unwrap_or(false);
            if should != *works {
                let verb = if *works { "works" } else { "does not work" };
                text.push_str(&format!("\n    state {}: {kind:?} {value} {verb}", number + 1));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_change_matches_neither_state() {
        let mut before = Account::new("a@example.com".into(), "old".into(), true).state.with_registration();
        before.live = vec!["one".into(), "two".into()];
        let after = before.clone().with_password("new".into()).with_sessions_ended(Some("two"));
        let expected = [facts_of(&before, 9), facts_of(&after, 9)];
        // The password is new, and yet the session that it should have ended works.
        let observed: Facts = [
            ((Kind::Password, "old".to_owned()), false),
            ((Kind::Password, "new".to_owned()), true),
            ((Kind::Session, "one".to_owned()), true),
            ((Kind::Session, "two".to_owned()), true),
        ]
        .into();
        let text = describe(&expected, &observed);
        assert!(text.contains("state 1: Password old does not work"), "{text}");
        assert!(text.contains("state 2: Session one works"), "{text}");
    }
}
