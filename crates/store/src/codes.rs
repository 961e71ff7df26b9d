//! Codes and links that were sent to somebody.

use countersign_model::code::CodePurpose;
use countersign_model::ids::AccountId;
use countersign_model::keyring::Lookup;
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;

use crate::{Param, Row, StoreError, Tx};

/// A code as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeRow {
    /// Its digest.
    pub digest: TokenDigest,
    /// What it may be used for.
    pub purpose: CodePurpose,
    /// The identifier that it was sent to.
    pub target: Option<Lookup>,
    /// The account, or the registration, that it is about.
    pub owner: Option<i64>,
    /// The identifier that it was sent to, sealed.
    pub sealed: Option<Vec<u8>>,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Stores a code.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(tx: &mut Tx<'_>, code: &CodeRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO codes (digest, purpose, target_kind, target, owner_id, sealed, expires_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let params = [
        Param::Bytes(&code.digest.0),
        (code.purpose as i64).into(),
        code.target.map(|target| target.kind as i64).into(),
        code.target.as_ref().map(|target| &target.hash).into(),
        code.owner.into(),
        code.sealed.as_ref().into(),
        code.expires_at.micros().into(),
    ];
    tx.execute(sql, &params).await.map(drop)
}

/// The code with this digest, if it is valid now. It stays valid.
///
/// # Errors
/// [`StoreError`].
pub async fn find_valid(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
    purpose: CodePurpose,
    now: Timestamp,
) -> Result<Option<CodeRow>, StoreError> {
    let sql = "SELECT target_kind, target, owner_id, sealed, expires_at FROM codes
               WHERE digest = ?1 AND purpose = ?2 AND used_at IS NULL AND expires_at > ?3";
    let row = tx.query_opt(sql, &[(&digest.0).into(), (purpose as i64).into(), now.micros().into()]).await?;
    row.map(|row| read(&row, *digest, purpose)).transpose()
}

/// Uses a valid code up; of any number of callers at once one gets it.
///
/// # Errors
/// [`StoreError`].
pub async fn consume(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
    purpose: CodePurpose,
    now: Timestamp,
) -> Result<Option<CodeRow>, StoreError> {
    let sql = "UPDATE codes SET used_at = ?3
               WHERE digest = ?1 AND purpose = ?2 AND used_at IS NULL AND expires_at > ?3
               RETURNING target_kind, target, owner_id, sealed, expires_at";
    let row = tx.query_opt(sql, &[(&digest.0).into(), (purpose as i64).into(), now.micros().into()]).await?;
    row.map(|row| read(&row, *digest, purpose)).transpose()
}

fn read(row: &Row, digest: TokenDigest, purpose: CodePurpose) -> Result<CodeRow, StoreError> {
    let kind = row.opt_int(0)?.and_then(countersign_model::identifier::IdentifierKind::from_number);
    let target = match kind {
        Some(kind) => Some(Lookup { kind, hash: row.array(1)? }),
        None => None,
    };
    Ok(CodeRow {
        digest,
        purpose,
        target,
        owner: row.opt_int(2)?,
        sealed: row.opt_bytes(3)?.map(<[u8]>::to_vec),
        expires_at: Timestamp::from_micros(row.int(4)?),
    })
}

/// Voids every code that was sent to this identifier.
///
/// # Errors
/// [`StoreError`].
pub async fn void_target(tx: &mut Tx<'_>, target: &Lookup, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE codes SET used_at = ?2 WHERE target = ?1 AND used_at IS NULL";
    tx.execute(sql, &[(&target.hash).into(), now.micros().into()]).await.map(drop)
}

/// Voids every code that is about this account.
///
/// # Errors
/// [`StoreError`].
pub async fn void_owner(tx: &mut Tx<'_>, owner: AccountId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE codes SET used_at = ?2 WHERE owner_id = ?1 AND used_at IS NULL";
    tx.execute(sql, &[owner.0.into(), now.micros().into()]).await.map(drop)
}
