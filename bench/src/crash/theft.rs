//! Used tokens that come back (R071): after a kill, a server without any grace is given them again, and their
//! sessions must be over, also after the next kill.
//!
//! The sessions are those of an account of their own, since the other comparisons present used tokens too and want
//! the sessions that came of them to go on.

use std::net::SocketAddr;

use serde_json::json;

use super::Shared;
use super::client::{Client, Outcome, token_of};
use super::ledger::Account;
use super::verify::{Extent, Gone};
use crate::random::Random;

/// Sessions kept going at once.
const SESSIONS: usize = 4;

/// A session and its tokens.
#[derive(Debug)]
struct Session {
    /// Exchanged, and the exchange was acknowledged.
    used: Vec<String>,
    newest: String,
    /// The exchange of the newest got no answer: it may be used.
    open: bool,
}

/// The sessions of one client.
#[derive(Debug)]
pub struct Theft {
    number: usize,
    made: usize,
    random: Random,
    account: Option<Account>,
    going: Vec<Session>,
    over: Vec<Session>,
}

impl Theft {
    pub fn new(number: usize, seed: u64) -> Self {
        let random = Random::split(seed, 1_000_000 + number as u64);
        Self { number, made: 0, random, account: None, going: Vec::new(), over: Vec::new() }
    }

    /// One request of the load phase.
    pub async fn step(&mut self, client: &mut Client, shared: &Shared) -> Result<(), Gone> {
        let Some(mut account) = self.account.take() else {
            return self.register(client, shared).await;
        };
        let step = match self.going.iter().position(|session| !session.open) {
            Some(first) if self.going.len() >= SESSIONS || !self.random.one_in(4) => {
                let others = self.going.get_mut(first..).unwrap_or_default();
                let mut exchanged: Vec<_> = others.iter_mut().filter(|session| !session.open).collect();
                let chosen = self.random.below(exchanged.len());
                exchange(exchanged.swap_remove(chosen), &mut account, client, shared).await
            }
            _ => self.log_in(&mut account, client, shared).await,
        };
        self.account = Some(account);
        step
    }

    async fn register(&mut self, client: &mut Client, shared: &Shared) -> Result<(), Gone> {
        self.made += 1;
        let email = format!("theft{}-{}@example.com", self.number, self.made);
        let account = Account::new(email, format!("password {:016x}", self.random.next()), false);
        let body = json!({ "email": account.email, "password": account.state.password,
            "first_name": "First", "last_name": "Last" });
        match client.post("/auth/register/", &body).await {
            Outcome::Answered { status: 201, .. } => {
                shared.acknowledged();
                self.account = Some(account);
            }
            Outcome::Answered { status: 429 | 503, .. } => shared.refused(),
            Outcome::Answered { status, .. } => {
                shared.violation(format!("POST /auth/register/ answered {status} instead of 201"), &account);
            }
            // Whether it is there or not: the next one has another address.
            Outcome::Lost => return Err(Gone),
        }
        Ok(())
    }

    async fn log_in(
        &mut self,
        account: &mut Account,
        client: &mut Client,
        shared: &Shared,
    ) -> Result<(), Gone> {
        match client.log_in(&account.email, &account.state.password).await {
            Outcome::Answered { status: 200, body } => {
                shared.acknowledged();
                let newest = token_of(&body).unwrap_or_default();
                account.note(shared.elapsed(), format!("a session begins with {newest}"));
                self.going.push(Session { used: Vec::new(), newest, open: false });
            }
            Outcome::Answered { status: 429 | 503, .. } => shared.refused(),
            Outcome::Answered { status, .. } => {
                shared.violation(format!("POST /login answered {status} instead of 200"), account);
            }
            Outcome::Lost => return Err(Gone),
        }
        Ok(())
    }

