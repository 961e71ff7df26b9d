//! The signing keys of OAuth: published, then signing, then retired, then removed.
//!
//! For each algorithm one key signs. The one that will sign after it is published already, so that whoever
//! has kept `/oauth2/jwks` for a while knows it by then.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::digest;
use bytes::Bytes;
use countersign_model::key::{Algorithm, KeyPurpose, KeyState};
use countersign_model::keyring::{Keyring, Place};
use countersign_model::oauth::Jwks;
use countersign_model::random::Random;
use countersign_model::time::Timestamp;
use countersign_store::keys::{self, KeyRow};
use countersign_store::{Store, StoreError};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use super::keep_keys::{Change, Keep, Kept, KeyTimes};
use crate::jose::sign::Signer;
use crate::jose::verify::MAX_BYTES;
use crate::repeated::Repeated;
use crate::{Core, Settings, Unavailable};

/// Those whose keys take no time to make; that of RS256 is made behind the start.
const QUICK: [Algorithm; 2] = [Algorithm::Es256, Algorithm::EdDsa];

/// How long a request waits for a key that is in the making.
const PATIENCE: Duration = Duration::from_secs(10);

/// A key that is not known is looked for in the store at most this often: anybody can name one.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Tokens that are not issued: whoever gets one may try as often as they like.
static TOO_LONG: Repeated = Repeated::new();

/// The keys in use; replaced as a whole when they are read anew.
pub(crate) struct Keys {
    set: ArcSwap<KeySet>,
    read_at: AtomicI64,
    opened_at: Timestamp,
    first: OnceCell<()>,
    store: Store,
    keyring: Arc<Keyring>,
    random: Arc<Random>,
    times: KeyTimes,
}

/// Keys as they were read last.
#[derive(Debug, Default)]
pub struct KeySet {
    /// `/oauth2/jwks`.
    pub jwks: Bytes,
    /// Its entity tag.
    pub etag: String,
    /// The same, to verify with.
    pub(crate) public: Jwks,
    signing: Vec<Signing>,
    rows: Vec<KeyRow>,
}

/// A key that signs.
#[derive(Clone, Debug)]
struct Signing {
    kid: String,
    algorithm: Algorithm,
    signer: Arc<Signer>,
}

/// The header of what is signed.
#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'static str,
}

impl KeySet {
    /// Signs claims with the active key of the algorithm: a compact JWS whose header has `alg`, `kid`, `typ`.
    ///
    /// # Errors
    /// [`Unavailable`] if there is no such key yet; [`Core::oauth_keys_with`] waits for it.
    pub(crate) fn sign(
        &self,
        algorithm: Algorithm,
        typ: &'static str,
        claims: &impl Serialize,
    ) -> Result<String, Unavailable> {
        let key = self.signing_by(algorithm).ok_or(Unavailable::Store)?;
        let header = Header { alg: algorithm.name(), kid: &key.kid, typ };
        Ok(key.signer.sign(&header, claims)?)
    }

    /// The same for a token that may be presented here later: none is longer than what is looked into then (R101).
    ///
    /// # Errors
    /// [`Unavailable`], also if it would be longer.
    pub(crate) fn sign_token(
        &self,
        algorithm: Algorithm,
        typ: &'static str,
        claims: &impl Serialize,
    ) -> Result<String, Unavailable> {
        let token = self.sign(algorithm, typ, claims)?;
        if token.len() <= MAX_BYTES {
            return Ok(token);
        }
        if TOO_LONG.may_write(|more| tracing::error!(more, "and {more} more tokens were too long")) {
            let bytes = token.len();
            tracing::error!(
                bytes,
                typ,
                "a token of more than {MAX_BYTES} bytes is not issued; shorten its claims"
            );
        }
        Err(Unavailable::Fault)
    }

    fn signing_by(&self, algorithm: Algorithm) -> Option<&Signing> {
        self.signing.iter().find(|key| key.algorithm == algorithm)
    }

    /// Whether there is a key of each algorithm.
    pub fn is_complete(&self) -> bool {
        Algorithm::ALL.iter().all(|algorithm| self.signing_by(*algorithm).is_some())
    }

    /// Whether the id is that of a key here.
    pub(crate) fn knows(&self, kid: &str) -> bool {
        self.rows.iter().any(|row| row.kid == kid)
    }

    /// The set of these rows; what was opened before is not opened again.
    fn of(rows: Vec<KeyRow>, before: &KeySet, keyring: &Keyring) -> Result<KeySet, Unavailable> {
        let broken = |what: &str| StoreError::Broken(format!("a signing key {what}"));
        let mut public = Vec::with_capacity(rows.len());
        let mut signing = Vec::new();
        for row in &rows {
            public.push(serde_json::from_str::<Value>(&row.jwk).map_err(|_| broken("is not JSON"))?);
            if row.state != KeyState::Active {
                continue;
            }
            let KeyRow { kid, algorithm, .. } = row;
            let signer = match before.signing.iter().find(|key| key.kid == *kid) {
                Some(known) => Arc::clone(&known.signer),
                None => {
                    let private = keyring.open(Place::SigningKey, &row.private);
                    let private = Zeroizing::new(private.map_err(|_| broken("does not open"))?);
                    Arc::new(Signer::new(*algorithm, &private)?)
                }
            };
            signing.push(Signing { kid: kid.clone(), algorithm: *algorithm, signer });
        }
        let jwks = Bytes::from(json!({ "keys": public }).to_string());
        let sum = digest::digest(&digest::SHA256, &jwks);
        let sum: String = sum.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(KeySet { jwks, etag: format!("\"{sum}\""), public: Jwks { keys: public }, signing, rows })
    }
}

