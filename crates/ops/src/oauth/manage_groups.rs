//! Groups of accounts.

use countersign_model::ids::AccountId;
use countersign_store::{StoreError, Tx};

/// The groups and roles of an account, by name, in order. Roles of its groups are its own too.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn groups_of(
    tx: &mut Tx<'_>,
    account: AccountId,
) -> Result<(Vec<String>, Vec<String>), StoreError> {
    let _ = (tx, account);
    Err(StoreError::Broken("groups are not read yet".to_owned()))
}
