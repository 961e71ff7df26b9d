//! What the tokens of a grant say of its account: groups, roles, and what else is asked for.

use countersign_model::ids::AccountId;
use countersign_model::oauth::{Client, Scope, StatusIndex};
use countersign_store::{StoreError, Tx};

use super::issue::{Carried, DrawnTokens};
use super::manage_groups::groups_of;
use super::person_claims::{Asked, ClaimNames, Person};

/// The groups and roles of an account, and what else tokens say of it, where they are asked for; and where its
/// grant stands in the status lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Membership {
    /// Its groups.
    pub groups: Option<Vec<String>>,
    /// Its roles.
    pub roles: Option<Vec<String>>,
    /// What tokens say in particular.
    pub person: Option<Person>,
    /// The grant's place.
    pub status: Option<StatusIndex>,
}

/// Bytes of groups and roles as JSON: a signed token has at most `MAX_BYTES`, a quarter of which its encoding takes,
/// and there are authorization details and configured claims in it too, of 4 KiB each.
const MOST_BYTES: usize = 14 * 1024;

/// What the account is a member of, as far as the scope asks; `None` if the client is for groups that the
/// account is not in.
///
/// # Errors
/// [`StoreError`], also if it is more than a signed token holds: what was presented for the token stays unused then.
pub(crate) async fn membership(
    tx: &mut Tx<'_>,
    client: &Client,
    account: AccountId,
    drawn: &DrawnTokens,
    carried: &Carried,
) -> Result<Option<Membership>, StoreError> {
    let only = &client.metadata.groups;
    let scope = &carried.access.scope;
    let asked = asked_of_person(client, drawn, carried);
    let (has_groups, has_roles) = (scope.has(Scope::GROUPS), scope.has(Scope::ROLES));
    let mut known = None;
    if !only.is_empty() || has_groups || has_roles || asked.needs_groups() {
        known = Some(groups_of(tx, account).await?);
    }
    let is_member = |(groups, _): &(Vec<String>, _)| groups.iter().any(|group| only.contains(group));
    if !only.is_empty() && !known.as_ref().is_some_and(is_member) {
        return Ok(None);
    }
    let (groups, roles) = known.unwrap_or_default();
    let is_signed = scope.has(Scope::OPENID) || drawn.is_signed();
    // The scopes are called as the claims are.
    let is_told = |name: &str| (is_signed && scope.has(name)) || asked.has(name);
    let lists = [(Scope::GROUPS, &groups), (Scope::ROLES, &roles)];
    check_size(lists.into_iter().filter(|(name, _)| is_told(name)).flat_map(|(_, names)| names))?;
    let person = match asked.is_empty() {
        true => None,
        false => Person::of(tx, account, asked, groups.clone(), roles.clone()).await?,
    };
    let (groups, roles) = (has_groups.then_some(groups), has_roles.then_some(roles));
    Ok(Some(Membership { groups, roles, person, status: None }))
}

/// Whether names fit into a signed token.
fn check_size<'a>(told: impl Iterator<Item = &'a String>) -> Result<(), StoreError> {
    let bytes: usize = told.map(|name| name.len() + r#""","#.len()).sum();
    match bytes {
        0..=MOST_BYTES => Ok(()),
        _ => Err(StoreError::Broken(format!(
            "groups and roles of {bytes} bytes do not fit into a token, which holds {MOST_BYTES}; \
             take the account out of some, or the scopes from the client"
        ))),
    }
}

/// What signed tokens of this grant say of the person besides groups and roles: single claims in an ID token, and what
/// the operator has added for the scope.
fn asked_of_person(client: &Client, drawn: &DrawnTokens, carried: &Carried) -> Asked {
    let Carried { access, told, .. } = carried;
    let has_id_token = access.scope.has(Scope::OPENID);
    if !has_id_token && !drawn.is_signed() {
        return Asked::default();
    }
    let names = if has_id_token { told.clone() } else { ClaimNames::new() };
    Asked::of(&drawn.configured, Some(client), &access.scope, names)
}