    /// Presents a used token of most sessions to a server without grace.
    pub async fn present(&mut self, address: SocketAddr, shared: &Shared) -> Result<(), Gone> {
        let Some(mut account) = self.account.take() else { return Ok(()) };
        let mut client = Client::new(address);
        for session in std::mem::take(&mut self.going) {
            // Some go on over several kills.
            if session.used.is_empty() && !session.open || self.random.one_in(4) {
                self.going.push(session);
            } else if let Some(used) = self.random.pick(&session.used).cloned() {
                steal(&session, &used, &mut account, &mut client, shared).await?;
                self.over.push(session);
            }
            // Of a session whose first exchange got no answer nothing is known that could be compared.
        }
        self.account = Some(account);
        Ok(())
    }

    /// What was ended so is over, whatever has happened since.
    pub async fn compare(&self, address: SocketAddr, shared: &Shared, extent: Extent) -> Result<(), Gone> {
        let Some(account) = &self.account else { return Ok(()) };
        let mut client = Client::new(address);
        for session in &self.going {
            let works = works(&session.newest, account, &mut client, shared).await?;
            if !works && !session.open {
                shared.violation(format!("the live token {} does not work", session.newest), account);
            }
        }
        let recent = if extent == Extent::Everything { usize::MAX } else { 2 * SESSIONS };
        for session in self.over.iter().rev().take(recent) {
            if works(&session.newest, account, &mut client, shared).await? {
                let what = format!("the session of {} was ended, and is back after a kill", session.newest);
                shared.violation(what, account);
            }
        }
        Ok(())
    }
}

async fn exchange(
    session: &mut Session,
    account: &mut Account,
    client: &mut Client,
    shared: &Shared,
) -> Result<(), Gone> {
    account.note(shared.elapsed(), format!("exchanges {}", session.newest));
    match client.post("/refresh", &json!({ "session_token": session.newest })).await {
        Outcome::Answered { status: 200, body } => {
            shared.acknowledged();
            let newest = token_of(&body).unwrap_or_default();
            account.note(shared.elapsed(), format!("  for {newest}"));
            session.used.push(std::mem::replace(&mut session.newest, newest));
        }
        Outcome::Answered { status: 429 | 503, .. } => shared.refused(),
        Outcome::Answered { status, .. } => {
            shared.violation(format!("exchanging {} answered {status}", session.newest), account);
        }
        Outcome::Lost => {
            account.note(shared.elapsed(), "  no answer".to_owned());
            session.open = true;
            return Err(Gone);
        }
    }
    Ok(())
}

/// Presents a used token, whose session must then be over.
async fn steal(
    session: &Session,
    used: &str,
    account: &mut Account,
    client: &mut Client,
    shared: &Shared,
) -> Result<(), Gone> {
    if !works(&session.newest, account, client, shared).await? && !session.open {
        shared.violation(format!("the live token {} does not work", session.newest), account);
    }
    account.note(shared.elapsed(), format!("the used token {used} comes back"));
    shared.compared();
    match client.post("/refresh", &json!({ "session_token": used })).await {
        Outcome::Answered { status: 410, .. } => {}
        Outcome::Answered { status, .. } => {
            shared.violation(format!("the used token {used} answered {status} instead of 410"), account);
        }
        Outcome::Lost => return Err(Gone),
    }
    if works(&session.newest, account, client, shared).await? {
        let what = format!("the used token {used} came back, and {} still works", session.newest);
        shared.violation(what, account);
    }
    shared.stolen();
    Ok(())
}

async fn works(token: &str, account: &Account, client: &mut Client, shared: &Shared) -> Result<bool, Gone> {
    shared.compared();
    match client.profile(token).await {
        Outcome::Answered { status: 200, .. } => Ok(true),
        Outcome::Answered { status: 401, .. } => Ok(false),
        Outcome::Answered { status, .. } => {
            shared.violation(format!("GET /auth/profile/ answered {status} after a restart"), account);
            Ok(false)
        }
        Outcome::Lost => Err(Gone),
    }
}
