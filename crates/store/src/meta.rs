//! Facts about the store itself.

use crate::{StoreError, Tx};

/// The value of a name.
///
/// # Errors
/// [`StoreError`].
pub async fn find(tx: &mut Tx<'_>, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let row = tx.query_opt("SELECT value FROM meta WHERE name = ?1", &[name.into()]).await?;
    row.map(|row| row.bytes(0).map(<[u8]>::to_vec)).transpose()
}

/// Sets a value if the name has none; answers the value that stands.
///
/// # Errors
/// [`StoreError`].
pub async fn set_once(tx: &mut Tx<'_>, name: &str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
    let insert = "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
    tx.execute(insert, &[name.into(), value.into()]).await?;
    Ok(find(tx, name).await?.unwrap_or_else(|| value.to_vec()))
}

/// Sets a value.
///
/// # Errors
/// [`StoreError`].
pub async fn set(tx: &mut Tx<'_>, name: &str, value: &[u8]) -> Result<(), StoreError> {
    let upsert = "INSERT INTO meta (name, value) VALUES (?1, ?2)
                  ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    tx.execute(upsert, &[name.into(), value.into()]).await.map(drop)
}

/// Replaces a value if it is still the one that was read; says whether it was.
///
/// # Errors
/// [`StoreError`].
pub async fn replace(tx: &mut Tx<'_>, name: &str, read: &[u8], new: &[u8]) -> Result<bool, StoreError> {
    let update = "UPDATE meta SET value = ?3 WHERE name = ?1 AND value = ?2";
    Ok(tx.execute(update, &[name.into(), read.into(), new.into()]).await? == 1)
}
