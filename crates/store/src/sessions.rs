//! Sessions: what one sign-in started, for listing and ending.

use countersign_model::ids::{AccountId, SessionId};
use countersign_model::session::{Session, Surface};
use countersign_model::time::Timestamp;

use crate::tokens::Holder;
use crate::{StoreError, Tx};

/// Stores a session, if the account is in use and in this epoch. `false` if it is not: the session
/// was ended before it began.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(tx: &mut Tx<'_>, session: &Session, epoch: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO sessions (account_id, id, surface, started_at)
               SELECT a.id, CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT) FROM accounts a
               WHERE a.id = $1 AND a.epoch = $5 AND a.suspended_at IS NULL AND a.closed_at IS NULL";
    let params = [
        session.account.0.into(),
        session.id.0.into(),
        (session.surface as i64).into(),
        session.started_at.micros().into(),
        epoch.into(),
    ];
    Ok(tx.execute(sql, &params).await? == 1)
}

/// The account's sessions that have a valid token.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx<'_>, account: AccountId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
    let sql = "SELECT s.id, s.surface, s.started_at FROM sessions s
               WHERE s.account_id = $1 AND EXISTS (
                   SELECT 1 FROM tokens t JOIN accounts a ON a.id = t.account_id
                   WHERE t.account_id = s.account_id AND t.session_id = s.id AND t.epoch = a.epoch
                     AND t.used_at IS NULL AND t.expires_at > $2)
               ORDER BY s.started_at";
    let rows = tx.query(sql, &[account.0.into(), now.micros().into()]).await?;
    rows.iter()
        .map(|row| {
            let surface = Surface::from_number(row.int(1)?)
                .ok_or_else(|| StoreError::Broken("a session of an unknown surface".to_owned()))?;
            let started_at = Timestamp::from_micros(row.int(2)?);
            Ok(Session { id: SessionId(row.int(0)?), account, surface, started_at })
        })
        .collect()
}

/// Ends one session. A refresh that was under way when the tokens were removed may add one more, so
/// they are removed until none is left.
///
/// # Errors
/// [`StoreError`].
pub async fn end(tx: &mut Tx<'_>, account: AccountId, session: SessionId) -> Result<bool, StoreError> {
    let ids = [account.0.into(), session.0.into()];
    let mut removed = tx.execute("DELETE FROM sessions WHERE account_id = $1 AND id = $2", &ids).await?;
    loop {
        let sql = "DELETE FROM tokens WHERE account_id = $1 AND session_id = $2";
        match tx.execute(sql, &ids).await? {
            0 => return Ok(removed > 0),
            tokens => removed += tokens,
        }
    }
}

/// Clears the sessions of an account whose epoch was just raised, which ended them already.
///
/// # Errors
/// [`StoreError`].
pub async fn clear(tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM sessions WHERE account_id = $1", &[account.0.into()]).await?;
    tx.execute("DELETE FROM tokens WHERE account_id = $1", &[account.0.into()]).await.map(drop)
}

/// Clears the sessions of an account but one, and takes that one over into the present epoch.
///
/// # Errors
/// [`StoreError`].
pub async fn clear_others(tx: &mut Tx<'_>, kept: Holder) -> Result<(), StoreError> {
    let ids = [kept.account.0.into(), kept.session.0.into()];
    tx.execute("DELETE FROM sessions WHERE account_id = $1 AND id <> $2", &ids).await?;
    tx.execute("DELETE FROM tokens WHERE account_id = $1 AND session_id <> $2", &ids).await?;
    let sql = "UPDATE tokens SET epoch = $3 WHERE account_id = $1 AND session_id = $2";
    tx.execute(sql, &[kept.account.0.into(), kept.session.0.into(), kept.epoch.into()]).await.map(drop)
}
