//! Signing keys: made at start, listed, rotated.
//!
//! Several processes may start on one new store at once. Every one of them knows the id of the key
//! that is to be made, which is drawn once and kept, and the store takes each id once: so one
//! process's key stands and the others' are dropped.

use std::sync::Arc;

use countersign_model::ids::Uuid;
use countersign_model::key::{Algorithm, KeyPurpose, KeyState};
use countersign_model::keyring::{Keyring, Place};
use countersign_model::random::Random;
use countersign_model::time::Timestamp;
use countersign_store::keys::KeyRow;
use countersign_store::{Store, StoreError, Tx, Work, keys};
use tokio::sync::OnceCell;

use crate::jose::sign::{BadKey, NewKey};
use crate::oauth::keep_keys::Change;
use crate::{AdminError, Core, Unavailable};

/// A signing key without its private part.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRecord {
    /// Its id in headers.
    pub kid: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// What it signs.
    pub purpose: KeyPurpose,
    /// Where it is in its life.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// The public key (RFC 7517).
    pub jwk: serde_json::Value,
}

impl Core {
    /// All keys, oldest first.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn list_keys(&self) -> Result<Vec<KeyRecord>, AdminError> {
        self.layer.maker.make().await?;
        self.oauth.keys.make_first().await?;
        let mut tx = self.store.read().await.map_err(Unavailable::from)?;
        let rows = keys::list(&mut tx).await.map_err(Unavailable::from)?;
        Ok(rows.into_iter().map(record).collect::<Result<_, _>>()?)
    }

    /// Lets another key of this purpose sign from now on in every process on this store: for Layer a new
    /// one, for OAuth the one that has been published for it.
    ///
    /// # Errors
    /// [`AdminError`]; [`AdminError::KeyFromFile`] for the Layer key if it is set by configuration.
    pub async fn rotate_keys(
        &self,
        purpose: KeyPurpose,
        algorithm: Algorithm,
    ) -> Result<KeyRecord, AdminError> {
        match purpose {
            KeyPurpose::OAuth => self.rotate_oauth_key(algorithm).await,
            KeyPurpose::Layer => self.rotate_layer_key().await,
        }
    }

    async fn rotate_oauth_key(&self, algorithm: Algorithm) -> Result<KeyRecord, AdminError> {
        // The first key, still being made, must not come after this one.
        self.oauth.keys.make_first().await?;
        self.oauth.keys.keep(&[algorithm], Change::Rotate(algorithm), self.clock.now()).await?;
        let signs = |key: &KeyRecord| {
            let KeyRecord { purpose, state, .. } = key;
            (*purpose, *state, key.algorithm) == (KeyPurpose::OAuth, KeyState::Active, algorithm)
        };
        self.list_keys().await?.into_iter().rfind(signs).ok_or(AdminError::NotFound)
    }

    async fn rotate_layer_key(&self) -> Result<KeyRecord, AdminError> {
        if self.settings.layer.key_pem.is_some() {
            return Err(AdminError::KeyFromFile);
        }
        self.layer.maker.make().await?;
        let kid = layer_key_id(&self.random);
        let key = NewKey::rs256().await.map_err(Unavailable::from)?;
        let row = seal_key(kid, KeyPurpose::Layer, &key, self.clock.now(), &self.keyring, &self.random);
        self.store.write(Activate { key: row.clone(), only_as_first: false }).await?;
        Ok(record(row)?)
    }

    /// Removes a key of OAuth at once, wherever it is in its life: what it signed verifies no more, within
    /// seconds in every process on this store. If it was the one that signs, the next one does.
    ///
    /// # Errors
    /// [`AdminError::NotFound`] also for keys of other purposes.
    pub async fn revoke_key(&self, kid: &str) -> Result<(), AdminError> {
        self.oauth.keys.make_first().await?;
        let now = self.clock.now();
        self.oauth.keys.read(now).await?;
        let kept = self.oauth.keys.keep(&Algorithm::ALL, Change::Revoke(kid.to_owned()), now).await?;
        kept.revoked.then_some(()).ok_or(AdminError::NotFound)
    }
}

/// A new `kid` of Layer's form.
pub(crate) fn layer_key_id(random: &Random) -> String {
    format!("layer:///keys/{}", Uuid::draw(random))
}

/// The key as it is stored, active.
pub(crate) fn seal_key(
    kid: String,
    purpose: KeyPurpose,
    key: &NewKey,
    created_at: Timestamp,
    keyring: &Keyring,
    random: &Random,
) -> KeyRow {
    KeyRow {
        purpose,
        algorithm: key.algorithm,
        state: KeyState::Active,
        created_at,
        changed_at: None,
        jwk: key.jwk(&kid).to_string(),
        private: keyring.seal(Place::SigningKey, &key.private, random),
        kid,
    }
}

fn record(row: KeyRow) -> Result<KeyRecord, Unavailable> {
    let jwk = serde_json::from_str(&row.jwk)
        .map_err(|_| StoreError::Broken("a public key that is not JSON".to_owned()))?;
    let KeyRow { kid, purpose, algorithm, state, created_at, .. } = row;
    Ok(KeyRecord { kid, algorithm, purpose, state, created_at, jwk })
}

/// Makes the first Layer key behind the start, since an RSA key takes its time.
pub(crate) struct LayerKeyMaker {
    pub(crate) done: OnceCell<()>,
    pub(crate) kid: String,
    /// The id was set by the operator: no other key does.
    pub(crate) id_is_set: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) store: Store,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) random: Arc<Random>,
}

impl LayerKeyMaker {
    /// Answers when there is a key; whoever asks after a failure tries again.
    pub(crate) async fn make(&self) -> Result<(), Unavailable> {
        self.done.get_or_try_init(|| self.make_now()).await.copied()
    }

    async fn make_now(&self) -> Result<(), Unavailable> {
        let key = NewKey::rs256().await?;
        let (kid, at) = (self.kid.clone(), self.created_at);
        let row = seal_key(kid, KeyPurpose::Layer, &key, at, &self.keyring, &self.random);
        self.store.write(Activate { key: row, only_as_first: !self.id_is_set }).await
    }
}

impl From<BadKey> for Unavailable {
    fn from(error: BadKey) -> Unavailable {
        tracing::error!(%error, "a signing key failed");
        Unavailable::Store
    }
}

/// Lets a new key sign, unless its id is taken.
struct Activate {
    key: KeyRow,
    only_as_first: bool,
}

impl Work for Activate {
    type Output = ();
    type Error = Unavailable;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Unavailable> {
        let purpose = self.key.purpose;
        if self.only_as_first && keys::list(tx).await?.iter().any(|other| other.purpose == purpose) {
            return Ok(());
        }
        if keys::insert(tx, &self.key).await? {
            let KeyRow { kid, algorithm, created_at, .. } = &self.key;
            keys::retire_others(tx, purpose, *algorithm, kid, *created_at).await?;
        }
        Ok(())
    }
}