impl Keys {
    /// Reads the keys, and makes those that are missing and take no time.
    pub(crate) async fn open(
        store: &Store,
        keyring: &Arc<Keyring>,
        random: &Arc<Random>,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Keys, Unavailable> {
        let keys = Keys {
            set: ArcSwap::default(),
            read_at: AtomicI64::new(0),
            opened_at: now,
            first: OnceCell::new(),
            store: store.clone(),
            keyring: Arc::clone(keyring),
            random: Arc::clone(random),
            times: KeyTimes::of(settings),
        };
        keys.read(now).await?;
        keys.keep(&QUICK, Change::Due, now).await?;
        Ok(keys)
    }

    /// The keys as they were read last.
    pub(crate) fn now(&self) -> Arc<KeySet> {
        self.set.load_full()
    }

    /// Reads them anew.
    pub(crate) async fn read(&self, now: Timestamp) -> Result<(), Unavailable> {
        self.read_at.store(now.micros(), Ordering::Relaxed);
        let mut rows = keys::list(&mut self.store.read().await?).await?;
        rows.retain(|row| row.purpose == KeyPurpose::OAuth);
        let before = self.set.load_full();
        if rows != before.rows {
            self.set.store(Arc::new(KeySet::of(rows, &before, &self.keyring)?));
        }
        Ok(())
    }

    /// Makes, promotes, retires and removes what is due, or what is asked for. Does not write if nothing is.
    pub(crate) async fn keep(
        &self,
        algorithms: &[Algorithm],
        change: Change,
        now: Timestamp,
    ) -> Result<Kept, Unavailable> {
        let set = self.set.load_full();
        let keep =
            Keep { algorithms: algorithms.to_vec(), drawn: Vec::new(), change, now, times: self.times };
        let drawn = keep.draw(&set.rows, &self.keyring, &self.random).await?;
        let Some(drawn) = drawn else { return Ok(Kept::default()) };
        let kept = self.store.write(Keep { drawn, ..keep }).await?;
        self.read(now).await?;
        Ok(kept)
    }

    /// Answers when every algorithm has a key; whoever asks after a failure tries again.
    pub(crate) async fn make_first(&self) -> Result<(), Unavailable> {
        let make = || async {
            if self.set.load().signing_by(Algorithm::Rs256).is_none() {
                self.keep(&[Algorithm::Rs256], Change::Due, self.opened_at).await?;
            }
            Ok(())
        };
        self.first.get_or_try_init(make).await.copied()
    }
}

impl Core {
    /// The keys as they were read last.
    pub fn oauth_keys(&self) -> Arc<KeySet> {
        self.oauth.keys.now()
    }

    /// The keys to publish. They are kept by whoever reads them, so a new server makes all of them first: one
    /// that is missing would be missed for as long.
    pub async fn published_keys(&self) -> Arc<KeySet> {
        let keys = self.oauth_keys();
        if keys.is_complete() {
            return keys;
        }
        match self.await_keys().await {
            // The failure is in the log, and what there is is better than nothing.
            Ok(()) | Err(_) => self.oauth_keys(),
        }
    }

    async fn await_keys(&self) -> Result<(), Unavailable> {
        let made = tokio::time::timeout(PATIENCE, self.oauth.keys.make_first()).await;
        made.unwrap_or_else(|_| {
            tracing::warn!("a signing key is still in the making");
            Err(Unavailable::Store)
        })
    }

    /// The keys with one of this algorithm, which may still be in the making.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(crate) async fn oauth_keys_with(&self, algorithm: Algorithm) -> Result<Arc<KeySet>, Unavailable> {
        let keys = self.oauth_keys();
        if keys.signing_by(algorithm).is_some() {
            return Ok(keys);
        }
        self.await_keys().await?;
        Ok(self.oauth_keys())
    }

    /// The keys, read anew if none of them has this id: another process may have made it.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(crate) async fn oauth_keys_knowing(&self, kid: &str) -> Result<Arc<KeySet>, Unavailable> {
        let keys = &self.oauth.keys;
        let now = self.clock.glance();
        let read_at = Timestamp::from_micros(keys.read_at.load(Ordering::Relaxed));
        if !keys.set.load().knows(kid) && now.since(read_at) > LOOK_AGAIN {
            keys.read(now).await?;
        }
        Ok(self.oauth_keys())
    }

    /// Reads the keys anew, and renews those whose time has come. To be called every few seconds: so much
    /// later a change by another process holds here.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn keep_oauth_keys(&self) -> Result<(), Unavailable> {
        let now = self.clock.glance();
        self.oauth.keys.read(now).await?;
        let all = match self.oauth.keys.first.initialized() {
            true => &Algorithm::ALL[..],
            // The maker behind the start is at it.
            false => &QUICK[..],
        };
        self.oauth.keys.keep(all, Change::Due, now).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::sign::NewKey;

    #[test]
    fn a_token_that_nobody_could_present_is_not_signed() {
        let key = NewKey::es256().unwrap();
        let signer = Arc::new(Signer::new(key.algorithm, &key.private).unwrap());
        let signing = vec![Signing { kid: "k".to_owned(), algorithm: key.algorithm, signer }];
        let keys = KeySet { signing, ..KeySet::default() };
        let sign =
            |bytes: usize| keys.sign_token(Algorithm::Es256, "at+jwt", &json!({ "long": "x".repeat(bytes) }));
        assert!(sign(24_000).is_ok_and(|token| token.len() <= MAX_BYTES));
        assert_eq!(sign(24_600), Err(Unavailable::Fault));
    }
}
