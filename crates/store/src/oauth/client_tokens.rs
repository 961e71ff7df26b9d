//! Access tokens of clients for themselves (RFC 6749 §4.4), opaque ones.

use countersign_model::oauth::ClientNo;
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;

use crate::{Param, StoreError, Tx};

/// A client's own token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientToken {
    /// Whose.
    pub client: ClientNo,
    /// JSON of `TokenFacts`.
    pub facts: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Stores a token.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(tx: &mut Tx<'_>, digest: &TokenDigest, token: &ClientToken) -> Result<(), StoreError> {
    let sql = "INSERT INTO oauth_client_tokens (id, digest, client_no, facts, issued_at, expires_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let params = [
        digest.id().into(),
        Param::Bytes(&digest.0),
        token.client.0.into(),
        token.facts.as_str().into(),
        token.issued_at.micros().into(),
        token.expires_at.micros().into(),
    ];
    tx.execute(sql, &params).await.map(drop)
}

/// The token with this digest and its client's id, if it has not expired and its client is served.
///
/// # Errors
/// [`StoreError`].
pub async fn find_valid(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
    now: Timestamp,
) -> Result<Option<(ClientToken, String)>, StoreError> {
    let sql = "SELECT t.client_no, t.facts, t.issued_at, t.expires_at, c.client_id
               FROM oauth_client_tokens t JOIN oauth_clients c ON c.no = t.client_no
               WHERE t.id = ?1 AND t.digest = ?2 AND t.expires_at > ?3 AND c.suspended_at IS NULL";
    let params = [digest.id().into(), (&digest.0).into(), now.micros().into()];
    let Some(row) = tx.query_opt(sql, &params).await? else { return Ok(None) };
    let token = ClientToken {
        client: ClientNo(row.int(0)?),
        facts: row.text(1)?.to_owned(),
        issued_at: Timestamp::from_micros(row.int(2)?),
        expires_at: Timestamp::from_micros(row.int(3)?),
    };
    Ok(Some((token, row.text(4)?.to_owned())))
}

/// Removes a client's token. `false` if it has none with this digest.
///
/// # Errors
/// [`StoreError`].
pub async fn remove(tx: &mut Tx<'_>, digest: &TokenDigest, client: ClientNo) -> Result<bool, StoreError> {
    let sql = "DELETE FROM oauth_client_tokens WHERE id = ?1 AND digest = ?2 AND client_no = ?3";
    Ok(tx.execute(sql, &[digest.id().into(), (&digest.0).into(), client.0.into()]).await? == 1)
}
