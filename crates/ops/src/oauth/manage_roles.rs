//! Roles of accounts and groups. What a role means, applications decide: they get the names.

use countersign_model::ids::AccountId;
use countersign_model::time::Timestamp;
use countersign_store::oauth::groups::{self, Holder, Listed};
use countersign_store::{Tx, Work};

use super::manage_groups::{AccessError, check_name, groups_of};
use crate::Core;

/// Who is to have a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleHolder {
    /// An account.
    Account(AccountId),
    /// All members of the group of this name.
    Group(String),
}

impl Core {
    /// Makes a role.
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn add_role(&self, name: &str) -> Result<(), AccessError> {
        check_name(name)?;
        let change = Change::Add { now: self.clock.now() };
        self.store.write(ChangeRole { role: name.to_owned(), change }).await
    }

    /// Removes a role: nobody has it any more.
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn remove_role(&self, name: &str) -> Result<(), AccessError> {
        self.store.write(ChangeRole { role: name.to_owned(), change: Change::Remove }).await
    }

    /// All roles, by name.
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn list_roles(&self) -> Result<Vec<Listed>, AccessError> {
        Ok(groups::list_roles(&mut self.store.read().await?).await?)
    }

    /// The groups and the roles of an account, by name; roles by its groups are among them.
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn access_of(&self, account: AccountId) -> Result<(Vec<String>, Vec<String>), AccessError> {
        Ok(groups_of(&mut self.store.read().await?, account).await?)
    }

    /// Gives a role.
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn grant_role(&self, role: &str, holder: RoleHolder) -> Result<(), AccessError> {
        self.store.write(ChangeRole { role: role.to_owned(), change: Change::Grant(holder) }).await
    }

    /// Takes a role back.
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn withdraw_role(&self, role: &str, holder: RoleHolder) -> Result<(), AccessError> {
        self.store.write(ChangeRole { role: role.to_owned(), change: Change::Withdraw(holder) }).await
    }
}

enum Change {
    Add { now: Timestamp },
    Remove,
    Grant(RoleHolder),
    Withdraw(RoleHolder),
}

struct ChangeRole {
    role: String,
    change: Change,
}

impl Work for ChangeRole {
    type Output = ();
    type Error = AccessError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), AccessError> {
        let done = |changed: bool, otherwise| if changed { Ok(()) } else { Err(otherwise) };
        match &self.change {
            Change::Add { now } => done(groups::insert_role(tx, &self.role, *now).await?, AccessError::Taken),
            Change::Remove => done(groups::remove_role(tx, &self.role).await?, AccessError::NotFound),
            Change::Grant(holder) => {
                let holder = find_holder(tx, holder).await?;
                let known = groups::has_role(tx, &self.role).await?;
                done(known, AccessError::NotFound)?;
                done(groups::insert_holder(tx, &self.role, holder).await?, AccessError::Already)
            }
            Change::Withdraw(holder) => {
                let holder = find_holder(tx, holder).await?;
                done(groups::remove_holder(tx, &self.role, holder).await?, AccessError::NotFound)
            }
        }
    }
}

async fn find_holder(tx: &mut Tx<'_>, holder: &RoleHolder) -> Result<Holder, AccessError> {
    match holder {
        RoleHolder::Account(account) => Ok(Holder::Account(*account)),
        RoleHolder::Group(name) => {
            groups::find_group(tx, name).await?.map(Holder::Group).ok_or(AccessError::NotFound)
        }
    }
}
