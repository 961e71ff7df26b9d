//! Registrations that await their proof (001's confirmation, 002's SMS code).

use countersign_model::ids::{AccountId, Uuid};
use countersign_model::session::Surface;
use countersign_model::time::Timestamp;

use crate::{Param, Row, StoreError, Tx};

/// A registration as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationRow {
    /// Its own id.
    pub id: i64,
    /// The integer id that the account will have.
    pub account: AccountId,
    /// The public id that the account will have.
    pub uuid: Uuid,
    /// Where it was made.
    pub surface: Surface,
    /// The look-up hash of the username.
    pub username: Option<[u8; 32]>,
    /// The look-up hash of the e-mail.
    pub email: Option<[u8; 32]>,
    /// When the e-mail was verified, if it was.
    pub email_verified_at: Option<Timestamp>,
    /// The password hash.
    pub phc: String,
    /// The sealed profile that the account will have.
    pub sealed: Vec<u8>,
    /// When it lapses.
    pub expires_at: Timestamp,
}

/// Every registration is read with the same columns, which `read` takes by their places.
macro_rules! columns {
    () => {
        "id, account_id, uuid, surface, username, email, email_verified_at, phc, sealed, expires_at"
    };
}

/// Stores a registration.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(tx: &mut Tx<'_>, registration: &RegistrationRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO registrations
                   (id, account_id, uuid, surface, username, email, phc, sealed, expires_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let params = [
        registration.id.into(),
        registration.account.0.into(),
        Param::Bytes(registration.uuid.as_bytes()),
        (registration.surface as i64).into(),
        registration.username.as_ref().into(),
        registration.email.as_ref().into(),
        registration.phc.as_str().into(),
        (&registration.sealed).into(),
        registration.expires_at.micros().into(),
    ];
    tx.execute(sql, &params).await.map(drop)
}

/// Takes a registration out: of any number of callers at once one gets it.
///
/// # Errors
/// [`StoreError`].
pub async fn take(tx: &mut Tx<'_>, id: i64, now: Timestamp) -> Result<Option<RegistrationRow>, StoreError> {
    let sql = concat!("DELETE FROM registrations WHERE id = ?1 AND expires_at > ?2 RETURNING ", columns!());
    let row = tx.query_opt(sql, &[id.into(), now.micros().into()]).await?;
    row.map(|row| read(&row)).transpose()
}

/// A registration that awaits its proof. It stays.
///
/// # Errors
/// [`StoreError`].
pub async fn find(tx: &mut Tx<'_>, id: i64, now: Timestamp) -> Result<Option<RegistrationRow>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM registrations WHERE id = ?1 AND expires_at > ?2");
    let row = tx.query_opt(sql, &[id.into(), now.micros().into()]).await?;
    row.map(|row| read(&row)).transpose()
}

/// The newest registration of a surface that awaits its proof with this username.
///
/// # Errors
/// [`StoreError`].
pub async fn newest_by_username(
    tx: &mut Tx<'_>,
    surface: Surface,
    username: &[u8; 32],
    now: Timestamp,
) -> Result<Option<RegistrationRow>, StoreError> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM registrations WHERE username = ?1 AND surface = ?2 AND expires_at > ?3
         ORDER BY expires_at DESC LIMIT 1"
    );
    let row = tx.query_opt(sql, &[username.into(), (surface as i64).into(), now.micros().into()]).await?;
    row.map(|row| read(&row)).transpose()
}

/// The newest registration of a surface that awaits its proof with this e-mail.
///
/// # Errors
/// [`StoreError`].
pub async fn newest_by_email(
    tx: &mut Tx<'_>,
    surface: Surface,
    email: &[u8; 32],
    now: Timestamp,
) -> Result<Option<RegistrationRow>, StoreError> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM registrations WHERE email = ?1 AND surface = ?2 AND expires_at > ?3
         ORDER BY expires_at DESC LIMIT 1"
    );
    let row = tx.query_opt(sql, &[email.into(), (surface as i64).into(), now.micros().into()]).await?;
    row.map(|row| read(&row)).transpose()
}

fn read(row: &Row) -> Result<RegistrationRow, StoreError> {
    let surface = Surface::from_number(row.int(3)?)
        .ok_or_else(|| StoreError::Broken("a registration of an unknown surface".to_owned()))?;
    let hash = |column| row.opt_bytes(column).map(|bytes| bytes.and_then(|b| b.try_into().ok()));
    Ok(RegistrationRow {
        id: row.int(0)?,
        account: AccountId(row.int(1)?),
        uuid: Uuid::from_bytes(row.array(2)?),
        surface,
        username: hash(4)?,
        email: hash(5)?,
        email_verified_at: row.opt_int(6)?.map(Timestamp::from_micros),
        phc: row.text(7)?.to_owned(),
        sealed: row.bytes(8)?.to_vec(),
        expires_at: Timestamp::from_micros(row.int(9)?),
    })
}

/// 002: the e-mail of a registration was verified before its phone. `false` if there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn verify_email(tx: &mut Tx<'_>, account: AccountId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE registrations SET email_verified_at = ?2 WHERE account_id = ?1 AND expires_at > ?2";
    Ok(tx.execute(sql, &[account.0.into(), now.micros().into()]).await? > 0)
}

/// Removes the other registrations of a name that was just given to an account.
///
/// # Errors
/// [`StoreError`].
pub async fn lapse_username(tx: &mut Tx<'_>, username: &[u8; 32]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM registrations WHERE username = ?1", &[username.into()]).await.map(drop)
}

/// Removes 001's other registrations of an address that was just given to an account. Those of 002
/// stay: there the address is an addition, the username is the name.
///
/// # Errors
/// [`StoreError`].
pub async fn lapse_email(tx: &mut Tx<'_>, surface: Surface, email: &[u8; 32]) -> Result<(), StoreError> {
    let sql = "DELETE FROM registrations WHERE email = ?1 AND surface = ?2";
    tx.execute(sql, &[email.into(), (surface as i64).into()]).await.map(drop)
}
