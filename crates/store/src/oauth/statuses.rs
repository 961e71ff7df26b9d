//! Places of grants in the status lists, which their signed access tokens name.

use std::time::Duration;

use countersign_model::ids::SessionId;
use countersign_model::oauth::{ClientNo, StatusIndex};
use countersign_model::time::{Timestamp, micros_of};

use crate::{StoreError, Tx};

/// So much longer than a token works its place is its own: clocks differ.
const MARGIN: Duration = Duration::from_secs(60);

/// A place is wanted for a grant's token.
#[derive(Clone, Debug)]
pub struct NewStatus<'a> {
    /// To try one after the other.
    pub draws: &'a [StatusIndex],
    /// Whose grant it is.
    pub client: ClientNo,
    /// How long a token works.
    pub lifetime: Duration,
    /// When this one stops working.
    pub token_until: Timestamp,
    /// When the grant ends if it is not renewed.
    pub grant_until: Timestamp,
}

/// The place of a grant: all its tokens have the same, unless it was revoked with one of them.
///
/// # Errors
/// [`StoreError`], also if all places that were drawn are taken.
pub async fn of_grant(
    tx: &mut Tx<'_>,
    session: SessionId,
    new: &NewStatus<'_>,
) -> Result<StatusIndex, StoreError> {
    let sql =
        "SELECT idx, lifetime, expires_at FROM oauth_statuses WHERE session_id = ?1 AND ended_at IS NULL";
    let found = tx.query_opt(sql, &[session.0.into()]).await?;
    // `end` adds it to a time, and the store must be able to hold the sum.
    let lifetime = micros_of(new.lifetime).min(i64::MAX / 2);
    let expires_at = new.grant_until.max(new.token_until).after(MARGIN).micros();
    if let Some(row) = found {
        let idx = row.int(0)?;
        // Mostly it was taken for longer: then nothing is written.
        if row.int(1)? < lifetime || row.int(2)? < new.token_until.after(MARGIN).micros() {
            let sql = "UPDATE oauth_statuses SET lifetime = ?2, expires_at = ?3 WHERE idx = ?1";
            tx.execute(sql, &[idx.into(), lifetime.into(), expires_at.into()]).await?;
        }
        return Ok(StatusIndex(idx));
    }
    for draw in new.draws {
        let sql = "INSERT INTO oauth_statuses (idx, session_id, client_no, lifetime, expires_at)
                   VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (idx) DO NOTHING";
        let params =
            [draw.0.into(), session.0.into(), new.client.0.into(), lifetime.into(), expires_at.into()];
        if tx.execute(sql, &params).await? == 1 {
            return Ok(*draw);
        }
    }
    Err(StoreError::Unavailable("the status lists are full".to_owned()))
}

/// The tokens of a grant are worth nothing any more. Its place stays taken until they have expired.
///
/// # Errors
/// [`StoreError`].
pub async fn end(tx: &mut Tx<'_>, session: SessionId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE oauth_statuses SET ended_at = ?2,
                   expires_at = CASE WHEN ?3 + lifetime < expires_at THEN ?3 + lifetime ELSE expires_at END
               WHERE session_id = ?1 AND ended_at IS NULL";
    let params = [session.0.into(), now.micros().into(), now.after(MARGIN).micros().into()];
    tx.execute(sql, &params).await.map(drop)
}

/// The same for the tokens of one place, while the grant goes on: its next token gets another.
///
/// # Errors
/// [`StoreError`].
pub async fn end_place(tx: &mut Tx<'_>, place: StatusIndex, now: Timestamp) -> Result<(), StoreError> {
    let sql = "SELECT session_id FROM oauth_statuses WHERE idx = ?1 AND ended_at IS NULL";
    match tx.query_opt(sql, &[place.0.into()]).await? {
        Some(row) => end(tx, SessionId(row.int(0)?), now).await,
        None => Ok(()),
    }
}

