//! Pushed authorization requests (RFC 9126), sealed.

use countersign_model::oauth::ClientNo;
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;

use crate::{StoreError, Tx};

/// Stores a request.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
    client: ClientNo,
    sealed: &[u8],
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO oauth_pushed (digest, client_no, sealed, expires_at) VALUES (?1, ?2, ?3, ?4)";
    let params = [(&digest.0).into(), client.0.into(), sealed.into(), expires_at.micros().into()];
    tx.execute(sql, &params).await.map(drop)
}

/// Uses a request up and keeps it for the flow that it begins; of any number of callers at once one gets
/// it.
///
/// # Errors
/// [`StoreError`].
pub async fn consume(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
    client: ClientNo,
    now: Timestamp,
    keep: Timestamp,
) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "UPDATE oauth_pushed SET used_at = ?3, expires_at = ?4
               WHERE digest = ?1 AND client_no = ?2 AND used_at IS NULL AND expires_at > ?3
               RETURNING sealed";
    let params = [(&digest.0).into(), client.0.into(), now.micros().into(), keep.micros().into()];
    let row = tx.query_opt(sql, &params).await?;
    row.map(|row| Ok(row.bytes(0)?.to_vec())).transpose()
}

/// A request whose flow is under way, and whose it is.
///
/// # Errors
/// [`StoreError`].
pub async fn find_used(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
    now: Timestamp,
) -> Result<Option<(ClientNo, Vec<u8>)>, StoreError> {
    let sql = "SELECT client_no, sealed FROM oauth_pushed
               WHERE digest = ?1 AND used_at IS NOT NULL AND expires_at > ?2";
    let row = tx.query_opt(sql, &[(&digest.0).into(), now.micros().into()]).await?;
    row.map(|row| Ok((ClientNo(row.int(0)?), row.bytes(1)?.to_vec()))).transpose()
}
