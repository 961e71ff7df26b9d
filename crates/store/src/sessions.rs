//! Sessions: what one sign-in started, for listing and ending.

use countersign_model::ids::{AccountId, SessionId};
use countersign_model::oauth::ClientNo;
use countersign_model::session::{ListedSession, Session, Surface};
use countersign_model::stored::Stored;
use countersign_model::time::Timestamp;

use crate::oauth::{grants, statuses};
use crate::tokens::Holder;
use crate::{StoreError, Tx};

/// How many sessions one sign-in ends at most, so that it takes no longer for who has many too many.
const ENDED_AT_ONCE: i64 = 20;

/// Who shares the places with a session `?2`: those of its surface; for a grant those of its client, `?4`, or one
/// client could end what another one has. A grant that hangs on another one ends soon by itself.
macro_rules! beside {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "SELECT o.id FROM sessions o WHERE o.account_id = ?1 AND o.surface = ?3 AND o.id <> ?2
               AND (CAST(?4 AS BIGINT) IS NULL OR (
                   EXISTS (SELECT 1 FROM oauth_grants g WHERE g.session_id = o.id AND g.client_no = ?4)
                   AND NOT EXISTS (SELECT 1 FROM oauth_grants p WHERE p.session_id = o.parent_id)))
             ORDER BY o.started_at DESC, o.id",
            $after
        )
    };
}

/// Stores a session, if the account is in use and in this epoch. `false` if it is not: the session
/// was ended before it began. Of more than `most` sessions on its surface the oldest end (R072).
///
/// # Errors
/// [`StoreError`].
pub async fn insert(tx: &mut Tx<'_>, session: &Session, epoch: i64, most: u32) -> Result<bool, StoreError> {
    insert_among(tx, session, epoch, None, most, None).await
}

/// The same for the session of a client's grant, of which the client has so many at most. It ends with its parent,
/// which the unit of work must [`hold`].
///
/// # Errors
/// [`StoreError`].
pub async fn insert_under(
    tx: &mut Tx<'_>,
    session: &Session,
    epoch: i64,
    parent: Option<SessionId>,
    most: u32,
    client: ClientNo,
) -> Result<bool, StoreError> {
    insert_among(tx, session, epoch, parent, most, Some(client)).await
}

async fn insert_among(
    tx: &mut Tx<'_>,
    session: &Session,
    epoch: i64,
    parent: Option<SessionId>,
    most: u32,
    client: Option<ClientNo>,
) -> Result<bool, StoreError> {
    // Whether there are too many is asked by the same statement, since nearly always there are not.
    let sql = beside!(
        "INSERT INTO sessions (account_id, id, surface, started_at, parent_id)
         SELECT a.id, CAST(?2 AS BIGINT), CAST(?3 AS BIGINT), CAST(?5 AS BIGINT), CAST(?7 AS BIGINT)
         FROM accounts a
         WHERE a.id = ?1 AND a.epoch = ?6 AND a.suspended_at IS NULL AND a.closed_at IS NULL
         RETURNING (",
        " LIMIT 1 OFFSET ?8)"
    );
    let params = [
        session.account.0.into(),
        session.id.0.into(),
        (session.surface as i64).into(),
        client.map(|client| client.0).into(),
        session.started_at.micros().into(),
        epoch.into(),
        parent.map(|parent| parent.0).into(),
        places_beside(most).into(),
    ];
    let Some(row) = tx.query_opt(sql, &params).await? else { return Ok(false) };
    if row.opt_int(0)?.is_some() {
        end_oldest(tx, session, most, client).await?;
    }
    Ok(true)
}

/// How many sessions there may be beside one.
fn places_beside(most: u32) -> i64 {
    i64::from(most.saturating_sub(1))
}

/// Ends the sessions for which there is no place beside this one. Sign-ins at the same moment do not see each
/// other: there may be as many too many as there are of them, until the next one.
async fn end_oldest(
    tx: &mut Tx<'_>,
    session: &Session,
    most: u32,
    client: Option<ClientNo>,
) -> Result<(), StoreError> {
    let sql = beside!("", " LIMIT ?6 OFFSET ?5");
    let params = [
        session.account.0.into(),
        session.id.0.into(),
        (session.surface as i64).into(),
        client.map(|client| client.0).into(),
        places_beside(most).into(),
        ENDED_AT_ONCE.into(),
    ];
    for row in tx.query(sql, &params).await? {
        end(tx, session.account, SessionId(row.int(0)?), session.started_at).await?;
    }
    Ok(())
}

/// The account's sessions that have a valid token or grant.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    tx: &mut Tx<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<ListedSession>, StoreError> {
    let sql = "SELECT s.id, s.surface, s.started_at FROM sessions s
               WHERE s.account_id = ?1 AND (EXISTS (
                   SELECT 1 FROM tokens t JOIN accounts a ON a.id = t.account_id
                   WHERE t.account_id = s.account_id AND t.session_id = s.id AND t.epoch = a.epoch
                     AND t.used_at IS NULL AND t.expires_at > ?2)
                 OR EXISTS (
                   SELECT 1 FROM oauth_grants g JOIN accounts a ON a.id = g.account_id
                   WHERE g.account_id = s.account_id AND g.session_id = s.id AND g.epoch = a.epoch
                     AND g.expires_at > ?2))
               ORDER BY s.started_at";
    let rows = tx.query(sql, &[account.0.into(), now.micros().into()]).await?;
    rows.iter()
        .map(|row| {
            let surface = Stored::<Surface>::from_number(row.int(1)?);
            let started_at = Timestamp::from_micros(row.int(2)?);
            Ok(ListedSession { id: SessionId(row.int(0)?), surface, started_at })
        })
        .collect()
}

