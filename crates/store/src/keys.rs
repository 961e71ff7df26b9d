//! Signing keys; their private parts are sealed.

use countersign_model::key::{Algorithm, KeyPurpose, KeyState};
use countersign_model::time::Timestamp;

use crate::{Param, Row, StoreError, Tx};

/// A key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Its id in headers.
    pub kid: String,
    /// What it signs.
    pub purpose: KeyPurpose,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// Where it is in its life.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it took its state, if that was later.
    pub changed_at: Option<Timestamp>,
    /// The public key as JSON (RFC 7517).
    pub jwk: String,
    /// The sealed private key, PKCS#8.
    pub private: Vec<u8>,
}

/// Stores a key. `false` if its id is taken.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(tx: &mut Tx<'_>, key: &KeyRow) -> Result<bool, StoreError> {
    let sql =
        "INSERT INTO signing_keys (kid, purpose, algorithm, state, created_at, jwk, private, changed_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
    let params = [
        Param::Text(&key.kid),
        (key.purpose as i64).into(),
        (key.algorithm as i64).into(),
        (key.state as i64).into(),
        key.created_at.micros().into(),
        key.jwk.as_str().into(),
        (&key.private).into(),
        key.changed_at.map(Timestamp::micros).into(),
    ];
    Ok(tx.execute(sql, &params).await? == 1)
}

/// All keys whose use and state are known here, oldest first. Those that a newer node of the same database has made for
/// something else are left to it.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx<'_>) -> Result<Vec<KeyRow>, StoreError> {
    let sql = "SELECT kid, purpose, algorithm, state, created_at, jwk, private, changed_at
               FROM signing_keys ORDER BY created_at, kid";
    tx.query(sql, &[]).await?.iter().filter_map(|row| read(row).transpose()).collect()
}

/// The key; none if this program does not know what it is for, or what has become of it.
fn read(row: &Row) -> Result<Option<KeyRow>, StoreError> {
    let purpose = KeyPurpose::from_number(row.int(1)?);
    let algorithm = Algorithm::from_number(row.int(2)?);
    let state = KeyState::from_number(row.int(3)?);
    let (Some(purpose), Some(algorithm), Some(state)) = (purpose, algorithm, state) else { return Ok(None) };
    Ok(Some(KeyRow {
        kid: row.text(0)?.to_owned(),
        purpose,
        algorithm,
        state,
        created_at: Timestamp::from_micros(row.int(4)?),
        jwk: row.text(5)?.to_owned(),
        private: row.bytes(6)?.to_vec(),
        changed_at: row.opt_int(7)?.map(Timestamp::from_micros),
    }))
}

/// Retires those keys that sign for a purpose by an algorithm, but for one.
///
/// # Errors
/// [`StoreError`].
pub async fn retire_others(
    tx: &mut Tx<'_>,
    purpose: KeyPurpose,
    algorithm: Algorithm,
    kid: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE signing_keys SET state = ?4, changed_at = ?6
               WHERE purpose = ?1 AND algorithm = ?2 AND kid <> ?3 AND state = ?5";
    let params = [
        (purpose as i64).into(),
        (algorithm as i64).into(),
        kid.into(),
        (KeyState::Retired as i64).into(),
        (KeyState::Active as i64).into(),
        now.micros().into(),
    ];
    tx.execute(sql, &params).await.map(drop)
}

/// Puts a key into another state.
///
/// # Errors
/// [`StoreError`].
pub async fn set_state(
    tx: &mut Tx<'_>,
    kid: &str,
    state: KeyState,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE signing_keys SET state = ?2, changed_at = ?3 WHERE kid = ?1 AND state <> ?2";
    tx.execute(sql, &[kid.into(), (state as i64).into(), now.micros().into()]).await.map(drop)
}

/// Removes a key. `false` if there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn remove(tx: &mut Tx<'_>, kid: &str) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM signing_keys WHERE kid = ?1", &[kid.into()]).await? == 1)
}
