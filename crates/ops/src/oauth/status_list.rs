//! Which signed access tokens are worth nothing before they expire, for whoever does not introspect them
//! (Token Status List, draft-ietf-oauth-status-list-21, approved and waiting for its number).

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use countersign_model::key::Algorithm;
use countersign_model::oauth::StatusIndex;
use countersign_model::time::Timestamp;
use countersign_store::oauth::statuses;
use miniz_oxide::deflate::compress_to_vec_zlib;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{Core, Unavailable};

/// How long a list may be kept by whoever fetched it, in seconds (§5.1, §13.7).
const TTL: u32 = 10;

/// How long this server hands out the same list. With as much in caches between, and [`TTL`]: after 20 seconds
/// everybody knows of an end.
const MADE_EACH: Duration = Duration::from_secs(5);

/// When a list expires. Later than it may be kept: clocks differ.
const LIFETIME: Duration = Duration::from_secs(60);

/// Places that are read at once. On SQLite a read runs on this thread.
const PAGE: i64 = StatusIndex::OF_A_LIST / 8;

/// Lists as they were made last.
pub(crate) type StatusLists = Mutex<HashMap<i64, (Timestamp, Bytes)>>;

impl Core {
    /// The `status` claim of a token (§6.2).
    pub(super) fn status_claim(&self, place: StatusIndex) -> Value {
        json!({ "status_list": { "idx": place.place(), "uri": self.status_uri(place.list()) } })
    }

    /// The place that a token of this server names.
    pub(super) fn status_place(&self, claims: &Value) -> Option<StatusIndex> {
        let status = &claims["status"]["status_list"];
        let list = status["uri"].as_str()?.strip_prefix(&self.status_uri(""))?;
        let place = status["idx"].as_i64()?;
        Some(StatusIndex(list.parse::<i64>().ok()? * StatusIndex::OF_A_LIST + place))
    }

    fn status_uri(&self, list: impl std::fmt::Display) -> String {
        format!("{}/oauth2/status/{list}", self.settings.public_url)
    }

    /// A status list (§5.1); `None` if there is none of this name. Whoever asks at the same time waits for one
    /// to make it.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn status_list(&self, name: &str) -> Result<Option<Bytes>, Unavailable> {
        let list = name.parse().ok().filter(|list: &i64| list.to_string() == name);
        let Some(list) = list.filter(|list| (0..StatusIndex::LISTS).contains(list)) else { return Ok(None) };
        let mut lists = self.oauth.status_lists.lock().await;
        let now = self.clock.now();
        if let Some((_, known)) = lists.get(&list).filter(|(made_at, _)| now.since(*made_at) < MADE_EACH) {
            return Ok(Some(known.clone()));
        }
        let made = Bytes::from(self.make_status_list(list, now).await?);
        lists.insert(list, (now, made.clone()));
        Ok(Some(made))
    }

    async fn make_status_list(&self, list: i64, now: Timestamp) -> Result<String, Unavailable> {
        let first = list * StatusIndex::OF_A_LIST;
        let mut bits = Bits::default();
        for from in (first..first + StatusIndex::OF_A_LIST).step_by(usize::try_from(PAGE).unwrap_or(1)) {
            let ended = statuses::ended(&mut self.store.read().await?, StatusIndex(from), PAGE).await?;
            ended.into_iter().for_each(|place| bits.set(place));
            tokio::task::yield_now().await;
        }
        let uri = self.status_uri(list);
        let claims = json!({
            "iss": self.settings.public_url,
            "sub": uri,
            "iat": now.seconds(),
            "exp": now.after(LIFETIME).seconds(),
            "ttl": TTL,
            "status_list": { "bits": 1, "lst": bits.encoded() },
        });
        self.oauth_keys().sign(Algorithm::Es256, "statuslist+jwt", &claims)
    }
}

/// A bit for each place: 0 valid, 1 invalid (§7.1).
struct Bits(Vec<u8>);

impl Default for Bits {
    fn default() -> Bits {
        Bits(vec![0; usize::try_from(StatusIndex::OF_A_LIST / 8).unwrap_or(0)])
    }
}

impl Bits {
    /// The first place is the least significant bit of the first byte (§4.1).
    fn set(&mut self, place: StatusIndex) {
        let (byte, bit) = (place.place() / 8, place.place() % 8);
        if let Some(byte) = usize::try_from(byte).ok().and_then(|byte| self.0.get_mut(byte)) {
            *byte |= 1 << bit;
        }
    }

    /// In the form of ZLIB (RFC 1950), as well as it can be compressed, as the specification recommends.
    fn encoded(&self) -> String {
        URL_SAFE_NO_PAD.encode(compress_to_vec_zlib(&self.0, 9))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_stand_as_in_the_example_of_the_specification() {
        // §4.1: 16 statuses of one bit.
        let mut bits = Bits(vec![0; 2]);
        for place in [0, 3, 4, 5, 7, 8, 9, 13, 15] {
            bits.set(StatusIndex(place));
        }
        assert_eq!(bits.0, [0xb9, 0xa3]);
        assert_eq!(bits.encoded(), "eNrbuRgAAhcBXQ");
    }
}
