//! Devices that ask whether somebody has allowed them (RFC 8628 §3.4).

use countersign_model::ids::{AccountId, SessionId, Uuid};
use countersign_model::oauth::ClientNo;
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;

use super::devices::{APPROVED, DENIED, PENDING, REDEEMED};
use crate::tokens::Holder;
use crate::{StoreError, Tx};

/// Where a device's request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// Nobody has decided.
    Pending,
    /// Somebody has allowed it.
    Approved {
        /// Who, in which session of the grant, and in which epoch.
        holder: Holder,
        /// The account's public id.
        uuid: Uuid,
    },
    /// Somebody has refused it.
    Denied,
    /// Its tokens were handed out.
    Redeemed,
}

/// A device's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolledDevice {
    /// Where it is.
    pub state: DeviceState,
    /// JSON of `GrantFacts`.
    pub facts: String,
    /// Before this it asks too early.
    pub poll_after: Timestamp,
    /// Until when it may ask.
    pub expires_at: Timestamp,
}

/// The request of a client's device code.
///
/// # Errors
/// [`StoreError`].
pub async fn find(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
    client: ClientNo,
) -> Result<Option<PolledDevice>, StoreError> {
    let sql =
        "SELECT d.state, d.account_id, d.session_id, d.epoch, a.uuid, d.facts, d.poll_after, d.expires_at
               FROM oauth_devices d LEFT JOIN accounts a ON a.id = d.account_id
               WHERE d.digest = ?1 AND d.client_no = ?2";
    let Some(row) = tx.query_opt(sql, &[(&digest.0).into(), client.0.into()]).await? else { return Ok(None) };
    let state = match (row.int(0)?, row.opt_bytes(4)?) {
        (PENDING, _) => DeviceState::Pending,
        (APPROVED, Some(_)) => DeviceState::Approved {
            holder: Holder {
                account: AccountId(row.int(1)?),
                session: SessionId(row.int(2)?),
                epoch: row.int(3)?,
            },
            uuid: Uuid::from_bytes(row.array(4)?),
        },
        // Without its account nobody allows it any more.
        (APPROVED | DENIED, _) => DeviceState::Denied,
        _ => DeviceState::Redeemed,
    };
    Ok(Some(PolledDevice {
        state,
        facts: row.text(5)?.to_owned(),
        poll_after: Timestamp::from_micros(row.int(6)?),
        expires_at: Timestamp::from_micros(row.int(7)?),
    }))
}

/// Notes that a device has asked, and lets it ask again after its interval.
///
/// # Errors
/// [`StoreError`].
pub async fn note(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
    now: Timestamp,
    slower_by: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE oauth_devices
               SET interval_s = interval_s + ?3, poll_after = ?2 + (interval_s + ?3) * 1000000
               WHERE digest = ?1";
    tx.execute(sql, &[(&digest.0).into(), now.micros().into(), slower_by.into()]).await.map(drop)
}

/// Redeems an approved request; of any number of callers at once one gets `true`.
///
/// # Errors
/// [`StoreError`].
pub async fn redeem(tx: &mut Tx<'_>, digest: &TokenDigest, client: ClientNo) -> Result<bool, StoreError> {
    let sql = "UPDATE oauth_devices SET state = ?4 WHERE digest = ?1 AND client_no = ?2 AND state = ?3";
    let params = [(&digest.0).into(), client.0.into(), APPROVED.into(), REDEEMED.into()];
    Ok(tx.execute(sql, &params).await? == 1)
}
