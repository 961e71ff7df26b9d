//! Scopes (RFC 6749 §3.3).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// More scopes than this in one request are refused.
const MAX: usize = 50;

/// A set of scopes; written in their order, so that equal sets are equal texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(BTreeSet<String>);

/// A text that is no list of scopes. `MetadataFault::rule` tells what stands behind `, expected `.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no list of scopes, expected names parted by single spaces, at most {}", MAX)]
pub struct InvalidScope;

impl Scope {
    /// An ID token is asked for.
    pub const OPENID: &'static str = "openid";
    /// Names.
    pub const PROFILE: &'static str = "profile";
    /// The e-mail address.
    pub const EMAIL: &'static str = "email";
    /// The phone number.
    pub const PHONE: &'static str = "phone";
    /// A grant that outlives the browser's session.
    pub const OFFLINE: &'static str = "offline_access";
    /// The names of the account's groups.
    pub const GROUPS: &'static str = "groups";
    /// The names of the account's roles.
    pub const ROLES: &'static str = "roles";

    /// Those with a meaning of their own here, as discovery lists them.
    pub const KNOWN: [&'static str; 7] = [
        Scope::OPENID,
        Scope::PROFILE,
        Scope::EMAIL,
        Scope::PHONE,
        Scope::OFFLINE,
        Scope::GROUPS,
        Scope::ROLES,
    ];

    /// Reads a list, whose items are parted by single spaces; the empty text is the empty set.
    ///
    /// # Errors
    /// [`InvalidScope`].
    pub fn parse(text: &str) -> Result<Scope, InvalidScope> {
        if text.is_empty() {
            return Ok(Scope::default());
        }
        let names: Vec<&str> = text.split(' ').collect();
        let is_name = |name: &&str| {
            !name.is_empty() && name.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
        };
        if names.len() > MAX || !names.iter().all(is_name) {
            return Err(InvalidScope);
        }
        Ok(Scope(names.into_iter().map(str::to_owned).collect()))
    }

    /// Whether this one is asked for.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether the other set has all of these.
    pub fn is_subset(&self, of: &Scope) -> bool {
        self.0.is_subset(&of.0)
    }

    /// Those in both.
    pub fn intersect(&self, other: &Scope) -> Scope {
        Scope(self.0.intersection(&other.0).cloned().collect())
    }

    /// Those in either.
    pub fn union(&self, other: &Scope) -> Scope {
        Scope(self.0.union(&other.0).cloned().collect())
    }

    /// These without the others.
    pub fn without(&self, other: &Scope) -> Scope {
        Scope(self.0.difference(&other.0).cloned().collect())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { " " })?;
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Scope, D::Error> {
        Scope::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_set_of_names() {
        let scope = Scope::parse("profile openid profile").unwrap();
        assert_eq!(scope.to_string(), "openid profile");
        assert!(Scope::parse("openid").unwrap().is_subset(&scope));
        for bad in [" ", "a  b", " a", "a ", "a\tb", "a\"b", "a\\b", "ä", &"a ".repeat(51)] {
            assert_eq!(Scope::parse(bad), Err(InvalidScope), "{bad}");
        }
    }
}
