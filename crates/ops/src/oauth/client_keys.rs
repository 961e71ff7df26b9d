//! The public keys of clients and of trusted issuers: their own words, or what stands at a `jwks_uri`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_model::oauth::{Client, Jwks};
use countersign_model::time::Timestamp;
use tokio::sync::Mutex as Turn;

use super::Outside;
use crate::{Core, Repeated};

/// So long keys are used without asking again.
const KEEP: Duration = Duration::from_secs(300);

/// So long they are used if newer ones cannot be had: a key that was withdrawn does not work for ever because somebody
/// keeps the address from answering.
const KEEP_UNANSWERED: Duration = Duration::from_secs(600);

/// Keys that do not verify are asked for again, but not more often than this: anybody can send what does
/// not verify.
const AGAIN: Duration = Duration::from_secs(10);

/// More sets than this are not kept, nor are more on their way at once.
const MOST: usize = 1000;

/// What was fetched and is of no use, and what was not fetched: who registers clients chooses the addresses, and how
/// many there are.
static NO_SET: Repeated = Repeated::new();
static NOT_FETCHED: Repeated = Repeated::new();

/// Sets that were fetched, by address.
#[derive(Debug, Default)]
pub(crate) struct FetchedKeys {
    sets: Mutex<HashMap<String, Fetched>>,
    /// Those on their way: whoever fetches one has its turn, so that each is fetched once however many send
    /// what does not verify.
    turns: Mutex<HashMap<String, Arc<Turn<()>>>>,
}

#[derive(Clone, Debug)]
struct Fetched {
    /// When these keys came.
    at: Timestamp,
    /// When they were asked for last, also if there was no answer: then too it is not asked again at once.
    asked_at: Timestamp,
    keys: Arc<Jwks>,
}

impl Fetched {
    /// What was known and is still good, asked for now without an answer.
    fn unanswered(known: Option<Fetched>, now: Timestamp) -> Fetched {
        let good = known.filter(|known| now.since(known.at) < KEEP_UNANSWERED);
        match good {
            Some(known) => Fetched { asked_at: now, ..known },
            None => Fetched { at: now, asked_at: now, keys: Arc::default() },
        }
    }
}

impl Core {
    /// Tries the client's keys, and newer ones if those that are known do not do.
    pub(crate) async fn with_client_keys<T>(
        &self,
        client: &Client,
        mut verify: impl FnMut(&Jwks) -> Option<T>,
    ) -> Option<T> {
        match (&client.metadata.jwks, &client.metadata.jwks_uri) {
            (Some(keys), _) => verify(keys),
            (None, Some(url)) => self.with_keys_at(self.oauth.outside.of(client), url, verify).await,
            (None, None) => None,
        }
    }

    /// Tries the keys at an address, and newer ones if those that are known do not do.
    pub(crate) async fn with_keys_at<T>(
        &self,
        outside: &Outside,
        url: &str,
        mut verify: impl FnMut(&Jwks) -> Option<T>,
    ) -> Option<T> {
        let now = self.clock.now();
        let known = outside.keys.find(url);
        if let Some(known) = &known {
            let is_just_asked = now.since(known.asked_at) < AGAIN;
            let is_used = now.since(known.at) < if is_just_asked { KEEP_UNANSWERED } else { KEEP };
            let verified = is_used.then(|| verify(&known.keys)).flatten();
            if verified.is_some() || is_just_asked {
                return verified;
            }
        }
        let turn = outside.keys.turn(url)?;
        let _turn = turn.lock().await;
        let newer = outside.keys.find(url);
        // Somebody else has fetched it meanwhile.
        let is_newer = |newer: &Fetched| known.as_ref().is_none_or(|known| known.asked_at != newer.asked_at);
        if let Some(newer) = newer.filter(is_newer) {
            return verify(&newer.keys);
        }
        let fetched = match outside.fetch_keys(url).await {
            Some(keys) => Fetched { at: now, asked_at: now, keys: Arc::new(keys) },
            None => Fetched::unanswered(known, now),
        };
        outside.keys.keep(url, fetched.clone());
        verify(&fetched.keys)
    }
}

impl Outside {
    /// `None` if there is no answer, or one that is no set of keys.
    async fn fetch_keys(&self, url: &str) -> Option<Jwks> {
        match self.fetch.get_json(url).await {
            Ok(json) if json["keys"].is_array() => serde_json::from_value(json).ok(),
            Ok(_) => {
                if NO_SET
                    .may_write(|more| tracing::warn!(more, "and {more} more times it was no set of keys"))
                {
                    tracing::warn!(url, "what was fetched is no set of keys");
                }
                None
            }
            Err(error) => {
                if NOT_FETCHED
                    .may_write(|more| tracing::warn!(more, "and {more} more sets of keys were not fetched"))
                {
                    tracing::warn!(%error, url, "a set of keys was not fetched");
                }
                None
            }
        }
    }
}

impl FetchedKeys {
    fn find(&self, url: &str) -> Option<Fetched> {
        let all = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(url).cloned()
    }

    /// `None` if too many are on their way.
    pub(super) fn turn(&self, url: &str) -> Option<Arc<Turn<()>>> {
        let mut all = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        let has_room = all.len() < MOST || all.contains_key(url);
        has_room.then(|| Arc::clone(all.entry(url.to_owned()).or_default()))
    }

    fn keep(&self, url: &str, fetched: Fetched) {
        let mut all = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(url.to_owned(), fetched);
    }
}
