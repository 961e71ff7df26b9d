//! A client that does random things with accounts of its own until the server is gone.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Shared;
use super::client::{Client, Outcome, token_of};
use super::ledger::{Account, State};
use super::theft::Theft;
use super::verify::Gone;
use crate::random::Random;

/// Accounts that a worker plays with; older ones rest in `archive` and must stay as they are.
const ACTIVE: usize = 6;
/// Sessions of an account, roughly.
const SESSIONS: usize = 4;

/// What every random step ends with: whether the worker goes on.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Done,
    ServerGone,
}

/// One client and everything it knows.
#[derive(Debug)]
pub struct Worker {
    number: usize,
    made: usize,
    random: Random,
    pub active: Vec<Account>,
    pub archive: Vec<Account>,
    pub theft: Theft,
}

impl Worker {
    pub fn new(number: usize, seed: u64) -> Self {
        let random = Random::split(seed, number as u64 + 1);
        let theft = Theft::new(number, seed);
        Self { number, made: 0, random, active: Vec::new(), archive: Vec::new(), theft }
    }

    /// A random number below `limit` from this worker's generator.
    pub fn below(&mut self, limit: usize) -> usize {
        self.random.below(limit)
    }

    /// Sends random requests until one gets no answer.
    pub async fn work(&mut self, address: SocketAddr, shared: &Arc<Shared>) {
        let mut client = Client::new(address);
        while !shared.stopped() {
            if self.step(&mut client, shared).await == Step::ServerGone {
                shared.lost_answer();
                return;
            }
        }
    }

    async fn step(&mut self, client: &mut Client, shared: &Shared) -> Step {
        if self.random.one_in(6) {
            return match self.theft.step(client, shared).await {
                Ok(()) => Step::Done,
                Err(Gone) => Step::ServerGone,
            };
        }
        if self.active.is_empty() || self.random.one_in(10) {
            return self.register(client, shared).await;
        }
        let index = self.random.below(self.active.len());
        let mut account = self.active.swap_remove(index);
        let step = self.use_account(&mut account, client, shared).await;
        if account.state.registered || account.maybe.is_some() {
            self.active.push(account);
        }
        step
    }

    async fn use_account(&mut self, account: &mut Account, client: &mut Client, shared: &Shared) -> Step {
        account.touched = true;
        let Some(token) = self.random.pick(&account.state.live).cloned() else {
            return log_in(account, client, shared).await;
        };
        match self.random.below(100) {
            0..45 => refresh(account, &token, client, shared).await,
            45..60 if account.state.live.len() < SESSIONS => log_in(account, client, shared).await,
            60..75 => {
                let password = self.password();
                change_password(account, &token, password, client, shared).await
            }
            75..82 => log_out(account, &token, false, client, shared).await,
            82..85 => log_out(account, &token, true, client, shared).await,
            85..90 if account.proven => {
                let password = self.password();
                reset_password(account, password, client, shared).await
            }
            90..93 if account.proven => log_in_by_code(account, client, shared).await,
            _ => check(account, &token, client, shared).await,
        }
    }

    fn password(&mut self) -> String {
        format!("password {:016x}", self.random.next())
    }

    /// Registers through 004, which answers at once, or through 000 with a code.
    async fn register(&mut self, client: &mut Client, shared: &Shared) -> Step {
        self.made += 1;
        let email = format!("w{}-{}@example.com", self.number, self.made);
        let by_code = self.random.one_in(2);
        let mut account = Account::new(email, self.password(), by_code);
        let step = if by_code {
            register_by_code(&mut account, client, shared).await
        } else {
            let body = json!({ "email": account.email, "password": account.state.password,
                "first_name": "First", "last_name": "Last" });
            let after = account.state.clone().with_registration();
            perform(&mut account, client, shared, "/auth/register/", &body, 201, after).await
        };
        if account.state.registered || account.maybe.is_some() {
            self.active.push(account);
        }
        if self.active.len() > ACTIVE && self.active[0].maybe.is_none() {
            self.archive.push(self.active.remove(0));
        }
        step
    }
}

