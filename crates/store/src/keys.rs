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
    let sql = "INSERT INTO signing_keys (kid, purpose, algorithm, state, created_at, jwk, private)
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    let params = [
        Param::Text(&key.kid),
        (key.purpose as i64).into(),
        (key.algorithm as i64).into(),
        (key.state as i64).into(),
        key.created_at.micros().into(),
        key.jwk.as_str().into(),
        (&key.private).into(),
    ];
    Ok(tx.execute(sql, &params).await? == 1)
}

/// All keys, oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx<'_>) -> Result<Vec<KeyRow>, StoreError> {
    let sql = "SELECT kid, purpose, algorithm, state, created_at, jwk, private
               FROM signing_keys ORDER BY created_at, kid";
    tx.query(sql, &[]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<KeyRow, StoreError> {
    let unknown = || StoreError::Broken("a key of an unknown kind".to_owned());
    Ok(KeyRow {
        kid: row.text(0)?.to_owned(),
        purpose: KeyPurpose::from_number(row.int(1)?).ok_or_else(unknown)?,
        algorithm: Algorithm::from_number(row.int(2)?).ok_or_else(unknown)?,
        state: KeyState::from_number(row.int(3)?).ok_or_else(unknown)?,
        created_at: Timestamp::from_micros(row.int(4)?),
        jwk: row.text(5)?.to_owned(),
        private: row.bytes(6)?.to_vec(),
    })
}

/// Retires the keys of a purpose other than one.
///
/// # Errors
/// [`StoreError`].
pub async fn retire_others(tx: &mut Tx<'_>, purpose: KeyPurpose, kid: &str) -> Result<(), StoreError> {
    let sql = "UPDATE signing_keys SET state = $3 WHERE purpose = $1 AND kid <> $2";
    tx.execute(sql, &[(purpose as i64).into(), kid.into(), (KeyState::Retired as i64).into()]).await.map(drop)
}

/// Lets a retired key sign again.
///
/// # Errors
/// [`StoreError`].
pub async fn activate(tx: &mut Tx<'_>, kid: &str) -> Result<(), StoreError> {
    let sql = "UPDATE signing_keys SET state = $2 WHERE kid = $1";
    tx.execute(sql, &[kid.into(), (KeyState::Active as i64).into()]).await.map(drop)
}

/// Removes a key.
///
/// # Errors
/// [`StoreError`].
pub async fn remove(tx: &mut Tx<'_>, kid: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM signing_keys WHERE kid = $1", &[kid.into()]).await.map(drop)
}
