//! What a store holds besides accounts: the clock's mark, the signing keys.

use std::sync::Arc;
use std::time::Duration;

use countersign_model::ids::Uuid;
use countersign_model::key::{KeyPurpose, KeyState};
use countersign_model::keyring::Keyring;
use countersign_model::random::Random;
use countersign_model::time::{Clock, Timestamp};
use countersign_store::keys::{self, KeyRow};
use countersign_store::{Store, StoreError, Tx, Work, meta};
use tokio::sync::OnceCell;

use crate::jose::sign::{BadKey, NewKey};
use crate::manage_keys::{LayerKeyMaker, layer_key_id, seal_key};
use crate::{LayerSettings, OpenCoreError, Unavailable};

/// What is known once the store is prepared.
pub(crate) struct Prepared {
    /// `iss` of Layer tokens.
    pub(crate) provider: String,
    /// Makes the Layer key, if one is to be made.
    pub(crate) maker: LayerKeyMaker,
}

/// Names in the `meta` table.
mod name {
    pub(super) const CLOCK: &str = "clock";
    pub(super) const LAYER_KEY: &str = "first layer key";
    pub(super) const LAYER_PROVIDER: &str = "layer provider";
}

/// Behind this mark, a clock is not merely a little off.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(300);

/// The Layer key of the configuration, if there is one.
pub(crate) fn own_layer_key(layer: &LayerSettings) -> Result<Option<NewKey>, OpenCoreError> {
    let pem = layer.key_pem.as_ref();
    pem.map(|pem| NewKey::from_pem(pem).map_err(|BadKey| OpenCoreError::LayerKey)).transpose()
}

impl LayerSettings {
    /// Whether the key, if one is set, can be used.
    ///
    /// # Errors
    /// [`OpenCoreError::LayerKey`].
    pub fn check_key(&self) -> Result<(), OpenCoreError> {
        own_layer_key(self).map(drop)
    }
}

/// Checks the store against the clock and fills in what a new one lacks.
pub(crate) async fn prepare(
    store: &Store,
    clock: &Clock,
    random: &Arc<Random>,
    keyring: &Arc<Keyring>,
    (layer, own_key): (&LayerSettings, Option<NewKey>),
) -> Result<Prepared, OpenCoreError> {
    let now = clock.now();
    let first_layer_key = layer_key_id(random);
    let own_layer_key = own_key.map(|key| {
        let kid = layer.key_id.clone().unwrap_or_else(|| first_layer_key.clone());
        let row = seal_key(kid, KeyPurpose::Layer, &key, now, keyring, random);
        OwnKey { key, row, id_is_set: layer.key_id.is_some() }
    });
    let work = Prepare {
        provider: format!("layer:///providers/{}", Uuid::draw(random)),
        first_layer_key,
        own_layer_key,
    };
    let own_layer_key = work.own_layer_key.is_some();
    let found = store.write(work).await?;
    if let Some(mark) = found.clock {
        if mark.since(now) > CLOCK_TOLERANCE {
            let behind = mark.since(now).as_secs();
            tracing::warn!(behind, "the wall clock is behind what it was; its last known time holds");
        }
        clock.not_before(mark);
    }
    let nothing_to_make = own_layer_key
        || match &layer.key_id {
            Some(kid) => found.layer_keys.contains(kid),
            None => !found.layer_keys.is_empty(),
        };
    Ok(Prepared {
        provider: layer.provider_id.clone().unwrap_or(found.provider),
        maker: LayerKeyMaker {
            done: OnceCell::new_with(nothing_to_make.then_some(())),
            id_is_set: layer.key_id.is_some(),
            kid: layer.key_id.clone().unwrap_or(found.first_layer_key),
            created_at: now,
            store: store.clone(),
            keyring: Arc::clone(keyring),
            random: Arc::clone(random),
        },
    })
}

/// The configured Layer key.
struct OwnKey {
    key: NewKey,
    row: KeyRow,
    id_is_set: bool,
}

struct Prepare {
    provider: String,
    first_layer_key: String,
    own_layer_key: Option<OwnKey>,
}

struct Found {
    clock: Option<Timestamp>,
    provider: String,
    first_layer_key: String,
    /// The ids of those that were there before.
    layer_keys: Vec<String>,
}

impl Work for Prepare {
    type Output = Found;
    type Error = OpenCoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Found, OpenCoreError> {
        let rows = keys::list(tx).await?;
        if let Some(own) = &self.own_layer_key {
            own.activate(tx, &rows).await?;
        }
        Ok(Found {
            clock: meta::find(tx, name::CLOCK).await?.and_then(|mark| read_mark(&mark)),
            provider: set_text_once(tx, name::LAYER_PROVIDER, &self.provider).await?,
            first_layer_key: set_text_once(tx, name::LAYER_KEY, &self.first_layer_key).await?,
            layer_keys: rows
                .into_iter()
                .filter(|row| row.purpose == KeyPurpose::Layer)
                .map(|row| row.kid)
                .collect(),
        })
    }
}

impl OwnKey {
    /// Lets the configured key sign, and no other.
    async fn activate(&self, tx: &mut Tx<'_>, rows: &[KeyRow]) -> Result<(), StoreError> {
        let is_this = |row: &&KeyRow| {
            let jwk = serde_json::from_str(&row.jwk).unwrap_or_default();
            self.key.is_shown_by(&jwk) && (!self.id_is_set || row.kid == self.row.kid)
        };
        let kid = if let Some(row) = rows.iter().find(is_this) {
            keys::set_state(tx, &row.kid, KeyState::Active, self.row.created_at).await?;
            &row.kid
        } else {
            // An id that the operator has given to another key: that one is no longer theirs.
            keys::remove(tx, &self.row.kid).await?;
            keys::insert(tx, &self.row).await?;
            &self.row.kid
        };
        keys::retire_others(tx, KeyPurpose::Layer, self.key.algorithm, kid, self.row.created_at).await
    }
}

impl From<StoreError> for OpenCoreError {
    fn from(error: StoreError) -> OpenCoreError {
        tracing::error!(%error, "the store cannot be prepared");
        OpenCoreError::Store
    }
}

impl From<Unavailable> for OpenCoreError {
    /// The reason is in the log.
    fn from(_: Unavailable) -> OpenCoreError {
        OpenCoreError::Store
    }
}

async fn set_text_once(tx: &mut Tx<'_>, name: &str, text: &str) -> Result<String, StoreError> {
    let standing = meta::set_once(tx, name, text.as_bytes()).await?;
    String::from_utf8(standing).map_err(|_| StoreError::Broken(format!("`{name}` is not text")))
}

/// 8 bytes, big-endian: microseconds.
fn read_mark(bytes: &[u8]) -> Option<Timestamp> {
    bytes.try_into().ok().map(|bytes| Timestamp::from_micros(i64::from_be_bytes(bytes)))
}
