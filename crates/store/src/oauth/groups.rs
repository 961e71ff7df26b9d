//! Groups, roles and who has them.

use countersign_model::ids::AccountId;
use countersign_model::time::Timestamp;

use crate::{Row, StoreError, Tx};

/// Who holds a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// An account.
    Account(AccountId),
    /// Every member of a group, by the group's id.
    Group(i64),
}

impl Holder {
    fn columns(self) -> (i64, i64) {
        match self {
            Holder::Account(account) => (1, account.0),
            Holder::Group(group) => (2, group),
        }
    }
}

/// A group or a role, and how many have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Members of a group; accounts and groups that hold a role.
    pub holders: i64,
}

/// Adds a group. `false` if the name is taken.
///
/// # Errors
/// [`StoreError`].
pub async fn insert_group(tx: &mut Tx<'_>, id: i64, name: &str, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "INSERT INTO groups (id, name, created_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, &[id.into(), name.into(), now.micros().into()]).await? == 1)
}

/// The id of the group with this name.
///
/// # Errors
/// [`StoreError`].
pub async fn find_group(tx: &mut Tx<'_>, name: &str) -> Result<Option<i64>, StoreError> {
    let row = tx.query_opt("SELECT id FROM groups WHERE name = ?1", &[name.into()]).await?;
    row.map(|row| row.int(0)).transpose()
}

/// Removes a group, with its members and what it holds.
///
/// # Errors
/// [`StoreError`].
pub async fn remove_group(tx: &mut Tx<'_>, id: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM groups WHERE id = ?1", &[id.into()]).await?;
    tx.execute("DELETE FROM group_members WHERE group_id = ?1", &[id.into()]).await?;
    tx.execute("DELETE FROM role_holders WHERE kind = 2 AND holder = ?1", &[id.into()]).await.map(drop)
}

/// All groups, by name.
///
/// # Errors
/// [`StoreError`].
pub async fn list_groups(tx: &mut Tx<'_>) -> Result<Vec<Listed>, StoreError> {
    let sql = "SELECT g.name, g.created_at, (SELECT COUNT(*) FROM group_members m WHERE m.group_id = g.id)
               FROM groups g ORDER BY g.name";
    tx.query(sql, &[]).await?.iter().map(listed).collect()
}

/// Makes an account a member. `false` if it is one already.
///
/// # Errors
/// [`StoreError`].
pub async fn insert_member(tx: &mut Tx<'_>, group: i64, account: AccountId) -> Result<bool, StoreError> {
    let sql = "INSERT INTO group_members (account_id, group_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, &[account.0.into(), group.into()]).await? == 1)
}

/// Ends a membership. `false` if there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn remove_member(tx: &mut Tx<'_>, group: i64, account: AccountId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM group_members WHERE account_id = ?1 AND group_id = ?2";
    Ok(tx.execute(sql, &[account.0.into(), group.into()]).await? == 1)
}

/// The members of a group, by id.
///
/// # Errors
/// [`StoreError`].
pub async fn members(tx: &mut Tx<'_>, group: i64) -> Result<Vec<AccountId>, StoreError> {
    let sql = "SELECT account_id FROM group_members WHERE group_id = ?1 ORDER BY account_id";
    tx.query(sql, &[group.into()]).await?.iter().map(|row| row.int(0).map(AccountId)).collect()
}

/// Adds a role. `false` if there is one of this name.
///
/// # Errors
/// [`StoreError`].
pub async fn insert_role(tx: &mut Tx<'_>, name: &str, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "INSERT INTO roles (name, created_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, &[name.into(), now.micros().into()]).await? == 1)
}

/// Whether there is a role of this name.
///
/// # Errors
/// [`StoreError`].
pub async fn has_role(tx: &mut Tx<'_>, name: &str) -> Result<bool, StoreError> {
    let row = tx.query_opt("SELECT created_at FROM roles WHERE name = ?1", &[name.into()]).await?;
    Ok(row.is_some())
}

/// Removes a role from everybody. `false` if there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn remove_role(tx: &mut Tx<'_>, name: &str) -> Result<bool, StoreError> {
    tx.execute("DELETE FROM role_holders WHERE role = ?1", &[name.into()]).await?;
    Ok(tx.execute("DELETE FROM roles WHERE name = ?1", &[name.into()]).await? == 1)
}

/// All roles, by name.
///
/// # Errors
/// [`StoreError`].
pub async fn list_roles(tx: &mut Tx<'_>) -> Result<Vec<Listed>, StoreError> {
    let sql = "SELECT r.name, r.created_at, (SELECT COUNT(*) FROM role_holders h WHERE h.role = r.name)
               FROM roles r ORDER BY r.name";
    tx.query(sql, &[]).await?.iter().map(listed).collect()
}

/// Gives a role. `false` if the holder has it already.
///
/// # Errors
/// [`StoreError`].
pub async fn insert_holder(tx: &mut Tx<'_>, role: &str, holder: Holder) -> Result<bool, StoreError> {
    let (kind, id) = holder.columns();
    let sql = "INSERT INTO role_holders (kind, holder, role) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, &[kind.into(), id.into(), role.into()]).await? == 1)
}

/// Takes a role back. `false` if the holder does not have it.
///
/// # Errors
/// [`StoreError`].
pub async fn remove_holder(tx: &mut Tx<'_>, role: &str, holder: Holder) -> Result<bool, StoreError> {
    let (kind, id) = holder.columns();
    let sql = "DELETE FROM role_holders WHERE kind = ?1 AND holder = ?2 AND role = ?3";
    Ok(tx.execute(sql, &[kind.into(), id.into(), role.into()]).await? == 1)
}

/// The names of an account's groups, in the order of their bytes.
///
/// # Errors
/// [`StoreError`].
pub async fn of_account(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT g.name FROM group_members m JOIN groups g ON g.id = m.group_id WHERE m.account_id = ?1";
    names(tx, sql, account).await
}

/// The names of an account's own roles and those of its groups, each once, in the order of their bytes.
///
/// # Errors
/// [`StoreError`].
pub async fn roles_of(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT role FROM role_holders WHERE kind = 1 AND holder = ?1
               UNION SELECT h.role FROM group_members m
               JOIN role_holders h ON h.kind = 2 AND h.holder = m.group_id WHERE m.account_id = ?1";
    names(tx, sql, account).await
}

/// Takes an account out of all groups and roles.
///
/// # Errors
/// [`StoreError`].
pub async fn forget_account(tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
    let id = [account.0.into()];
    tx.execute("DELETE FROM group_members WHERE account_id = ?1", &id).await?;
    tx.execute("DELETE FROM role_holders WHERE kind = 1 AND holder = ?1", &id).await.map(drop)
}

/// Sorted here, since the engines sort text by different rules.
async fn names(tx: &mut Tx<'_>, sql: &'static str, account: AccountId) -> Result<Vec<String>, StoreError> {
    let rows = tx.query(sql, &[account.0.into()]).await?;
    let mut names: Vec<String> =
        rows.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<_, _>>()?;
    names.sort();
    Ok(names)
}

fn listed(row: &Row) -> Result<Listed, StoreError> {
    Ok(Listed {
        name: row.text(0)?.to_owned(),
        created_at: Timestamp::from_micros(row.int(1)?),
        holders: row.int(2)?,
    })
}