/// Ends one session and those that hang on it; the clients of their grants will hear of it. A refresh that was
/// under way when the tokens were removed may add one more, so they are removed until none is left.
///
/// # Errors
/// [`StoreError`].
pub async fn end(
    tx: &mut Tx<'_>,
    account: AccountId,
    session: SessionId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut removed = false;
    let mut ending = vec![session];
    while let Some(session) = ending.pop() {
        let ids = [account.0.into(), session.0.into()];
        let sql = "DELETE FROM sessions WHERE account_id = ?1 AND id = ?2 RETURNING surface";
        let surface = tx.query_opt(sql, &ids).await?.map(|row| row.int(0)).transpose()?;
        removed |= surface.is_some();
        let surface = surface.and_then(Surface::from_number);
        // A session of a document has no grant, and none hangs on it.
        let may_have_grants = !surface.is_some_and(|surface| Surface::ALL.contains(&surface));
        if may_have_grants {
            grants::end(tx, account, session, now).await?;
            grants::browser_ended(tx, account, session, now).await?;
            // Its row is gone: whoever would add one more finds nothing to hang it on.
            let sql = "SELECT id FROM sessions WHERE account_id = ?1 AND parent_id = ?2";
            for row in tx.query(sql, &ids).await? {
                ending.push(SessionId(row.int(0)?));
            }
        }
        let sql = "DELETE FROM tokens WHERE account_id = ?1 AND session_id = ?2";
        while tx.execute(sql, &ids).await? > 0 {
            removed = true;
        }
        if may_have_grants {
            // Behind the tokens: a refresh that was under way has its place in the lists by now.
            statuses::end(tx, session, now).await?;
        }
    }
    Ok(removed)
}

/// Keeps a session from ending until the unit of work has ended, so that another can be hung on it.
/// `false` if it has ended.
///
/// # Errors
/// [`StoreError`].
pub async fn hold(tx: &mut Tx<'_>, account: AccountId, session: SessionId) -> Result<bool, StoreError> {
    let sql = "UPDATE sessions SET started_at = started_at WHERE account_id = ?1 AND id = ?2";
    Ok(tx.execute(sql, &[account.0.into(), session.0.into()]).await? == 1)
}

/// Clears the sessions of an account whose epoch was just raised, which ended them already; the clients of
/// their grants will hear of it.
///
/// # Errors
/// [`StoreError`].
pub async fn clear(tx: &mut Tx<'_>, account: AccountId, now: Timestamp) -> Result<(), StoreError> {
    let ended = grants::end_all(tx, account, None, now).await?;
    tx.execute("DELETE FROM sessions WHERE account_id = ?1", &[account.0.into()]).await?;
    tx.execute("DELETE FROM tokens WHERE account_id = ?1", &[account.0.into()]).await?;
    end_statuses(tx, ended, now).await
}

/// Clears the sessions of an account but one, and takes that one over into the present epoch.
///
/// # Errors
/// [`StoreError`].
pub async fn clear_others(tx: &mut Tx<'_>, kept: Holder, now: Timestamp) -> Result<(), StoreError> {
    let ended = grants::end_all(tx, kept.account, Some(kept.session), now).await?;
    grants::take_over(tx, kept).await?;
    let ids = [kept.account.0.into(), kept.session.0.into()];
    tx.execute("DELETE FROM sessions WHERE account_id = ?1 AND id <> ?2", &ids).await?;
    tx.execute("DELETE FROM tokens WHERE account_id = ?1 AND session_id <> ?2", &ids).await?;
    let sql = "UPDATE tokens SET epoch = ?3 WHERE account_id = ?1 AND session_id = ?2";
    tx.execute(sql, &[kept.account.0.into(), kept.session.0.into(), kept.epoch.into()]).await?;
    end_statuses(tx, ended, now).await
}

async fn end_statuses(tx: &mut Tx<'_>, ended: Vec<SessionId>, now: Timestamp) -> Result<(), StoreError> {
    for session in ended {
        statuses::end(tx, session, now).await?;
    }
    Ok(())
}