/// The places from one on whose tokens are worth nothing: ended, or of a client that is suspended or gone.
///
/// # Errors
/// [`StoreError`].
pub async fn ended(tx: &mut Tx<'_>, from: StatusIndex, count: i64) -> Result<Vec<StatusIndex>, StoreError> {
    let sql = "SELECT s.idx FROM oauth_statuses s LEFT JOIN oauth_clients c ON c.no = s.client_no
               WHERE s.idx >= ?1 AND s.idx < ?2
                 AND (s.ended_at IS NOT NULL OR c.no IS NULL OR c.suspended_at IS NOT NULL)";
    let rows = tx.query(sql, &[from.0.into(), from.0.saturating_add(count).into()]).await?;
    rows.iter().map(|row| Ok(StatusIndex(row.int(0)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Database, Store, Work, sweep};

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    struct Folder(std::path::PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    async fn store(name: &str) -> (Folder, Store) {
        let folder = std::env::temp_dir().join(format!("countersign-statuses-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = Store::open(&Database::Sqlite(folder.join("test.db"))).await.unwrap();
        store.migrate(Some(Timestamp::from_micros(1))).await.unwrap();
        (Folder(folder), store)
    }

    enum Step {
        Take(SessionId),
        /// For tokens that never expire.
        TakeForEver(SessionId),
        End(SessionId),
        Sweep(Timestamp),
    }

    impl Work for Step {
        type Output = Option<StatusIndex>;
        type Error = StoreError;

        async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<StatusIndex>, StoreError> {
            match self {
                Step::Take(session) | Step::TakeForEver(session) => {
                    let is_for_ever = matches!(self, Step::TakeForEver(_));
                    let new = NewStatus {
                        draws: &[StatusIndex(7), StatusIndex(8)],
                        client: ClientNo(1),
                        lifetime: if is_for_ever { Duration::MAX } else { MINUTE * 5 },
                        token_until: NOW.after(MINUTE * 5),
                        grant_until: NOW.after(MINUTE * 600),
                    };
                    of_grant(tx, *session, &new).await.map(Some)
                }
                Step::End(session) => end(tx, *session, NOW).await.map(|()| None),
                Step::Sweep(now) => {
                    for table in sweep::INDEXED {
                        sweep::expired(tx, table, *now).await?;
                    }
                    Ok(None)
                }
            }
        }
    }

    #[tokio::test]
    async fn a_place_is_given_again_when_its_tokens_have_expired() {
        let (_folder, store) = store("given-again").await;
        let (one, two, three) = (SessionId(1), SessionId(2), SessionId(3));
        let step = async |step| store.write(step).await;
        assert_eq!(step(Step::Take(one)).await, Ok(Some(StatusIndex(7))));
        assert_eq!(step(Step::Take(one)).await, Ok(Some(StatusIndex(7))), "a grant has one place");
        assert_eq!(step(Step::Take(two)).await, Ok(Some(StatusIndex(8))));
        step(Step::End(one)).await.unwrap();
        assert!(step(Step::Take(three)).await.is_err(), "both are taken");
        step(Step::Sweep(NOW.after(MINUTE * 5))).await.unwrap();
        assert!(step(Step::Take(three)).await.is_err(), "its last token has just expired");
        step(Step::Sweep(NOW.after(MINUTE * 6))).await.unwrap();
        assert_eq!(step(Step::Take(three)).await, Ok(Some(StatusIndex(7))));
        assert_eq!(step(Step::Take(two)).await, Ok(Some(StatusIndex(8))), "which has not ended");
    }

    #[tokio::test]
    async fn a_place_of_tokens_without_end_can_be_ended() {
        let (_folder, store) = store("without-end").await;
        let (one, two) = (SessionId(1), SessionId(2));
        let step = async |step| store.write(step).await;
        assert_eq!(step(Step::TakeForEver(one)).await, Ok(Some(StatusIndex(7))));
        step(Step::End(one)).await.unwrap();
        // It stays a time that the store can read, and may be changed again.
        step(Step::Sweep(NOW.after(MINUTE * 599))).await.unwrap();
        assert_eq!(step(Step::Take(two)).await, Ok(Some(StatusIndex(8))));
        step(Step::Sweep(NOW.after(MINUTE * 602))).await.unwrap();
        assert_eq!(step(Step::Take(one)).await, Ok(Some(StatusIndex(7))));
    }
}
