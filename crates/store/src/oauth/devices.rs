//! Devices that wait for somebody to allow them (RFC 8628).

use countersign_model::ids::{AccountId, SessionId};
use countersign_model::oauth::ClientNo;
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;

use crate::{Param, StoreError, Tx};

pub(super) const PENDING: i64 = 1;
pub(super) const APPROVED: i64 = 2;
pub(super) const DENIED: i64 = 3;
pub(super) const REDEEMED: i64 = 4;

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
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
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
               WHERE d.user_code = ?1 AND d.state = 1 AND d.expires_at > ?2 AND c.suspended_at IS NULL";
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
        let sql = "UPDATE oauth_devices SET state = ?2
                   WHERE user_code = ?1 AND state = 1 AND expires_at > ?3";
        let params = [Param::Bytes(&user_code.0), DENIED.into(), now.micros().into()];
        return Ok(tx.execute(sql, &params).await? == 1);
    };
    let sql = "UPDATE oauth_devices SET state = ?2, account_id = ?4, epoch = ?5, session_id = ?6, facts = ?7
               WHERE user_code = ?1 AND state = 1 AND expires_at > ?3";
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
