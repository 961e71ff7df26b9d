//! Signed access tokens: they have no row, but their grants have, and their ids once they are revoked.

use countersign_model::ids::SessionId;
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;

use crate::tokens::{Whose, read_whose};
use crate::{StoreError, Tx};

/// Whose the signed tokens of a grant are, if the grant holds now: not expired, of the account's present
/// epoch, account and client in use; and if the token with this id is not revoked.
///
/// # Errors
/// [`StoreError`].
pub async fn find_valid(
    tx: &mut Tx<'_>,
    grant: SessionId,
    jti: &TokenDigest,
    now: Timestamp,
) -> Result<Option<Whose>, StoreError> {
    let sql = "SELECT a.id, a.uuid, g.session_id, g.client_no, c.version
               FROM oauth_grants g JOIN accounts a ON a.id = g.account_id
               JOIN oauth_clients c ON c.no = g.client_no
               WHERE g.session_id = ?1 AND g.expires_at > ?3 AND g.epoch = a.epoch AND a.suspended_at IS NULL
                 AND a.closed_at IS NULL AND c.suspended_at IS NULL
                 AND NOT EXISTS (SELECT 1 FROM oauth_revoked_jwts r WHERE r.jti = ?2)";
    let row = tx.query_opt(sql, &[grant.0.into(), (&jti.0).into(), now.micros().into()]).await?;
    row.map(|row| read_whose(&row)).transpose()
}

/// Whether the token with this id is revoked.
///
/// # Errors
/// [`StoreError`].
pub async fn is_revoked(tx: &mut Tx<'_>, jti: &TokenDigest) -> Result<bool, StoreError> {
    let sql = "SELECT expires_at FROM oauth_revoked_jwts WHERE jti = ?1";
    Ok(tx.query_opt(sql, &[(&jti.0).into()]).await?.is_some())
}

/// Revokes the token with this id; remembered for as long as it would have been good.
///
/// # Errors
/// [`StoreError`].
pub async fn revoke(tx: &mut Tx<'_>, jti: &TokenDigest, expires_at: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO oauth_revoked_jwts (jti, expires_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    tx.execute(sql, &[(&jti.0).into(), expires_at.micros().into()]).await.map(drop)
}
