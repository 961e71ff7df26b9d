//! Claims about a person, from what is stored about their account.

use std::collections::BTreeSet;

use countersign_model::identifier::IdentifierKind;
use countersign_model::ids::AccountId;
use countersign_model::oauth::Scope;
use countersign_model::oauth::claims::of_scope;
use countersign_store::{StoreError, Tx, accounts, identifiers};
use serde_json::{Map, Value};

use super::manage_groups::groups_of;
use crate::{Core, Unavailable};

/// Names of claims.
pub(crate) type ClaimNames = BTreeSet<String>;

/// The claims that a scope stands for.
pub(crate) fn names_of(scope: &Scope) -> ClaimNames {
    scope.names().flat_map(of_scope).map(|name| (*name).to_owned()).collect()
}

/// What is stored about an account, as far as claims were asked for.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    names: ClaimNames,
    profile: Vec<u8>,
    verified: Vec<IdentifierKind>,
    groups: Vec<String>,
    roles: Vec<String>,
}

impl Person {
    /// Reads what these claims need; `None` if there is no such account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn read(
        tx: &mut Tx<'_>,
        account: AccountId,
        names: ClaimNames,
    ) -> Result<Option<Person>, StoreError> {
        let Some(row) = accounts::find(tx, account).await? else { return Ok(None) };
        let has = |name: &str| names.contains(name);
        let mut verified = Vec::new();
        if has("email_verified") || has("phone_number_verified") {
            let kinds = identifiers::of_account(tx, account).await?;
            verified = kinds.into_iter().filter(|(_, at)| at.is_some()).map(|(kind, _)| kind).collect();
        }
        let (mut groups, mut roles) = (Vec::new(), Vec::new());
        if has("groups") || has("roles") {
            (groups, roles) = groups_of(tx, account).await?;
        }
        Ok(Some(Person { names, profile: row.profile, verified, groups, roles }))
    }
}

impl Core {
    /// The claims that were asked for, as far as there is something to say.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(crate) fn claims_about(&self, person: &Person) -> Result<Map<String, Value>, Unavailable> {
        let Person { names, profile, verified, groups, roles } = person;
        let profile = self.open_profile(profile)?;
        let name = format!("{} {}", profile.first_name, profile.last_name);
        let text = |text: &str| Some(text).filter(|text| !text.is_empty()).map(Value::from);
        let is_verified = |kind, of: &Option<String>| of.as_ref().map(|_| verified.contains(&kind).into());
        let say = |claim: &str| match claim {
            "name" => text(name.trim()),
            "given_name" => text(&profile.first_name),
            "family_name" => text(&profile.last_name),
            "preferred_username" => profile.username.as_deref().and_then(text),
            "email" => profile.email.as_deref().and_then(text),
            "email_verified" => is_verified(IdentifierKind::Email, &profile.email),
            "phone_number" => profile.phone.as_deref().and_then(text),
            "phone_number_verified" => is_verified(IdentifierKind::Phone, &profile.phone),
            "groups" => Some(groups.clone().into()),
            "roles" => Some(roles.clone().into()),
            // Nobody knows when a profile was changed.
            _ => None,
        };
        Ok(names.iter().filter_map(|claim| Some((claim.clone(), say(claim)?))).collect())
    }
}
