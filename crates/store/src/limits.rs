//! Counters of what was tried, in the store, so that they hold on every node and after a restart.

use std::time::Duration;

use countersign_model::ids::AccountId;
use countersign_model::limit::{Quota, Rate, RetryAfter};
use countersign_model::time::{Timestamp, micros_of};

use crate::{Param, StoreError, Tx};

/// How far ahead of now a counter may get. It is added up in the store, which must be able to hold the sum.
const FURTHEST: Duration = Duration::from_secs(60_000 * 365 * 86_400);

/// Counts one try within a rate; refuses it uncounted if there are too many. One guarded statement,
/// so of any number of tries at once no more than the rate allows are let through (R017).
///
/// # Errors
/// [`StoreError`].
pub async fn count(
    tx: &mut Tx<'_>,
    subject: &[u8; 16],
    rate: Rate,
    now: Timestamp,
) -> Result<Result<(), RetryAfter>, StoreError> {
    let interval = interval(rate);
    let tolerance = interval.saturating_mul(rate.burst.saturating_sub(1));
    let sql = "INSERT INTO limits (subject, free_at) VALUES (?1, ?3)
               ON CONFLICT (subject) DO UPDATE
               SET free_at = CASE WHEN limits.free_at < ?2 THEN ?2 ELSE limits.free_at END + ?5
               WHERE limits.free_at <= ?4 RETURNING free_at";
    let params = [
        Param::Bytes(subject),
        now.micros().into(),
        now.after(interval).micros().into(),
        now.after(tolerance).micros().into(),
        micros_of(interval).into(),
    ];
    if tx.query_opt(sql, &params).await?.is_some() {
        return Ok(Ok(()));
    }
    let row = tx.query_opt("SELECT free_at FROM limits WHERE subject = ?1", &[subject.into()]).await?;
    let free_at = row.map_or(Ok(now.micros()), |row| row.int(0))?;
    let wait = Timestamp::from_micros(free_at).before(tolerance).since(now);
    Ok(Err(RetryAfter(wait.max(Duration::from_millis(1)))))
}

/// Takes one counted try back.
///
/// # Errors
/// [`StoreError`].
pub async fn refund(tx: &mut Tx<'_>, subject: &[u8; 16], rate: Rate) -> Result<(), StoreError> {
    let sql = "UPDATE limits SET free_at = free_at - ?2 WHERE subject = ?1";
    tx.execute(sql, &[subject.into(), micros_of(interval(rate)).into()]).await.map(drop)
}

/// What one try adds. An operator may have written any interval for "never".
fn interval(rate: Rate) -> Duration {
    rate.interval.min(FURTHEST / rate.burst.max(1))
}

/// Forgets what was counted.
///
/// # Errors
/// [`StoreError`].
pub async fn clear(tx: &mut Tx<'_>, subject: &[u8; 16]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM limits WHERE subject = ?1", &[subject.into()]).await.map(drop)
}

/// Takes one of the places of a quota, if one was not taken within its window.
///
/// # Errors
/// [`StoreError`].
pub async fn take_place(
    tx: &mut Tx<'_>,
    subject: &[u8; 16],
    quota: Quota,
    now: Timestamp,
) -> Result<Result<(), RetryAfter>, StoreError> {
    let free_before = now.before(quota.window).micros();
    for slot in 0..i64::from(quota.count) {
        let sql = "INSERT INTO quota_uses (subject, slot, used_at) VALUES (?1, ?2, ?3)
                   ON CONFLICT (subject, slot) DO UPDATE SET used_at = excluded.used_at
                   WHERE quota_uses.used_at <= ?4";
        let params = [Param::Bytes(subject), slot.into(), now.micros().into(), free_before.into()];
        if tx.execute(sql, &params).await? == 1 {
            return Ok(Ok(()));
        }
    }
    let row =
        tx.query_opt("SELECT MIN(used_at) FROM quota_uses WHERE subject = ?1", &[subject.into()]).await?;
    let oldest = row.map_or(Ok(None), |row| row.opt_int(0))?.unwrap_or(free_before);
    let wait = Timestamp::from_micros(oldest).after(quota.window).since(now);
    Ok(Err(RetryAfter(wait.max(Duration::from_millis(1)))))
}

/// Whether this source has signed in to the account before (R022).
///
/// # Errors
/// [`StoreError`].
pub async fn is_known_source(
    tx: &mut Tx<'_>,
    account: AccountId,
    source: &[u8; 16],
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM known_sources WHERE account_id = ?1 AND source = ?2";
    Ok(tx.query_opt(sql, &[account.0.into(), source.into()]).await?.is_some())
}

/// Notes that this source has signed in to the account.
///
/// # Errors
/// [`StoreError`].
pub async fn know_source(
    tx: &mut Tx<'_>,
    account: AccountId,
    source: &[u8; 16],
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO known_sources (account_id, source, seen_at) VALUES (?1, ?2, ?3)
               ON CONFLICT (account_id, source) DO UPDATE SET seen_at = excluded.seen_at";
    tx.execute(sql, &[account.0.into(), source.into(), now.micros().into()]).await.map(drop)
}

/// Forgets from where an account was signed in to.
///
/// # Errors
/// [`StoreError`].
pub async fn forget_sources(tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM known_sources WHERE account_id = ?1", &[account.0.into()]).await.map(drop)
}
