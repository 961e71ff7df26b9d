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
    let sql = "SELECT a.id, a.uuid, a.profile, a.epoch, s.id, s.started_at, t.facts
               FROM tokens t JOIN accounts a ON a.id = t.account_id
               JOIN sessions s ON s.account_id = t.account_id AND s.id = t.session_id
               WHERE t.id = $1 AND t.digest = $2 AND t.purpose = $3 AND t.used_at IS NULL AND t.expires_at > $4
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
        facts: row.opt_text(6)?.map(str::to_owned),
    }))
}
