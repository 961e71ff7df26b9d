//! Browsers that are signed in at the pages.

use countersign_model::ids::{AccountId, SessionId, Uuid};
use countersign_model::session::{TokenDigest, TokenPurpose};
use countersign_model::time::Timestamp;

use crate::{StoreError, Tx};

/// Who is signed in, as a cookie showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserRow {
    /// The account.
    pub account: AccountId,
    /// Its public id.
    pub uuid: Uuid,
    /// Its sealed profile.
    pub profile: Vec<u8>,
    /// Its epoch, in which the session was started.
    pub epoch: i64,
    /// The session.
    pub session: SessionId,
    /// When they signed in.
    pub started_at: Timestamp,
    /// When it ends if it is not used.
    pub expires_at: Timestamp,
    /// JSON of the cookie's `TokenFacts`.
    pub facts: Option<String>,
}

/// The browser with this cookie, if it is valid now, as in `tokens::find_valid`.
///
/// # Errors
/// [`StoreError`].
pub async fn find_valid(
    tx: &mut Tx<'_>,
    cookie: &TokenDigest,
    now: Timestamp,
) -> Result<Option<BrowserRow>, StoreError> {
    let sql = "SELECT a.id, a.uuid, a.profile, a.epoch, s.id, s.started_at, t.expires_at, t.facts
               FROM tokens t JOIN accounts a ON a.id = t.account_id
               JOIN sessions s ON s.account_id = t.account_id AND s.id = t.session_id
               WHERE t.id = ?1 AND t.digest = ?2 AND t.purpose = ?3 AND t.used_at IS NULL AND t.expires_at > ?4
                 AND t.epoch = a.epoch AND a.suspended_at IS NULL AND a.closed_at IS NULL";
    let purpose = TokenPurpose::BrowserSession as i64;
    let params = [cookie.id().into(), (&cookie.0).into(), purpose.into(), now.micros().into()];
    let Some(row) = tx.query_opt(sql, &params).await? else { return Ok(None) };
    Ok(Some(BrowserRow {
        account: AccountId(row.int(0)?),
        uuid: Uuid::from_bytes(row.array(1)?),
        profile: row.bytes(2)?.to_vec(),
        epoch: row.int(3)?,
        session: SessionId(row.int(4)?),
        started_at: Timestamp::from_micros(row.int(5)?),
        expires_at: Timestamp::from_micros(row.int(6)?),
        facts: row.opt_text(7)?.map(str::to_owned),
    }))
}

/// Lets a browser's session that is valid now end no earlier than `until`.
///
/// # Errors
/// [`StoreError`].
pub async fn prolong(
    tx: &mut Tx<'_>,
    account: AccountId,
    session: SessionId,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE tokens SET expires_at = ?4
               WHERE account_id = ?1 AND session_id = ?2 AND purpose = ?3 AND used_at IS NULL
                 AND expires_at > ?5 AND expires_at < ?4";
    let purpose = TokenPurpose::BrowserSession as i64;
    let params =
        [account.0.into(), session.0.into(), purpose.into(), until.micros().into(), now.micros().into()];
    tx.execute(sql, &params).await.map(drop)
}
