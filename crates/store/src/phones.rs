//! 002's phone numbers, which no row links to an account (002-12).

use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;

use crate::{Param, StoreError, Tx};

/// A number that awaits its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingPhone {
    /// The keyed hash of the number.
    pub phone: [u8; 32],
    /// The digest of the code.
    pub code: TokenDigest,
    /// The registration's id and when the code stops working, sealed under the code.
    pub link: Vec<u8>,
    /// When the row goes: later than the code stops working, since it is rounded up so that it does not tell which
    /// registration it belongs to.
    pub expires_at: Timestamp,
}

/// Stores a number that awaits its code.
///
/// # Errors
/// [`StoreError`].
pub async fn insert_pending(tx: &mut Tx<'_>, pending: &PendingPhone) -> Result<(), StoreError> {
    let sql = "INSERT INTO pending_phones (phone, code, link, expires_at) VALUES (?1, ?2, ?3, ?4)";
    let params = [
        Param::Bytes(&pending.phone),
        Param::Bytes(&pending.code.0),
        (&pending.link).into(),
        pending.expires_at.micros().into(),
    ];
    tx.execute(sql, &params).await.map(drop)
}

/// Whether the number awaits a code.
///
/// # Errors
/// [`StoreError`].
pub async fn is_pending(tx: &mut Tx<'_>, phone: &[u8; 32], now: Timestamp) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM pending_phones WHERE phone = ?1 AND expires_at > ?2 LIMIT 1";
    Ok(tx.query_opt(sql, &[phone.into(), now.micros().into()]).await?.is_some())
}

/// The link of a number and its code. It stays.
///
/// # Errors
/// [`StoreError`].
pub async fn find_link(
    tx: &mut Tx<'_>,
    phone: &[u8; 32],
    code: &TokenDigest,
) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT link FROM pending_phones WHERE phone = ?1 AND code = ?2";
    let row = tx.query_opt(sql, &[phone.into(), (&code.0).into()]).await?;
    row.map(|row| row.bytes(0).map(<[u8]>::to_vec)).transpose()
}

/// Takes the link of a number and its code out: of any number of callers at once one gets it.
///
/// # Errors
/// [`StoreError`].
pub async fn take_link(
    tx: &mut Tx<'_>,
    phone: &[u8; 32],
    code: &TokenDigest,
    now: Timestamp,
) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "DELETE FROM pending_phones
               WHERE phone = ?1 AND code = ?2 AND expires_at > ?3 RETURNING link";
    let row = tx.query_opt(sql, &[phone.into(), (&code.0).into(), now.micros().into()]).await?;
    row.map(|row| row.bytes(0).map(<[u8]>::to_vec)).transpose()
}

/// Forgets what else a number awaits.
///
/// # Errors
/// [`StoreError`].
pub async fn remove_pending(tx: &mut Tx<'_>, phone: &[u8; 32]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM pending_phones WHERE phone = ?1", &[phone.into()]).await.map(drop)
}

/// Notes that a number has validated an account. `false` if it had before.
///
/// # Errors
/// [`StoreError`].
pub async fn spend(tx: &mut Tx<'_>, phone: &[u8; 32]) -> Result<bool, StoreError> {
    let sql = "INSERT INTO spent_phones (phone) VALUES (?1) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, &[phone.into()]).await? == 1)
}

/// Whether a number has validated an account.
///
/// # Errors
/// [`StoreError`].
pub async fn is_spent(tx: &mut Tx<'_>, phone: &[u8; 32]) -> Result<bool, StoreError> {
    Ok(tx.query_opt("SELECT 1 FROM spent_phones WHERE phone = ?1", &[phone.into()]).await?.is_some())
}
