//! Devices that wait for somebody to allow them (RFC 8628).

use countersign_model::ids::{AccountId, SessionId};
use countersign_model::oauth::ClientNo;
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;

use crate::{Param, Row, StoreError, Tx};

const PENDING: i64 = 1;
const APPROVED: i64 = 2;
const DENIED: i64 = 3;
const REDEEMED: i64 = 4;

/// How much slower a device must ask that asked too early (RFC 8628 §3.5), in seconds.
const SLOWER: i64 = 5;

/// A device that begins to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDevice {
    /// The digest of its code.
    pub digest: TokenDigest,
    /// The digest of the code that it shows.
    pub user_code: TokenDigest,
    /// For which client.
    pub client: ClientNo,
    /// JSON of `GrantFacts`: what it asks for.
    pub facts: String,
    /// The address that it asked from, for the person who is asked.
    pub source: String,
    /// How many seconds lie between two tries.
    pub interval: i64,
    /// When it stops waiting.
    pub expires_at: Timestamp,
}

/// Stores a device.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(tx: &mut Tx<'_>, device: &NewDevice, now: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO oauth_devices (digest, user_code, client_no, facts, source, state, poll_after,
                   interval_s, expires_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let params = [
        Param::Bytes(&device.digest.0),
        (&device.user_code.0).into(),
        device.client.0.into(),
        device.facts.as_str().into(),
        device.source.as_str().into(),
        PENDING.into(),
        now.micros().into(),
        device.interval.into(),
        device.expires_at.micros().into(),
    ];
    tx.execute(sql, &params).await.map(drop)
}

/// A device that nobody has decided about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingDevice {
    /// The id of its client.
    pub client_id: String,
    /// JSON of `GrantFacts`.
    pub facts: String,
    /// The address that it asked from.
    pub source: String,
    /// When it stops waiting.
    pub expires_at: Timestamp,
}

/// The device that shows this code and waits.
///
/// # Errors
/// [`StoreError`].
pub async fn find_pending(
    tx: &mut Tx<'_>,
    user_code: &TokenDigest,
    now: Timestamp,
) -> Result<Option<PendingDevice>, StoreError> {
    let sql = "SELECT c.client_id, d.facts, d.source, d.expires_at
               FROM oauth_devices d JOIN oauth_clients c ON c.no = d.client_no
               WHERE d.user_code = $1 AND d.state = 1 AND d.expires_at > $2 AND c.suspended_at IS NULL";
    let row = tx.query_opt(sql, &[(&user_code.0).into(), now.micros().into()]).await?;
    row.map(|row| {
        Ok(PendingDevice {
            client_id: row.text(0)?.to_owned(),
            facts: row.text(1)?.to_owned(),
            source: row.text(2)?.to_owned(),
            expires_at: Timestamp::from_micros(row.int(3)?),
        })
    })
    .transpose()
}

/// Who allowed a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Whose account it may use.
    pub account: AccountId,
    /// In which epoch.
    pub epoch: i64,
    /// The session of the grant that it will start.
    pub session: SessionId,
    /// JSON of `GrantFacts`, with how they had signed in.
    pub facts: String,
}

/// Allows or, with `None`, refuses the device that shows this code. Of any number of decisions the first
/// one holds: `false` for the others.
///
/// # Errors
/// [`StoreError`].
pub async fn decide(
    tx: &mut Tx<'_>,
    user_code: &TokenDigest,
    approval: Option<&Approval>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(approval) = approval else {
        let sql = "UPDATE oauth_devices SET state = $2
                   WHERE user_code = $1 AND state = 1 AND expires_at > $3";
        let params = [Param::Bytes(&user_code.0), DENIED.into(), now.micros().into()];
        return Ok(tx.execute(sql, &params).await? == 1);
    };
    let sql = "UPDATE oauth_devices SET state = $2, account_id = $4, epoch = $5, session_id = $6, facts = $7
               WHERE user_code = $1 AND state = 1 AND expires_at > $3";
    let params = [
        Param::Bytes(&user_code.0),
        APPROVED.into(),
        now.micros().into(),
        approval.account.0.into(),
        approval.epoch.into(),
        approval.session.0.into(),
        approval.facts.as_str().into(),
    ];
    Ok(tx.execute(sql, &params).await? == 1)
}