/// Sends a request and enters what came of it: `after` holds if and only if it was acknowledged.
async fn perform(
    account: &mut Account,
    client: &mut Client,
    shared: &Shared,
    path: &str,
    body: &Value,
    expected: u16,
    mut after: State,
) -> Step {
    account.note(shared.elapsed(), format!("POST {path} {body}"));
    match client.post(path, body).await {
        Outcome::Answered { status, body } if status == expected => {
            account.note(shared.elapsed(), format!("  {status} {body}"));
            after.live.extend(token_of(&body));
            account.acknowledged(after);
            shared.acknowledged();
        }
        Outcome::Answered { status: 429 | 503, .. } => shared.refused(),
        Outcome::Answered { status, body } => {
            account.note(shared.elapsed(), format!("  {status} {body}"));
            shared.violation(format!("POST {path} answered {status} instead of {expected}"), account);
        }
        Outcome::Lost => {
            account.note(shared.elapsed(), "  no answer".to_owned());
            account.unanswered(after);
            return Step::ServerGone;
        }
    }
    Step::Done
}

async fn log_in(account: &mut Account, client: &mut Client, shared: &Shared) -> Step {
    let body = json!({ "identifier": account.email, "identifier_type": "email", "password": account.state.password });
    let after = account.state.clone();
    perform(account, client, shared, "/login", &body, 200, after).await
}

async fn refresh(account: &mut Account, token: &str, client: &mut Client, shared: &Shared) -> Step {
    let after = account.state.clone().without(token);
    perform(account, client, shared, "/refresh", &json!({ "session_token": token }), 200, after).await
}

async fn change_password(
    account: &mut Account,
    token: &str,
    new: String,
    client: &mut Client,
    shared: &Shared,
) -> Step {
    let body = json!({ "session_token": token, "current_password": account.state.password, "password": new });
    let after = account.state.clone().with_password(new).with_sessions_ended(Some(token));
    perform(account, client, shared, "/change_password", &body, 204, after).await
}

async fn log_out(
    account: &mut Account,
    token: &str,
    all: bool,
    client: &mut Client,
    shared: &Shared,
) -> Step {
    let before = account.state.clone();
    let after = if all { before.with_sessions_ended(None) } else { before.without(token) };
    perform(account, client, shared, "/logout", &json!({ "session_token": token, "all": all }), 204, after)
        .await
}

async fn check(account: &mut Account, token: &str, client: &mut Client, shared: &Shared) -> Step {
    match client.profile(token).await {
        Outcome::Answered { status: 200, .. } => Step::Done,
        Outcome::Answered { status, .. } => {
            shared.violation(format!("a live session {token} answered {status}"), account);
            Step::Done
        }
        Outcome::Lost => Step::ServerGone,
    }
}

/// Asks for a code and waits until it is in the outbox.
async fn request_code(account: &mut Account, client: &mut Client, shared: &Shared) -> Result<String, Step> {
    let _ = shared.codes.take(&account.email);
    let before = account.state.clone();
    let body = json!({ "identifier": account.email, "identifier_type": "email" });
    // Nothing that later comparisons look at changes, so the state before stands for both outcomes.
    match perform(account, client, shared, "/send", &body, 202, before).await {
        Step::Done => {}
        Step::ServerGone => {
            account.maybe = None;
            return Err(Step::ServerGone);
        }
    }
    shared.codes.wait_for(&account.email, || shared.stopped()).await.ok_or(Step::Done)
}

async fn register_by_code(account: &mut Account, client: &mut Client, shared: &Shared) -> Step {
    let code = match request_code(account, client, shared).await {
        Ok(code) => code,
        Err(step) => return step,
    };
    let body = json!({ "verification_code": code, "password": account.state.password });
    let after = account.state.clone().with_registration().with_used(&code);
    let step = perform(account, client, shared, "/register", &body, 201, after).await;
    account.open_code = account.maybe.is_some().then_some(code);
    step
}

async fn reset_password(account: &mut Account, new: String, client: &mut Client, shared: &Shared) -> Step {
    let code = match request_code(account, client, shared).await {
        Ok(code) => code,
        Err(step) => return step,
    };
    let body = json!({ "verification_code": code, "password": new });
    let after = account.state.clone().with_password(new).with_sessions_ended(None).with_used(&code);
    perform(account, client, shared, "/reset_password", &body, 204, after).await
}

async fn log_in_by_code(account: &mut Account, client: &mut Client, shared: &Shared) -> Step {
    let code = match request_code(account, client, shared).await {
        Ok(code) => code,
        Err(step) => return step,
    };
    let body = json!({ "identifier": account.email, "identifier_type": "email", "verification_code": code });
    let after = account.state.clone().with_used(&code);
    perform(account, client, shared, "/login", &body, 200, after).await
}
