//! Which account an identifier belongs to.

use countersign_model::identifier::IdentifierKind;
use countersign_model::ids::AccountId;
use countersign_model::keyring::Lookup;
use countersign_model::time::Timestamp;

use crate::{Param, Row, StoreError, Tx};

/// The owner of an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The account.
    pub account: AccountId,
    /// When control over it was proven, if it was.
    pub verified_at: Option<Timestamp>,
    /// Nobody has proven control over it, while the account has another address or number that was
    /// proven: who controls this one is not thereby the account's owner (decision 0006).
    pub is_mere_claim: bool,
}

/// Whose the identifier is.
///
/// # Errors
/// [`StoreError`].
pub async fn find(tx: &mut Tx<'_>, lookup: &Lookup) -> Result<Option<Owner>, StoreError> {
    let sql = "SELECT i.account_id, i.verified_at,
                   (SELECT COUNT(*) FROM identifiers other
                    WHERE other.account_id = i.account_id AND other.kind <> ?3 AND other.verified_at IS NOT NULL)
               FROM identifiers i WHERE i.kind = ?1 AND i.lookup = ?2";
    let name = (IdentifierKind::Username as i64).into();
    let row = tx.query_opt(sql, &[(lookup.kind as i64).into(), (&lookup.hash).into(), name]).await?;
    row.map(|row| {
        let verified_at = row.opt_int(1)?.map(Timestamp::from_micros);
        let is_mere_claim = verified_at.is_none() && row.int(2)? > 0;
        Ok(Owner { account: AccountId(row.int(0)?), verified_at, is_mere_claim })
    })
    .transpose()
}

/// Gives a free identifier to an account. `false` if it is taken, or the account has one of its kind.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(
    tx: &mut Tx<'_>,
    lookup: &Lookup,
    account: AccountId,
    verified_at: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO identifiers (kind, lookup, account_id, verified_at) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT DO NOTHING";
    let verified_at = verified_at.map(Timestamp::micros);
    let params =
        [(lookup.kind as i64).into(), Param::Bytes(&lookup.hash), account.0.into(), verified_at.into()];
    Ok(tx.execute(sql, &params).await? == 1)
}

/// The kinds of identifier an account has, and since when each is verified. Those that only a newer node of the same
/// database knows are left out.
///
/// # Errors
/// [`StoreError`].
pub async fn of_account(
    tx: &mut Tx<'_>,
    account: AccountId,
) -> Result<Vec<(IdentifierKind, Option<Timestamp>)>, StoreError> {
    let sql = "SELECT kind, verified_at FROM identifiers WHERE account_id = ?1 ORDER BY kind";
    let rows = tx.query(sql, &[account.0.into()]).await?;
    let read = |row: &Row| -> Result<Option<_>, StoreError> {
        let Some(kind) = IdentifierKind::from_number(row.int(0)?) else { return Ok(None) };
        Ok(Some((kind, row.opt_int(1)?.map(Timestamp::from_micros))))
    };
    rows.iter().filter_map(|row| read(row).transpose()).collect()
}

/// Notes that control over this identifier of the account was proven. `true` if it was not known
/// before. The identifier is named and not only its kind: the account may have exchanged it for
/// another, which nobody has proven, since the proof was looked at.
///
/// # Errors
/// [`StoreError`].
pub async fn verify(
    tx: &mut Tx<'_>,
    account: AccountId,
    lookup: &Lookup,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE identifiers SET verified_at = ?4
               WHERE kind = ?1 AND lookup = ?2 AND account_id = ?3 AND verified_at IS NULL";
    let params =
        [(lookup.kind as i64).into(), Param::Bytes(&lookup.hash), account.0.into(), now.micros().into()];
    Ok(tx.execute(sql, &params).await? == 1)
}

/// Frees the account's identifier of this kind.
///
/// # Errors
/// [`StoreError`].
pub async fn remove(tx: &mut Tx<'_>, account: AccountId, kind: IdentifierKind) -> Result<(), StoreError> {
    let sql = "DELETE FROM identifiers WHERE account_id = ?1 AND kind = ?2";
    tx.execute(sql, &[account.0.into(), (kind as i64).into()]).await.map(drop)
}

/// Frees the account's unverified identifiers; answers their kinds.
///
/// # Errors
/// [`StoreError`].
pub async fn remove_unverified(
    tx: &mut Tx<'_>,
    account: AccountId,
) -> Result<Vec<IdentifierKind>, StoreError> {
    let sql = "DELETE FROM identifiers WHERE account_id = ?1 AND verified_at IS NULL RETURNING kind";
    let rows = tx.query(sql, &[account.0.into()]).await?;
    rows.iter().map(|row| row.int(0).map(IdentifierKind::from_number)).filter_map(Result::transpose).collect()
}

/// Frees all identifiers of an account.
///
/// # Errors
/// [`StoreError`].
pub async fn remove_all(tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM identifiers WHERE account_id = ?1", &[account.0.into()]).await.map(drop)
}

/// Takes an unverified identifier from the account that claims it (decision 0006). `false` if it does
/// not claim it any more, or has proven it.
///
/// # Errors
/// [`StoreError`].
pub async fn remove_claim(tx: &mut Tx<'_>, lookup: &Lookup, claimer: AccountId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM identifiers
               WHERE kind = ?1 AND lookup = ?2 AND account_id = ?3 AND verified_at IS NULL";
    let params = [(lookup.kind as i64).into(), Param::Bytes(&lookup.hash), claimer.0.into()];
    Ok(tx.execute(sql, &params).await? == 1)
}
