//! The names of a client's metadata, from the type that holds them.

use serde::de::value::Error;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde_json::{Map, Value};

use super::Metadata;

impl Metadata {
    /// The names of all members.
    pub fn members() -> &'static [&'static str] {
        let mut members: &[&str] = &[];
        // It holds nothing, so that there is nothing to be had but the names.
        let _nothing = Metadata::deserialize(Names(&mut members));
        members
    }

    /// Notes what an operator changed from `before`: it stays so, whatever the client says of itself later.
    #[must_use]
    pub fn keep_changes(mut self, before: &Metadata) -> Metadata {
        let (before, after) = (before.to_json(), self.to_json());
        let is_changed = |name: &&&str| **name != KEPT && before.get(**name) != after.get(**name);
        let changed = Metadata::members().iter().filter(is_changed).map(|name| (*name).to_owned());
        self.kept_members.extend(changed);
        self.kept_members.sort_unstable();
        self.kept_members.dedup();
        self
    }

    /// Puts what only operators set, and the members that they keep, in the place of what the client says of itself.
    pub fn insert_kept(&self, said: &mut Map<String, Value>) {
        let own = self.to_json();
        for name in self.kept_members.iter().map(String::as_str).chain(Metadata::OPERATORS) {
            match own.get(name) {
                Some(value) => said.insert(name.to_owned(), value.clone()),
                None => said.remove(name),
            };
        }
    }
}

const KEPT: &str = "kept_members";

/// Holds nothing, and notes which members it is asked for.
struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("no object"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        members: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = members;
        Err(Error::custom("nothing is in it"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
