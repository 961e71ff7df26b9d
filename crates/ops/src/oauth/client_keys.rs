//! The public keys of a client: its own words, or what stands at its `jwks_uri`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_model::oauth::{Client, ClientNo, Jwks};
use countersign_model::time::Timestamp;

use crate::Core;

/// So long keys are used without asking again.
const KEEP: Duration = Duration::from_secs(300);

/// Keys that do not verify are asked for again, but not more often than this: anybody can send what does
/// not verify.
const AGAIN: Duration = Duration::from_secs(10);

/// More clients than this are not kept.
const MOST: usize = 1000;

/// Sets that were fetched, by client.
#[derive(Debug, Default)]
pub(crate) struct FetchedKeys(Mutex<HashMap<ClientNo, Fetched>>);

#[derive(Clone, Debug)]
struct Fetched {
    /// The client may have another address by now.
    url: String,
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
        if let Some(keys) = &client.metadata.jwks {
            return verify(keys);
        }
        let url = client.metadata.jwks_uri.as_deref()?;
        let now = self.clock.now();
        let known = self.oauth.client_keys.find(client.no, url);
        if let Some(known) = &known {
            let age = now.since(known.at);
            let verified = (age < KEEP).then(|| verify(&known.keys)).flatten();
            if verified.is_some() || age < AGAIN {
                return verified;
            }
        }
        let keys = match self.oauth.fetch.get_json(url).await {
            Ok(json) => serde_json::from_value(json).unwrap_or_default(),
            Err(error) => {
                tracing::warn!(%error, client = %client.id, "the keys of a client were not fetched");
                Jwks::default()
            }
        };
        let fetched = Fetched { url: url.to_owned(), at: now, keys: Arc::new(keys) };
        self.oauth.client_keys.keep(client.no, fetched.clone());
        verify(&fetched.keys)
    }
}

impl FetchedKeys {
    fn find(&self, client: ClientNo, url: &str) -> Option<Fetched> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&client).filter(|known| known.url == url).cloned()
    }

    fn keep(&self, client: ClientNo, fetched: Fetched) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(client, fetched);
    }
}
