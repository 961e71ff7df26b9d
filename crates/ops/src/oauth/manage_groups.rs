//! Groups of accounts: what an operator does with them, and whom a client that is limited to some lets in.

use countersign_model::ids::AccountId;
use countersign_model::oauth::Client;
use countersign_model::time::Timestamp;
use countersign_store::oauth::groups::{self, Listed};
use countersign_store::{StoreError, Tx, Work};

use crate::{Core, Unavailable};

/// The longest name of a group or a role, in characters.
const LONGEST_NAME: usize = 64;

/// Why it was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// There is no such group, role, account or membership.
    #[error("not found")]
    NotFound,
    /// There is one of this name.
    #[error("the name is taken")]
    Taken,
    /// It has it already.
    #[error("it has it already")]
    Already,
    /// Not a name.
    #[error("a name has 1 to 64 of the letters a-z and A-Z, digits and - _ . : / @")]
    Name,
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<StoreError> for AccessError {
    fn from(error: StoreError) -> AccessError {
        AccessError::Unavailable(error.into())
    }
}

impl Core {
    /// Makes a group.
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn add_group(&self, name: &str) -> Result<(), AccessError> {
        check_name(name)?;
        let change = Change::Add { id: self.random.positive(53), now: self.clock.now() };
        self.store.write(ChangeGroup { name: name.to_owned(), change }).await
    }

    /// Removes a group: nobody is in it any more, and nobody has its roles by it.
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn remove_group(&self, name: &str) -> Result<(), AccessError> {
        self.store.write(ChangeGroup { name: name.to_owned(), change: Change::Remove }).await
    }

    /// All groups, by name.
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn list_groups(&self) -> Result<Vec<Listed>, AccessError> {
        Ok(groups::list_groups(&mut self.store.read().await?).await?)
    }

    /// The members of a group, by id.
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn list_members(&self, group: &str) -> Result<Vec<AccountId>, AccessError> {
        let mut tx = self.store.read().await?;
        let id = groups::find_group(&mut tx, group).await?.ok_or(AccessError::NotFound)?;
        Ok(groups::members(&mut tx, id).await?)
    }

    /// Puts an account into a group.
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn add_member(&self, group: &str, account: AccountId) -> Result<(), AccessError> {
        self.store.write(ChangeGroup { name: group.to_owned(), change: Change::Join(account) }).await
    }

    /// Takes an account out of a group. What clients got for it before holds until they ask again.
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn remove_member(&self, group: &str, account: AccountId) -> Result<(), AccessError> {
        self.store.write(ChangeGroup { name: group.to_owned(), change: Change::Leave(account) }).await
    }
}

/// The groups and roles of an account, by name, in order. Roles of its groups are its own too.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn groups_of(
    tx: &mut Tx<'_>,
    account: AccountId,
) -> Result<(Vec<String>, Vec<String>), StoreError> {
    Ok((groups::of_account(tx, account).await?, groups::roles_of(tx, account).await?))
}

/// Whether an account may use a client. A client that names groups is for their members only: asked each
/// time something is issued, since a browser may be signed in for longer than somebody is a member.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn is_admitted(
    tx: &mut Tx<'_>,
    client: &Client,
    account: AccountId,
) -> Result<bool, StoreError> {
    let admitted = &client.metadata.groups;
    if admitted.is_empty() {
        return Ok(true);
    }
    Ok(groups::of_account(tx, account).await?.iter().any(|group| admitted.contains(group)))
}

/// Whether a group or a role can be called so.
///
/// # Errors
/// [`AccessError::Name`].
pub fn check_name(name: &str) -> Result<(), AccessError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | '@');
    match (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(fits) {
        true => Ok(()),
        false => Err(AccessError::Name),
    }
}

enum Change {
    Add { id: i64, now: Timestamp },
    Remove,
    Join(AccountId),
    Leave(AccountId),
}

struct ChangeGroup {
    name: String,
    change: Change,
}

impl Work for ChangeGroup {
    type Output = ();
    type Error = AccessError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), AccessError> {
        if let Change::Add { id, now } = self.change {
            let added = groups::insert_group(tx, id, &self.name, now).await?;
            return if added { Ok(()) } else { Err(AccessError::Taken) };
        }
        let group = groups::find_group(tx, &self.name).await?.ok_or(AccessError::NotFound)?;
        match self.change {
            Change::Add { .. } => Ok(()),
            Change::Remove => Ok(groups::remove_group(tx, group).await?),
            Change::Join(account) => match groups::insert_member(tx, group, account).await? {
                true => Ok(()),
                false => Err(AccessError::Already),
            },
            Change::Leave(account) => match groups::remove_member(tx, group, account).await? {
                true => Ok(()),
                false => Err(AccessError::NotFound),
            },
        }
    }
}
