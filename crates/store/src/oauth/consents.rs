//! What people have allowed clients.

use countersign_model::ids::AccountId;
use countersign_model::oauth::{ClientNo, ClientOrigin, Scope};
use countersign_model::time::Timestamp;

use crate::{StoreError, Tx};

/// What somebody allowed a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentRow {
    /// The client.
    pub client: ClientNo,
    /// Its id.
    pub client_id: String,
    /// Where it comes from, if that is known here.
    pub origin: Option<ClientOrigin>,
    /// JSON of its metadata.
    pub metadata: String,
    /// What.
    pub scope: Scope,
    /// When, the last time.
    pub given_at: Timestamp,
}

/// What the account allowed the client.
///
/// # Errors
/// [`StoreError`].
pub async fn find(
    tx: &mut Tx<'_>,
    account: AccountId,
    client: ClientNo,
) -> Result<Option<Scope>, StoreError> {
    let sql = "SELECT scope FROM oauth_consents WHERE account_id = ?1 AND client_no = ?2";
    let row = tx.query_opt(sql, &[account.0.into(), client.0.into()]).await?;
    row.map(|row| read_scope(row.text(0)?)).transpose()
}

/// Notes what an account allows a client, besides what it allowed before.
///
/// # Errors
/// [`StoreError`].
pub async fn allow(
    tx: &mut Tx<'_>,
    account: AccountId,
    client: ClientNo,
    scope: &Scope,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = find(tx, account, client).await?.unwrap_or_default();
    let sql = "INSERT INTO oauth_consents (account_id, client_no, scope, given_at) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (account_id, client_no) DO UPDATE SET scope = excluded.scope,
                   given_at = excluded.given_at";
    let all = before.union(scope).to_string();
    let params = [account.0.into(), client.0.into(), all.as_str().into(), now.micros().into()];
    tx.execute(sql, &params).await.map(drop)
}

/// Everything the account allowed, by client.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<ConsentRow>, StoreError> {
    let sql = "SELECT s.client_no, c.client_id, c.metadata, s.scope, s.given_at, c.origin
               FROM oauth_consents s JOIN oauth_clients c ON c.no = s.client_no
               WHERE s.account_id = ?1 ORDER BY c.client_id";
    let rows = tx.query(sql, &[account.0.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(ConsentRow {
                client: ClientNo(row.int(0)?),
                client_id: row.text(1)?.to_owned(),
                origin: ClientOrigin::from_number(row.int(5)?),
                metadata: row.text(2)?.to_owned(),
                scope: read_scope(row.text(3)?)?,
                given_at: Timestamp::from_micros(row.int(4)?),
            })
        })
        .collect()
}

/// Takes back what the account allowed the client. `false` if there was nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn remove(tx: &mut Tx<'_>, account: AccountId, client: ClientNo) -> Result<bool, StoreError> {
    let sql = "DELETE FROM oauth_consents WHERE account_id = ?1 AND client_no = ?2";
    Ok(tx.execute(sql, &[account.0.into(), client.0.into()]).await? == 1)
}

/// Takes back everything that the account allowed.
///
/// # Errors
/// [`StoreError`].
pub async fn remove_all(tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM oauth_consents WHERE account_id = ?1", &[account.0.into()]).await.map(drop)
}

fn read_scope(text: &str) -> Result<Scope, StoreError> {
    Scope::parse(text).map_err(|_| StoreError::Broken("a consent holds no scope".to_owned()))
}
