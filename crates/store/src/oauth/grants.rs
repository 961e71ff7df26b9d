//! Grants: what somebody allowed a client, for as long as it is used.

use countersign_model::ids::{AccountId, SessionId};
use countersign_model::oauth::ClientNo;
use countersign_model::time::Timestamp;

use super::logouts;
use crate::tokens::Holder;
use crate::{StoreError, Tx};

/// A grant that starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGrant {
    /// To whom.
    pub client: ClientNo,
    /// JSON of `GrantFacts`.
    pub facts: String,
    /// Now.
    pub started_at: Timestamp,
    /// When it ends if it is not renewed.
    pub expires_at: Timestamp,
    /// The browser's session that it began in, if it outlives that.
    pub browser: Option<SessionId>,
}

/// Stores a grant.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(tx: &mut Tx<'_>, holder: Holder, grant: &NewGrant) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO oauth_grants (session_id, account_id, epoch, client_no, facts, started_at, expires_at,
                   browser_id)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let params = [
        holder.session.0.into(),
        holder.account.0.into(),
        holder.epoch.into(),
        grant.client.0.into(),
        grant.facts.as_str().into(),
        grant.started_at.micros().into(),
        grant.expires_at.micros().into(),
        grant.browser.map(|browser| browser.0).into(),
    ];
    tx.execute(sql, &params).await.map(drop)
}

/// A grant that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundGrant {
    /// In which epoch of the account.
    pub epoch: i64,
    /// JSON of `GrantFacts`.
    pub facts: String,
    /// When it ends if it is not renewed.
    pub expires_at: Timestamp,
}

/// The account's grant of this session.
///
/// # Errors
/// [`StoreError`].
pub async fn find(
    tx: &mut Tx<'_>,
    account: AccountId,
    session: SessionId,
) -> Result<Option<FoundGrant>, StoreError> {
    let sql = "SELECT epoch, facts, expires_at FROM oauth_grants WHERE account_id = ?1 AND session_id = ?2";
    let Some(row) = tx.query_opt(sql, &[account.0.into(), session.0.into()]).await? else { return Ok(None) };
    Ok(Some(FoundGrant {
        epoch: row.int(0)?,
        facts: row.text(1)?.to_owned(),
        expires_at: Timestamp::from_micros(row.int(2)?),
    }))
}

/// Lets a grant end no earlier than `until`.
///
/// # Errors
/// [`StoreError`].
pub async fn renew(tx: &mut Tx<'_>, session: SessionId, until: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE oauth_grants SET expires_at = ?2 WHERE session_id = ?1 AND expires_at < ?2";
    tx.execute(sql, &[session.0.into(), until.micros().into()]).await.map(drop)
}

/// Ends the grant of a session, and lets its client know.
///
/// # Errors
/// [`StoreError`].
pub async fn end(
    tx: &mut Tx<'_>,
    account: AccountId,
    session: SessionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    match remove(tx, account, session).await? {
        Some(client) => logouts::queue(tx, account, session, client, now).await,
        None => Ok(()),
    }
}

/// Removes the grant of a session; its client, who knows of it.
///
/// # Errors
/// [`StoreError`].
pub async fn remove(
    tx: &mut Tx<'_>,
    account: AccountId,
    session: SessionId,
) -> Result<Option<ClientNo>, StoreError> {
    let sql = "DELETE FROM oauth_grants WHERE account_id = ?1 AND session_id = ?2 RETURNING client_no";
    let row = tx.query_opt(sql, &[account.0.into(), session.0.into()]).await?;
    row.map(|row| Ok(ClientNo(row.int(0)?))).transpose()
}

/// Ends all grants of an account but that of one session, and lets their clients know; the sessions.
///
/// # Errors
/// [`StoreError`].
pub async fn end_all(
    tx: &mut Tx<'_>,
    account: AccountId,
    kept: Option<SessionId>,
    now: Timestamp,
) -> Result<Vec<SessionId>, StoreError> {
    // No session has the id 0.
    let ids = [account.0.into(), kept.map_or(0, |session| session.0).into()];
    let sql = "DELETE FROM oauth_grants WHERE account_id = ?1 AND session_id <> ?2
               RETURNING session_id, client_no";
    let mut ended = Vec::new();
    for row in tx.query(sql, &ids).await? {
        let session = SessionId(row.int(0)?);
        logouts::queue(tx, account, session, ClientNo(row.int(1)?), now).await?;
        ended.push(session);
    }
    Ok(ended)
}

/// Lets the clients know whose grants outlive the browser's session that they began in: nobody is signed in
/// there any more (OpenID Connect Back-Channel Logout §2.7).
///
/// # Errors
/// [`StoreError`].
pub async fn browser_ended(
    tx: &mut Tx<'_>,
    account: AccountId,
    browser: SessionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "SELECT session_id, client_no FROM oauth_grants WHERE account_id = ?1 AND browser_id = ?2";
    for row in tx.query(sql, &[account.0.into(), browser.0.into()]).await? {
        logouts::queue(tx, account, SessionId(row.int(0)?), ClientNo(row.int(1)?), now).await?;
    }
    Ok(())
}

/// Takes a session's grant over into the present epoch.
///
/// # Errors
/// [`StoreError`].
pub async fn take_over(tx: &mut Tx<'_>, kept: Holder) -> Result<(), StoreError> {
    let sql = "UPDATE oauth_grants SET epoch = ?3 WHERE account_id = ?1 AND session_id = ?2";
    tx.execute(sql, &[kept.account.0.into(), kept.session.0.into(), kept.epoch.into()]).await.map(drop)
}

/// What the account's grants that hold say of authorization details (RFC 9396): the client and JSON of `GrantFacts`,
/// the oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn with_details(
    tx: &mut Tx<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<(ClientNo, String)>, StoreError> {
    let sql = r#"SELECT g.client_no, g.facts FROM oauth_grants g JOIN accounts a ON a.id = g.account_id
                 WHERE g.account_id = ?1 AND g.epoch = a.epoch AND g.expires_at > ?2 AND g.facts LIKE '%"details":%'
                 ORDER BY g.started_at"#;
    let rows = tx.query(sql, &[account.0.into(), now.micros().into()]).await?;
    rows.iter().map(|row| Ok((ClientNo(row.int(0)?), row.text(1)?.to_owned()))).collect()
}

/// The sessions of an account's grants that have not ended, and whose each is.
///
/// # Errors
/// [`StoreError`].
pub async fn clients_of_sessions(
    tx: &mut Tx<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<(SessionId, ClientNo)>, StoreError> {
    let sql = "SELECT session_id, client_no FROM oauth_grants WHERE account_id = ?1 AND expires_at > ?2";
    let rows = tx.query(sql, &[account.0.into(), now.micros().into()]).await?;
    rows.iter().map(|row| Ok((SessionId(row.int(0)?), ClientNo(row.int(1)?)))).collect()
}

/// The sessions of an account's grants to a client.
///
/// # Errors
/// [`StoreError`].
pub async fn of_client(
    tx: &mut Tx<'_>,
    account: AccountId,
    client: ClientNo,
) -> Result<Vec<SessionId>, StoreError> {
    let sql = "SELECT session_id FROM oauth_grants WHERE account_id = ?1 AND client_no = ?2";
    let rows = tx.query(sql, &[account.0.into(), client.0.into()]).await?;
    rows.iter().map(|row| Ok(SessionId(row.int(0)?))).collect()
}
