//! Accounts and their passwords.

use countersign_model::account::Standing;
use countersign_model::ids::{AccountId, Uuid};
use countersign_model::time::Timestamp;

use crate::{Param, Row, StoreError, Tx};

/// An account as it stands in its row; the profile is still sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// The integer id.
    pub id: AccountId,
    /// The public id.
    pub uuid: Uuid,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it may be used.
    pub standing: Standing,
    /// 002: the e-mail of the registration is not verified yet.
    pub awaits_email: bool,
    /// Sessions of another epoch are over.
    pub epoch: i64,
    /// Rises with every change of the profile.
    pub version: i64,
    /// The sealed profile.
    pub profile: Vec<u8>,
    /// The password hash, if a password is set.
    pub phc: Option<String>,
}

/// The text of a query for whole accounts.
macro_rules! select_account {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.uuid, a.created_at, a.suspended_at, a.closed_at, a.awaits_email_at, a.epoch,
                    a.version, a.profile, p.phc
             FROM accounts a LEFT JOIN passwords p ON p.account_id = a.id ",
            $rest
        )
    };
}

fn read(row: &Row) -> Result<AccountRow, StoreError> {
    let standing = match (row.opt_int(3)?, row.opt_int(4)?) {
        (_, Some(_)) => Standing::Closed,
        (Some(_), None) => Standing::Suspended,
        (None, None) => Standing::Active,
    };
    Ok(AccountRow {
        id: AccountId(row.int(0)?),
        uuid: Uuid::from_bytes(row.array(1)?),
        created_at: Timestamp::from_micros(row.int(2)?),
        standing,
        awaits_email: row.opt_int(5)?.is_some(),
        epoch: row.int(6)?,
        version: row.int(7)?,
        profile: row.bytes(8)?.to_vec(),
        phc: row.opt_text(9)?.map(str::to_owned),
    })
}

/// Why there is no new account.
#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    /// Another account has one of the ids. No bool, which may be dropped: what is written for the new account would
    /// be the other one's.
    #[error("the id of a new account is taken")]
    IdTaken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A new account.
///
/// # Errors
/// [`InsertError`].
pub async fn insert(
    tx: &mut Tx<'_>,
    id: AccountId,
    uuid: Uuid,
    profile: &[u8],
    awaits_email: bool,
    now: Timestamp,
) -> Result<(), InsertError> {
    let sql = "INSERT INTO accounts (id, uuid, created_at, awaits_email_at, epoch, version, profile)
               VALUES (?1, ?2, ?3, ?4, 0, 0, ?5) ON CONFLICT DO NOTHING";
    let awaits = awaits_email.then_some(now.micros());
    let params =
        [id.0.into(), Param::Bytes(uuid.as_bytes()), now.micros().into(), awaits.into(), profile.into()];
    if tx.execute(sql, &params).await? == 1 { Ok(()) } else { Err(InsertError::IdTaken) }
}

/// An account by its integer id.
///
/// # Errors
/// [`StoreError`].
pub async fn find(tx: &mut Tx<'_>, id: AccountId) -> Result<Option<AccountRow>, StoreError> {
    let row = tx.query_opt(select_account!("WHERE a.id = ?1"), &[id.0.into()]).await?;
    row.map(|row| read(&row)).transpose()
}

/// An account by its public id.
///
/// # Errors
/// [`StoreError`].
pub async fn find_by_uuid(tx: &mut Tx<'_>, uuid: Uuid) -> Result<Option<AccountRow>, StoreError> {
    let row = tx.query_opt(select_account!("WHERE a.uuid = ?1"), &[Param::Bytes(uuid.as_bytes())]).await?;
    row.map(|row| read(&row)).transpose()
}

/// Accounts in the order of their integer ids, those behind `after`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx<'_>, after: AccountId, limit: u32) -> Result<Vec<AccountRow>, StoreError> {
    let sql = select_account!("WHERE a.id > ?1 ORDER BY a.id LIMIT ?2");
    let rows = tx.query(sql, &[after.0.into(), i64::from(limit).into()]).await?;
    rows.iter().map(read).collect()
}

/// Sets the password hash.
///
/// # Errors
/// [`StoreError`].
pub async fn set_password(
    tx: &mut Tx<'_>,
    id: AccountId,
    phc: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO passwords (account_id, phc, set_at) VALUES (?1, ?2, ?3)
               ON CONFLICT (account_id) DO UPDATE SET phc = excluded.phc, set_at = excluded.set_at";
    tx.execute(sql, &[id.0.into(), phc.into(), now.micros().into()]).await.map(drop)
}

