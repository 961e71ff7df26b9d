//! Claims that an operator adds to those of OpenID Connect: each under a scope, for some people, to some clients.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::claims;

/// A claim that an operator adds. Several may have one name, for different people or clients.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfiguredClaim {
    /// Its name, which is none of [`claims::is_reserved`].
    pub name: String,
    /// The scope that stands for it: one for all that have its name.
    pub scope: String,
    /// Only for members of one of these groups.
    pub groups: Vec<String>,
    /// Or for those who have one of these roles. If both lists are empty it is for everybody.
    pub roles: Vec<String>,
    /// Only to these clients; to every client if there is none.
    pub clients: Vec<String>,
    /// What it says.
    pub source: ClaimSource,
}

/// What a claim says.
#[derive(Clone, Debug, PartialEq)]
pub enum ClaimSource {
    /// This.
    Value(Value),
    /// What is stored about the account; nothing if that is not there.
    Fact(AccountFact),
}

/// Something that is stored about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountFact {
    /// The username.
    Username,
    /// The address, if it is verified.
    Email,
    /// The number, if it is verified.
    Phone,
    /// Both names.
    Name,
    /// The first name.
    GivenName,
    /// The last name.
    FamilyName,
}

impl ConfiguredClaim {
    /// Whether this client may be told. A token of the five documents has no client.
    fn is_for_client(&self, client: Option<&str>) -> bool {
        self.clients.is_empty()
            || client.is_some_and(|client| self.clients.iter().any(|known| known == client))
    }

    /// Whether it depends on groups or roles.
    pub fn is_for_members(&self) -> bool {
        !self.groups.is_empty() || !self.roles.is_empty()
    }

    /// Whether it is for an account of these groups and roles.
    pub fn is_for(&self, groups: &[String], roles: &[String]) -> bool {
        let is_one = |wanted: &[String], own: &[String]| wanted.iter().any(|name| own.contains(name));
        !self.is_for_members() || is_one(&self.groups, groups) || is_one(&self.roles, roles)
    }
}

/// All that are configured, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfiguredClaims(Vec<Arc<ConfiguredClaim>>);

impl FromIterator<ConfiguredClaim> for ConfiguredClaims {
    fn from_iter<I: IntoIterator<Item = ConfiguredClaim>>(all: I) -> ConfiguredClaims {
        ConfiguredClaims(all.into_iter().map(Arc::new).collect())
    }
}

impl ConfiguredClaims {
    /// Each, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &ConfiguredClaim> {
        self.0.iter().map(|claim| &**claim)
    }

    /// Their names, each once.
    pub fn names(&self) -> Vec<&str> {
        once(self.0.iter().map(|claim| claim.name.as_str()))
    }

    /// Their scopes, each once.
    pub fn scopes(&self) -> Vec<&str> {
        once(self.0.iter().map(|claim| claim.scope.as_str()))
    }

    /// The scope that stands for a claim, be it configured or not; see [`claims::scope_of`].
    pub fn scope_of(&self, claim: &str) -> Option<&str> {
        let configured = || self.0.iter().find(|known| known.name == claim).map(|known| known.scope.as_str());
        claims::scope_of(claim).or_else(configured)
    }

    /// Those that this client may be told, of those that are asked for.
    pub fn told_to(
        &self,
        client: Option<&str>,
        is_asked: impl Fn(&ConfiguredClaim) -> bool,
    ) -> Vec<Arc<ConfiguredClaim>> {
        let told = self.0.iter().filter(|claim| claim.is_for_client(client) && is_asked(claim));
        told.cloned().collect()
    }
}

fn once<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// What several of one name say together: what the first says, or, if all are lists, what is in any of them.
pub fn settle(said: impl IntoIterator<Item = (String, Value)>) -> Map<String, Value> {
    let mut by_name: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (name, value) in said {
        by_name.entry(name).or_default().push(value);
    }
    by_name.into_iter().filter_map(|(name, values)| Some((name, settled(values)?))).collect()
}

fn settled(values: Vec<Value>) -> Option<Value> {
    let lists: Option<Vec<&Vec<Value>>> = values.iter().map(Value::as_array).collect();
    let Some(lists) = lists else { return values.into_iter().next() };
    let mut all: Vec<Value> = Vec::new();
    for item in lists.into_iter().flatten() {
        if !all.contains(item) {
            all.push(item.clone());
        }
    }
    Some(all.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claim(name: &str, scope: &str) -> ConfiguredClaim {
        ConfiguredClaim {
            name: name.to_owned(),
            scope: scope.to_owned(),
            groups: Vec::new(),
            roles: Vec::new(),
            clients: Vec::new(),
            source: ClaimSource::Value(json!(1)),
        }
    }

    #[test]
    fn the_first_one_counts_and_lists_are_joined() {
        let said = |values: &[Value]| {
            let all = settle(values.iter().map(|value| ("a".to_owned(), value.clone())));
            all.get("a").cloned()
        };
        assert_eq!(said(&[]), None);
        assert_eq!(said(&[json!("x"), json!("y")]), Some(json!("x")));
        assert_eq!(said(&[json!(["x", "y"]), json!(["y", "z"]), json!([])]), Some(json!(["x", "y", "z"])));
        assert_eq!(said(&[json!(["x"]), json!(["y"]), json!("z")]), Some(json!(["x"])));
        assert_eq!(said(&[json!("z"), json!(["x"])]), Some(json!("z")));
        assert_eq!(said(&[json!({"x": 1}), json!({"y": 1})]), Some(json!({"x": 1})));
        let two = settle([("a".to_owned(), json!([1])), ("b".to_owned(), json!([2]))]);
        assert_eq!(Value::Object(two), json!({"a": [1], "b": [2]}));
    }

    #[test]
    fn a_claim_is_for_its_people_and_its_clients() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let everybody = claim("a", "profile");
        assert!(everybody.is_for(&[], &[]) && everybody.is_for_client(None));
        let both = ConfiguredClaim { groups: texts(&["g"]), roles: texts(&["r"]), ..everybody.clone() };
        assert!(both.is_for(&texts(&["x", "g"]), &[]) && both.is_for(&[], &texts(&["r"])));
        assert!(!both.is_for(&texts(&["r"]), &texts(&["g"])) && !both.is_for(&[], &[]));
        let limited = ConfiguredClaim { clients: texts(&["c"]), ..everybody };
        assert!(limited.is_for_client(Some("c")));
        assert!(!limited.is_for_client(Some("d")) && !limited.is_for_client(None));
    }

    #[test]
    fn a_claim_stands_under_its_scope() {
        let all: ConfiguredClaims =
            [claim("a", "one"), claim("b", "two"), claim("a", "one")].into_iter().collect();
        assert_eq!((all.names(), all.scopes()), (vec!["a", "b"], vec!["one", "two"]));
        assert_eq!((all.scope_of("a"), all.scope_of("email")), (Some("one"), Some("email")));
        assert_eq!((all.scope_of("sub"), all.scope_of("c")), (None, None));
        let told = all.told_to(None, |claim| claim.scope == "one");
        assert_eq!(told.len(), 2);
    }
}
