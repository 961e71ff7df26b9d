//! Ends of sessions that clients have not heard of yet (OpenID Connect Back-Channel Logout).

use std::time::Duration;

use countersign_model::ids::{AccountId, SessionId};
use countersign_model::oauth::{ClientNo, ClientOrigin};
use countersign_model::time::Timestamp;

use crate::{Row, StoreError, Tx};

/// A client is to hear of this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logout {
    /// The grant's session, which has ended.
    pub session: SessionId,
    /// Who is to hear of it.
    pub client: ClientNo,
    /// Whose session it was.
    pub account: AccountId,
    /// When it ended.
    pub queued_at: Timestamp,
    /// How often telling was tried.
    pub attempts: i64,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// Whether nobody tries any more.
    pub given_up: bool,
}

/// A client that is to hear of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToTell {
    /// Its number.
    pub no: ClientNo,
    /// Its id, if it was not removed.
    pub id: Option<String>,
}

/// The text of a query for whole rows.
macro_rules! columns {
    ($before:literal, $after:literal) => {
        concat!($before, "session_id, client_no, account_id, queued_at, due_at, attempts, last_error", $after)
    };
}

fn read(row: &Row) -> Result<Logout, StoreError> {
    Ok(Logout {
        session: SessionId(row.int(0)?),
        client: ClientNo(row.int(1)?),
        account: AccountId(row.int(2)?),
        queued_at: Timestamp::from_micros(row.int(3)?),
        given_up: row.opt_int(4)?.is_none(),
        attempts: row.int(5)?,
        last_error: row.opt_text(6)?.map(str::to_owned),
    })
}

/// Notes that a client is to hear of an end, if it wants to. Of one session it hears once at a time.
pub(super) async fn queue(
    tx: &mut Tx<'_>,
    account: AccountId,
    session: SessionId,
    client: ClientNo,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO logout_outbox (session_id, client_no, account_id, queued_at, due_at, attempts)
               SELECT CAST(?1 AS BIGINT), c.no, CAST(?3 AS BIGINT), CAST(?4 AS BIGINT), CAST(?4 AS BIGINT), 0
               FROM oauth_clients c WHERE c.no = ?2 AND c.hears_logouts = 1
               ON CONFLICT (session_id) DO NOTHING";
    let params = [session.0.into(), client.0.into(), account.0.into(), now.micros().into()];
    tx.execute(sql, &params).await.map(drop)
}

/// Clients of an operator, or all others, that are to hear of something now: whoever waits longest first.
///
/// # Errors
/// [`StoreError`].
pub async fn due_clients(
    tx: &mut Tx<'_>,
    now: Timestamp,
    of_operators: bool,
    limit: u32,
) -> Result<Vec<ToTell>, StoreError> {
    let sql = "SELECT d.client_no, c.client_id
               FROM logout_outbox d LEFT JOIN oauth_clients c ON c.no = d.client_no
               WHERE d.due_at <= ?1 AND CASE WHEN c.origin IN (?3, ?4) THEN 1 ELSE 0 END = CAST(?5 AS BIGINT)
               GROUP BY d.client_no, c.client_id ORDER BY MIN(d.due_at) LIMIT ?2";
    let [one, other] = [ClientOrigin::CommandLine, ClientOrigin::Configuration].map(|origin| origin as i64);
    let of_operators = i64::from(of_operators);
    let params =
        [now.micros().into(), i64::from(limit).into(), one.into(), other.into(), of_operators.into()];
    let rows = tx.query(sql, &params).await?;
    rows.iter()
        .map(|row| Ok(ToTell { no: ClientNo(row.int(0)?), id: row.opt_text(1)?.map(str::to_owned) }))
        .collect()
}

/// Takes what a client is to hear now; nobody else gets it before the lease is over. The try is counted here,
/// so that one that crashes its sender is not tried for ever.
///
/// # Errors
/// [`StoreError`].
pub async fn lease(
    tx: &mut Tx<'_>,
    client: ClientNo,
    limit: u32,
    now: Timestamp,
    lease: Duration,
) -> Result<Vec<Logout>, StoreError> {
    let sql = columns!(
        "UPDATE logout_outbox SET due_at = ?4, attempts = attempts + 1
         WHERE due_at <= ?2 AND session_id IN (
             SELECT session_id FROM logout_outbox WHERE client_no = ?1 AND due_at <= ?2
             ORDER BY due_at LIMIT ?3)
         RETURNING ",
        ""
    );
    let params =
        [client.0.into(), now.micros().into(), i64::from(limit).into(), now.after(lease).micros().into()];
    tx.query(sql, &params).await?.iter().map(read).collect()
}

/// The client has heard of it, or need not.
///
/// # Errors
/// [`StoreError`].
pub async fn remove(tx: &mut Tx<'_>, session: SessionId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM logout_outbox WHERE session_id = ?1", &[session.0.into()]).await.map(drop)
}

/// A try failed: the next is at `next`, or there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn fail(
    tx: &mut Tx<'_>,
    session: SessionId,
    reason: &str,
    next: Option<Timestamp>,
) -> Result<(), StoreError> {
    let sql = "UPDATE logout_outbox SET last_error = ?2, due_at = ?3 WHERE session_id = ?1";
    let params = [session.0.into(), reason.into(), next.map(Timestamp::micros).into()];
    tx.execute(sql, &params).await.map(drop)
}

/// All that clients have not heard of, oldest first, with their ids.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx<'_>) -> Result<Vec<(Logout, Option<String>)>, StoreError> {
    let sql =
        "SELECT l.session_id, l.client_no, l.account_id, l.queued_at, l.due_at, l.attempts, l.last_error,
                   c.client_id
               FROM logout_outbox l LEFT JOIN oauth_clients c ON c.no = l.client_no
               ORDER BY l.queued_at, l.session_id";
    let rows = tx.query(sql, &[]).await?;
    rows.iter().map(|row| Ok((read(row)?, row.opt_text(7)?.map(str::to_owned)))).collect()
}

/// Lets all that was given up be tried again at once, from the first try on; how many.
///
/// # Errors
/// [`StoreError`].
pub async fn retry(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, StoreError> {
    let sql = "UPDATE logout_outbox SET due_at = ?1, attempts = 0 WHERE due_at IS NULL";
    tx.execute(sql, &[now.micros().into()]).await
}
