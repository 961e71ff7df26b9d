//! The public keys of clients and of trusted issuers: their own words, or what stands at a `jwks_uri`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_model::oauth::{Client, Jwks};
use countersign_model::time::Timestamp;
use tokio::sync::Mutex as Turn;

use crate::Core;

/// So long keys are used without asking again.
const KEEP: Duration = Duration::from_secs(300);

/// Keys that do not verify are asked for again, but not more often than this: anybody can send what does
/// not verify.
const AGAIN: Duration = Duration::from_secs(10);

/// More sets than this are not kept, nor are more on their way at once.
const MOST: usize = 1000;

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
    at: Timestamp,
    /// Empty if there was no answer: then too it is not asked again at once.
    keys: Arc<Jwks>,
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
            (None, Some(url)) => self.with_keys_at(url, verify).await,
            (None, None) => None,
        }
    }

    /// Tries the keys at an address, and newer ones if those that are known do not do.
    pub(crate) async fn with_keys_at<T>(
        &self,
        url: &str,
        mut verify: impl FnMut(&Jwks) -> Option<T>,
    ) -> Option<T> {
        let now = self.clock.now();
        let known = self.oauth.client_keys.find(url);
        if let Some(known) = &known {
            let age = now.since(known.at);
            let verified = (age < KEEP).then(|| verify(&known.keys)).flatten();
            if verified.is_some() || age < AGAIN {
                return verified;
            }
        }
        let turn = self.oauth.client_keys.turn(url)?;
        let _turn = turn.lock().await;
        let newer = self.oauth.client_keys.find(url);
        // Somebody else has fetched it meanwhile.
        if let Some(newer) = newer.filter(|newer| known.is_none_or(|known| known.at != newer.at)) {
            return verify(&newer.keys);
        }
        let keys = match self.oauth.fetch.get_json(url).await {
            Ok(json) => serde_json::from_value(json).unwrap_or_default(),
            Err(error) => {
                tracing::warn!(%error, url, "a set of keys was not fetched");
                Jwks::default()
            }
        };
        let fetched = Fetched { at: now, keys: Arc::new(keys) };
        self.oauth.client_keys.keep(url, fetched.clone());
        verify(&fetched.keys)
    }
}

impl FetchedKeys {
    fn find(&self, url: &str) -> Option<Fetched> {
        let all = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(url).cloned()
    }

    /// `None` if too many are on their way.
    fn turn(&self, url: &str) -> Option<Arc<Turn<()>>> {
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
