//! Messages on their way out; their contents are sealed.

use std::time::Duration;

use countersign_model::ids::MessageId;
use countersign_model::message::{Channel, MessageState, Template};
use countersign_model::stored::Stored;
use countersign_model::time::Timestamp;

use crate::{Param, Row, StoreError, Tx};

/// A message as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// Its id.
    pub id: MessageId,
    /// How it travels.
    pub channel: Stored<Channel>,
    /// Which text.
    pub template: Stored<Template>,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// Where it is.
    pub state: MessageState,
    /// How often sending was tried.
    pub attempts: i64,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// The sealed contents, until it is sent.
    pub sealed: Option<Vec<u8>>,
}

/// The text of a query for whole messages.
macro_rules! columns {
    ($before:literal, $after:literal) => {
        concat!($before, "id, channel, template, queued_at, state, attempts, last_error, sealed", $after)
    };
}

/// The message; none if it is in a state that only a newer node of the same database knows.
fn read(row: &Row) -> Result<Option<MessageRow>, StoreError> {
    let Some(state) = MessageState::from_number(row.int(4)?) else { return Ok(None) };
    Ok(Some(MessageRow {
        id: MessageId(row.int(0)?),
        channel: Stored::<Channel>::from_number(row.int(1)?),
        template: Stored::<Template>::from_number(row.int(2)?),
        queued_at: Timestamp::from_micros(row.int(3)?),
        state,
        attempts: row.int(5)?,
        last_error: row.opt_text(6)?.map(str::to_owned),
        sealed: row.opt_bytes(7)?.map(<[u8]>::to_vec),
    }))
}

/// The last text that this program has. A newer node queues later ones, and sends them itself: here they stay as they are.
fn last_template() -> i64 {
    Template::ALL.iter().map(|template| *template as i64).max().unwrap_or_default()
}

/// Queues a message, due at once.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(
    tx: &mut Tx<'_>,
    id: MessageId,
    channel: Channel,
    template: Template,
    sealed: &[u8],
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO outbox (id, channel, template, queued_at, due_at, state, attempts, sealed)
               VALUES (?1, ?2, ?3, ?4, ?4, ?5, 0, ?6)";
    let params = [
        id.0.into(),
        (channel as i64).into(),
        (template as i64).into(),
        now.micros().into(),
        (MessageState::Pending as i64).into(),
        Param::Bytes(sealed),
    ];
    tx.execute(sql, &params).await.map(drop)
}

/// Whether a message of this channel is due that can be sent here.
///
/// # Errors
/// [`StoreError`].
pub async fn is_due(tx: &mut Tx<'_>, channel: Channel, now: Timestamp) -> Result<bool, StoreError> {
    let sql =
        "SELECT 1 FROM outbox WHERE state = ?1 AND channel = ?2 AND due_at <= ?3 AND template <= ?4 LIMIT 1";
    let params = [
        (MessageState::Pending as i64).into(),
        (channel as i64).into(),
        now.micros().into(),
        last_template().into(),
    ];
    Ok(tx.query_opt(sql, &params).await?.is_some())
}

/// Takes due messages of a channel whose text is known here; nobody else gets them before the lease is over. The try is
/// counted here, so that a message that crashes its sender is not tried for ever.
///
/// # Errors
/// [`StoreError`].
pub async fn lease(
    tx: &mut Tx<'_>,
    channel: Channel,
    limit: u32,
    now: Timestamp,
    lease: Duration,
) -> Result<Vec<MessageRow>, StoreError> {
    let sql = columns!(
        "UPDATE outbox SET due_at = ?5, attempts = attempts + 1
         WHERE state = ?1 AND due_at <= ?3 AND id IN (
             SELECT id FROM outbox WHERE state = ?1 AND channel = ?2 AND due_at <= ?3 AND template <= ?6
             ORDER BY due_at LIMIT ?4)
         RETURNING ",
        ""
    );
    let params = [
        (MessageState::Pending as i64).into(),
        (channel as i64).into(),
        now.micros().into(),
        i64::from(limit).into(),
        now.after(lease).micros().into(),
        last_template().into(),
    ];
    tx.query(sql, &params).await?.iter().filter_map(|row| read(row).transpose()).collect()
}

/// The message was taken by the provider; its contents go.
///
/// # Errors
/// [`StoreError`].
pub async fn complete(tx: &mut Tx<'_>, id: MessageId) -> Result<(), StoreError> {
    let sql = "UPDATE outbox SET state = ?2, sealed = NULL, last_error = NULL WHERE id = ?1";
    tx.execute(sql, &[id.0.into(), (MessageState::Sent as i64).into()]).await.map(drop)
}

/// A try failed: the next is at `next`, or there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn fail(
    tx: &mut Tx<'_>,
    id: MessageId,
    reason: &str,
    next: Option<Timestamp>,
) -> Result<(), StoreError> {
    let state = if next.is_some() { MessageState::Pending } else { MessageState::Dead };
    let sql = "UPDATE outbox SET state = ?2, last_error = ?3, due_at = COALESCE(?4, due_at)
               WHERE id = ?1 AND state <> ?5";
    let params = [
        id.0.into(),
        (state as i64).into(),
        reason.into(),
        next.map(Timestamp::micros).into(),
        (MessageState::Sent as i64).into(),
    ];
    tx.execute(sql, &params).await.map(drop)
}

/// Lets a message that was not sent be tried again at once, from the first try on.
///
/// # Errors
/// [`StoreError`].
pub async fn retry(tx: &mut Tx<'_>, id: MessageId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE outbox SET state = ?2, attempts = 0, due_at = ?3 WHERE id = ?1 AND sealed IS NOT NULL";
    let params = [id.0.into(), (MessageState::Pending as i64).into(), now.micros().into()];
    Ok(tx.execute(sql, &params).await? == 1)
}

/// A message.
///
/// # Errors
/// [`StoreError`].
pub async fn find(tx: &mut Tx<'_>, id: MessageId) -> Result<Option<MessageRow>, StoreError> {
    let row = tx.query_opt(columns!("SELECT ", " FROM outbox WHERE id = ?1"), &[id.0.into()]).await?;
    row.map_or(Ok(None), |row| read(&row))
}

/// All messages whose state is known here, oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx<'_>) -> Result<Vec<MessageRow>, StoreError> {
    let rows = tx.query(columns!("SELECT ", " FROM outbox ORDER BY queued_at, id"), &[]).await?;
    rows.iter().filter_map(|row| read(row).transpose()).collect()
}

/// How many messages are in each state.
///
/// # Errors
/// [`StoreError`].
pub async fn count(tx: &mut Tx<'_>) -> Result<Vec<(MessageState, i64)>, StoreError> {
    let rows = tx.query("SELECT state, COUNT(*) FROM outbox GROUP BY state", &[]).await?;
    let counts = rows.iter().map(|row| Ok((MessageState::from_number(row.int(0)?), row.int(1)?)));
    let counts = counts.collect::<Result<Vec<_>, StoreError>>()?;
    Ok(counts.into_iter().filter_map(|(state, count)| Some((state?, count))).collect())
}

/// Removes messages that were queued before a time and are in a state, if one is named.
///
/// # Errors
/// [`StoreError`].
pub async fn purge(
    tx: &mut Tx<'_>,
    before: Timestamp,
    state: Option<MessageState>,
) -> Result<u64, StoreError> {
    let sql = "DELETE FROM outbox WHERE queued_at <= ?1 AND (CAST(?2 AS BIGINT) = 0 OR state = ?2)";
    let state = state.map_or(0, |state| state as i64);
    tx.execute(sql, &[before.micros().into(), state.into()]).await
}
