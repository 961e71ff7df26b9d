//! Claims about a person, from what is stored about their account.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_model::account::Profile;
use countersign_model::identifier::IdentifierKind;
use countersign_model::ids::AccountId;
use countersign_model::oauth::claims::of_scope;
use countersign_model::oauth::configured_claims::settle;
use countersign_model::oauth::{AccountFact, ClaimSource, Client, ConfiguredClaim, ConfiguredClaims, Scope};
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

/// What is to be said of a person.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    names: ClaimNames,
    configured: Vec<Arc<ConfiguredClaim>>,
}

impl Asked {
    /// Claims of these names, and those that the operator has added for this scope or that are among the names. A name
    /// that was asked for singly was allowed with its scope: it counts as long as the client may have that.
    pub(crate) fn of(
        configured: &ConfiguredClaims,
        client: Option<&Client>,
        scope: &Scope,
        mut names: ClaimNames,
    ) -> Asked {
        let may = |of: &str| scope.has(of) || client.is_some_and(|client| client.metadata.scope.has(of));
        names.retain(|name| configured.scope_of(name).is_some_and(may));
        let configured = configured.told_to(client.map(|client| client.id.as_str()), |claim| {
            scope.has(&claim.scope) || names.contains(&claim.name)
        });
        Asked { names, configured }
    }

    /// Whether a claim of this name is among them.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Whether there is nothing to say.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.configured.is_empty()
    }

    /// Whether groups and roles must be known.
    pub(crate) fn needs_groups(&self) -> bool {
        self.has("groups") || self.has("roles") || self.configured.iter().any(|claim| claim.is_for_members())
    }

    fn needs_verified(&self) -> bool {
        let facts = [AccountFact::Email, AccountFact::Phone].map(ClaimSource::Fact);
        self.names.contains("email_verified")
            || self.names.contains("phone_number_verified")
            || self.configured.iter().any(|claim| facts.contains(&claim.source))
    }
}

/// What is stored about an account, as far as claims were asked for.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    asked: Asked,
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
        asked: Asked,
    ) -> Result<Option<Person>, StoreError> {
        let (groups, roles) = match asked.needs_groups() {
            true => groups_of(tx, account).await?,
            false => Default::default(),
        };
        Person::of(tx, account, asked, groups, roles).await
    }

    /// The same where groups and roles have been read, if they are needed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn of(
        tx: &mut Tx<'_>,
        account: AccountId,
        asked: Asked,
        groups: Vec<String>,
        roles: Vec<String>,
    ) -> Result<Option<Person>, StoreError> {
        let Some(row) = accounts::find(tx, account).await? else { return Ok(None) };
        let mut verified = Vec::new();
        if asked.needs_verified() {
            let kinds = identifiers::of_account(tx, account).await?;
            verified = kinds.into_iter().filter(|(_, at)| at.is_some()).map(|(kind, _)| kind).collect();
        }
        Ok(Some(Person { asked, profile: row.profile, verified, groups, roles }))
    }

    /// What the operator has added, as far as it is for this person and `is_wanted`.
    fn configured(
        &self,
        profile: &Profile,
        is_wanted: impl Fn(&ConfiguredClaim) -> bool,
    ) -> Map<String, Value> {
        let is_verified = |kind| self.verified.contains(&kind);
        let value = |claim: &ConfiguredClaim| match &claim.source {
            ClaimSource::Value(value) => Some(value.clone()),
            ClaimSource::Fact(fact) => match fact {
                AccountFact::Username => profile.username.as_deref().and_then(text),
                AccountFact::Email if is_verified(IdentifierKind::Email) => {
                    profile.email.as_deref().and_then(text)
                }
                AccountFact::Phone if is_verified(IdentifierKind::Phone) => {
                    profile.phone.as_deref().and_then(text)
                }
                AccountFact::Email | AccountFact::Phone => None,
                AccountFact::Name => text(&full_name(profile)),
                AccountFact::GivenName => text(&profile.first_name),
                AccountFact::FamilyName => text(&profile.last_name),
            },
        };
        let theirs = self.asked.configured.iter().filter(|claim| claim.is_for(&self.groups, &self.roles));
        let wanted = theirs.filter(|claim| is_wanted(claim));
        settle(wanted.filter_map(|claim| Some((claim.name.clone(), value(claim)?))))
    }
}

fn text(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| text.into())
}

fn full_name(profile: &Profile) -> String {
    format!("{} {}", profile.first_name, profile.last_name).trim().to_owned()
}

impl Core {
    /// The claims that were asked for, as far as there is something to say.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(crate) fn claims_about(&self, person: &Person) -> Result<Map<String, Value>, Unavailable> {
        let Person { asked, profile, verified, groups, roles } = person;
        let profile = self.open_profile(profile)?;
        let is_verified = |kind, of: &Option<String>| of.as_ref().map(|_| verified.contains(&kind).into());
        let say = |claim: &str| match claim {
            "name" => text(&full_name(&profile)),
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
        let mut claims = person.configured(&profile, |_| true);
        claims.extend(asked.names.iter().filter_map(|claim| Some((claim.clone(), say(claim)?))));
        Ok(claims)
    }

    /// Those of them that the operator has added for this scope: what an access token says, which has no single
    /// claims.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(crate) fn configured_claims(
        &self,
        person: &Person,
        scope: &Scope,
    ) -> Result<Map<String, Value>, Unavailable> {
        if person.asked.configured.is_empty() {
            return Ok(Map::new());
        }
        let profile = self.open_profile(&person.profile)?;
        Ok(person.configured(&profile, |claim| scope.has(&claim.scope)))
    }
}
