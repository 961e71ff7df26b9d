//! Removes what has expired, a bounded number of rows at a time.

use std::time::Duration;

use countersign_model::message::MessageState;
use countersign_model::time::Timestamp;

use crate::{Param, StoreError, Tx};

/// How long sent messages stay listed; their contents are gone.
const SENT_FOR: Duration = Duration::from_secs(7 * 86_400);

/// How long a source stays known to an account.
const SOURCES_FOR: Duration = Duration::from_secs(180 * 86_400);

/// Slices that the tokens are swept in: they have no index by expiry, which would cost every session
/// a fifth more room, so each sweep looks at one slice of the digests.
pub const SLICES: u16 = 256;

/// Removes what expired, except tokens.
///
/// # Errors
/// [`StoreError`].
pub async fn expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, StoreError> {
    let by_expiry = [
        "DELETE FROM codes WHERE expires_at <= $1",
        "DELETE FROM registrations WHERE expires_at <= $1",
        "DELETE FROM pending_phones WHERE expires_at <= $1",
        "DELETE FROM limits WHERE free_at <= $1",
    ];
    let mut rows = 0;
    for sql in by_expiry {
        rows += tx.execute(sql, &[now.micros().into()]).await?;
    }
    let day = now.before(Duration::from_secs(2 * 86_400)).micros();
    rows += tx.execute("DELETE FROM quota_uses WHERE used_at <= $1", &[day.into()]).await?;
    let long_ago = now.before(SOURCES_FOR).micros();
    rows += tx.execute("DELETE FROM known_sources WHERE seen_at <= $1", &[long_ago.into()]).await?;
    let sent = [now.before(SENT_FOR).micros().into(), (MessageState::Sent as i64).into()];
    rows += tx.execute("DELETE FROM outbox WHERE queued_at <= $1 AND state = $2", &sent).await?;
    Ok(rows)
}

/// Removes the expired tokens of one slice, and the sessions that it leaves without a token.
///
/// # Errors
/// [`StoreError`].
pub async fn tokens(tx: &mut Tx<'_>, slice: u8, now: Timestamp) -> Result<u64, StoreError> {
    let from = [slice];
    let to: &[u8] = if slice == u8::MAX { &[0xff; 33] } else { &[slice + 1] };
    let sql = "DELETE FROM tokens WHERE digest >= $1 AND digest < $2 AND expires_at <= $3
               RETURNING account_id, session_id";
    let ended = tx.query(sql, &[Param::Bytes(&from), to.into(), now.micros().into()]).await?;
    for row in &ended {
        let ids = [row.int(0)?.into(), row.int(1)?.into()];
        let sql = "DELETE FROM sessions WHERE account_id = $1 AND id = $2 AND NOT EXISTS
                   (SELECT 1 FROM tokens t WHERE t.account_id = $1 AND t.session_id = $2)";
        tx.execute(sql, &ids).await?;
    }
    Ok(ended.len() as u64)
}