/// What a device that asks hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// No device of this client has this code, or it has its tokens.
    Unknown,
    /// It does not wait any more.
    Expired,
    /// It asked too early.
    TooEarly,
    /// Nobody has decided.
    Pending,
    /// Somebody refused.
    Denied,
    /// Somebody allowed it: [`redeem`] gives what for.
    Approved,
}

/// Notes that a device asks. One that asks too early must ask less often from then on.
///
/// # Errors
/// [`StoreError`].
pub async fn poll(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
    client: ClientNo,
    now: Timestamp,
) -> Result<Polled, StoreError> {
    let sql = "UPDATE oauth_devices SET
                   poll_after = $3 + 1000000 * (interval_s + CASE WHEN poll_after > $3 THEN $4 ELSE 0 END),
                   interval_s = interval_s + CASE WHEN poll_after > $3 THEN $4 ELSE 0 END
               WHERE digest = $1 AND client_no = $2 RETURNING state, expires_at";
    let find = "SELECT poll_after FROM oauth_devices WHERE digest = $1 AND client_no = $2";
    let key = [Param::Bytes(&digest.0), client.0.into()];
    let Some(before) = tx.query_opt(find, &key).await? else { return Ok(Polled::Unknown) };
    let too_early = before.int(0)? > now.micros();
    let params = [Param::Bytes(&digest.0), client.0.into(), now.micros().into(), SLOWER.into()];
    let Some(row) = tx.query_opt(sql, &params).await? else { return Ok(Polled::Unknown) };
    let (state, expires_at) = (row.int(0)?, Timestamp::from_micros(row.int(1)?));
    Ok(match state {
        REDEEMED => Polled::Unknown,
        _ if expires_at <= now => Polled::Expired,
        DENIED => Polled::Denied,
        _ if too_early => Polled::TooEarly,
        APPROVED => Polled::Approved,
        _ => Polled::Pending,
    })
}

/// Uses up what was allowed; of any number of callers at once one gets it. `None` too if the account is not
/// in use any more, or its epoch is another.
///
/// # Errors
/// [`StoreError`].
pub async fn redeem(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
    client: ClientNo,
    now: Timestamp,
) -> Result<Option<Approval>, StoreError> {
    let sql = "UPDATE oauth_devices SET state = $4
               WHERE digest = $1 AND client_no = $2 AND state = 2 AND expires_at > $3
                 AND EXISTS (SELECT 1 FROM accounts a
                             WHERE a.id = oauth_devices.account_id AND a.epoch = oauth_devices.epoch
                               AND a.suspended_at IS NULL AND a.closed_at IS NULL)
               RETURNING account_id, epoch, session_id, facts";
    let params = [Param::Bytes(&digest.0), client.0.into(), now.micros().into(), REDEEMED.into()];
    let row = tx.query_opt(sql, &params).await?;
    row.map(|row| read_approval(&row)).transpose()
}

/// What was allowed, before it is used up.
///
/// # Errors
/// [`StoreError`].
pub async fn find_approved(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
    client: ClientNo,
) -> Result<Option<Approval>, StoreError> {
    let sql = "SELECT account_id, epoch, session_id, facts FROM oauth_devices
               WHERE digest = $1 AND client_no = $2 AND state = 2";
    let row = tx.query_opt(sql, &[(&digest.0).into(), client.0.into()]).await?;
    row.map(|row| read_approval(&row)).transpose()
}

fn read_approval(row: &Row) -> Result<Approval, StoreError> {
    Ok(Approval {
        account: AccountId(row.int(0)?),
        epoch: row.int(1)?,
        session: SessionId(row.int(2)?),
        facts: row.text(3)?.to_owned(),
    })
}
