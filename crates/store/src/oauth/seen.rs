//! What works once: the ids of proofs and assertions that were taken.

use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;

use crate::{StoreError, Tx};

/// Notes an id. `false` if it was taken before; of any number of callers at once one gets `true`.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(tx: &mut Tx<'_>, id: &TokenDigest, until: Timestamp) -> Result<bool, StoreError> {
    let sql = "INSERT INTO oauth_seen (id, expires_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, &[(&id.0).into(), until.micros().into()]).await? == 1)
}