/// When the password was set.
///
/// # Errors
/// [`StoreError`].
pub async fn password_set_at(tx: &mut Tx<'_>, id: AccountId) -> Result<Option<Timestamp>, StoreError> {
    let row = tx.query_opt("SELECT set_at FROM passwords WHERE account_id = ?1", &[id.0.into()]).await?;
    row.map(|row| Ok(Timestamp::from_micros(row.int(0)?))).transpose()
}

/// Changes the password whose hash this is; `false` if another one was set since it was read.
///
/// # Errors
/// [`StoreError`].
pub async fn change_password(
    tx: &mut Tx<'_>,
    id: AccountId,
    old: &str,
    new: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE passwords SET phc = ?3, set_at = ?4 WHERE account_id = ?1 AND phc = ?2";
    Ok(tx.execute(sql, &[id.0.into(), old.into(), new.into(), now.micros().into()]).await? == 1)
}

/// Replaces a password's hash by another one of the same password, unless another password was set since it was read.
///
/// # Errors
/// [`StoreError`].
pub async fn replace_hash(tx: &mut Tx<'_>, id: AccountId, old: &str, new: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE passwords SET phc = ?3 WHERE account_id = ?1 AND phc = ?2";
    Ok(tx.execute(sql, &[id.0.into(), old.into(), new.into()]).await? == 1)
}

/// Takes the password away.
///
/// # Errors
/// [`StoreError`].
pub async fn remove_password(tx: &mut Tx<'_>, id: AccountId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM passwords WHERE account_id = ?1", &[id.0.into()]).await.map(drop)
}

/// Replaces the sealed profile if nobody else did since `version` was read.
///
/// # Errors
/// [`StoreError`].
pub async fn set_profile(
    tx: &mut Tx<'_>,
    id: AccountId,
    version: i64,
    profile: &[u8],
) -> Result<bool, StoreError> {
    let sql = "UPDATE accounts SET profile = ?3, version = version + 1 WHERE id = ?1 AND version = ?2";
    Ok(tx.execute(sql, &[id.0.into(), version.into(), profile.into()]).await? == 1)
}

/// Ends every session of the account at once, those being started or refreshed at this moment too,
/// and answers the new epoch. `None` if there is no such account in use.
///
/// # Errors
/// [`StoreError`].
pub async fn raise_epoch(tx: &mut Tx<'_>, id: AccountId) -> Result<Option<i64>, StoreError> {
    let sql = "UPDATE accounts SET epoch = epoch + 1 WHERE id = ?1 AND closed_at IS NULL RETURNING epoch";
    let row = tx.query_opt(sql, &[id.0.into()]).await?;
    row.map(|row| row.int(0)).transpose()
}

/// 002: the e-mail of the registration was verified.
///
/// # Errors
/// [`StoreError`].
pub async fn email_arrived(tx: &mut Tx<'_>, id: AccountId) -> Result<(), StoreError> {
    let sql = "UPDATE accounts SET awaits_email_at = NULL WHERE id = ?1 AND awaits_email_at IS NOT NULL";
    tx.execute(sql, &[id.0.into()]).await.map(drop)
}

/// Suspends an account in use. `false` if there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn suspend(tx: &mut Tx<'_>, id: AccountId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE accounts SET suspended_at = COALESCE(suspended_at, ?2), epoch = epoch + 1
               WHERE id = ?1 AND closed_at IS NULL";
    Ok(tx.execute(sql, &[id.0.into(), now.micros().into()]).await? == 1)
}

/// Lets a suspended account be used again. `false` if there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn restore(tx: &mut Tx<'_>, id: AccountId) -> Result<bool, StoreError> {
    let sql = "UPDATE accounts SET suspended_at = NULL WHERE id = ?1 AND closed_at IS NULL";
    Ok(tx.execute(sql, &[id.0.into()]).await? == 1)
}

/// Ends an account for good and forgets what people could read about it. The row stays, so that its
/// ids are never given out again. `false` if there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn close(
    tx: &mut Tx<'_>,
    id: AccountId,
    empty_profile: &[u8],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE accounts SET closed_at = ?2, profile = ?3, version = version + 1, epoch = epoch + 1
               WHERE id = ?1 AND closed_at IS NULL";
    Ok(tx.execute(sql, &[id.0.into(), now.micros().into(), empty_profile.into()]).await? == 1)
}
