//! The fields of a request, whatever their encoding was.
//!
//! The getters return facts; what to say about them is each surface's own matter.

use std::collections::BTreeMap;

use serde_json::Value;

/// The fields of a body or of a query string. Has no `Debug`: it holds passwords.
#[derive(Default)]
pub struct Fields(BTreeMap<String, Value>);

/// Why a field cannot be used as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not there.
    Missing,
    /// JSON `null`.
    Null,
    /// There, but of this JSON type.
    WrongType(JsonType),
    /// An empty text.
    Blank,
    /// A text with a NUL character, which no field may hold.
    Nul,
}

/// The types of JSON, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonType {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// A text.
    String,
    /// A list.
    Array,
    /// An object.
    Object,
}

impl JsonType {
    /// The type of a value.
    pub fn of(value: &Value) -> JsonType {
        match value {
            Value::Null => JsonType::Null,
            Value::Bool(_) => JsonType::Boolean,
            Value::Number(_) => JsonType::Number,
            Value::String(_) => JsonType::String,
            Value::Array(_) => JsonType::Array,
            Value::Object(_) => JsonType::Object,
        }
    }
}

impl Fields {
    /// Adds a field; `false` if there is one of this name, which stays.
    pub(super) fn insert(&mut self, name: String, value: Value) -> bool {
        match self.0.entry(name) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(value);
                true
            }
            std::collections::btree_map::Entry::Occupied(_) => false,
        }
    }

    /// All of them, as of a JSON object.
    pub fn into_members(self) -> serde_json::Map<String, Value> {
        self.0.into_iter().collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value as it came: in a form every value is a text.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A text that is not empty. White space is left alone.
    ///
    /// # Errors
    /// The [`Fault`].
    pub fn text(&self, name: &str) -> Result<&str, Fault> {
        match self.0.get(name) {
            None => Err(Fault::Missing),
            Some(Value::Null) => Err(Fault::Null),
            Some(Value::String(text)) if text.is_empty() => Err(Fault::Blank),
            Some(Value::String(text)) if text.contains('\0') => Err(Fault::Nul),
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(Fault::WrongType(JsonType::of(other))),
        }
    }

    /// A text that may be left out, but if it is there it is a text and not empty.
    ///
    /// # Errors
    /// The [`Fault`], never [`Fault::Missing`].
    pub fn optional_text(&self, name: &str) -> Result<Option<&str>, Fault> {
        match self.text(name) {
            Ok(text) => Ok(Some(text)),
            Err(Fault::Missing) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// A boolean that may be left out: JSON `true`/`false`, or the texts `true`, `false`, `1`, `0`.
    ///
    /// # Errors
    /// The [`Fault`], never [`Fault::Missing`].
    pub fn optional_flag(&self, name: &str) -> Result<Option<bool>, Fault> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Null) => Err(Fault::Null),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) => match text.as_str() {
                "true" | "1" => Ok(Some(true)),
                "false" | "0" => Ok(Some(false)),
                "" => Err(Fault::Blank),
                _ => Err(Fault::WrongType(JsonType::String)),
            },
            Some(other) => Err(Fault::WrongType(JsonType::of(other))),
        }
    }

    /// Adds the fields of another place. A field that stands in both must say the same.
    ///
    /// # Errors
    /// The name of a field that says two things.
    pub fn merge(&mut self, other: Fields) -> Result<(), String> {
        for (name, value) in other.0 {
            match self.0.get(&name) {
                None => drop(self.0.insert(name, value)),
                Some(mine) if plain(mine) == plain(&value) => {}
                Some(_) => return Err(name),
            }
        }
        Ok(())
    }
}

/// The text of a value, so that JSON `true` and the query's `true` are one.
fn plain(value: &Value) -> std::borrow::Cow<'_, str> {
    value.as_str().map_or_else(|| value.to_string().into(), Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: Value) -> Fields {
        let Value::Object(map) = json else { panic!("an object") };
        Fields(map.into_iter().collect())
    }

    #[test]
    fn getters_tell_what_is_wrong() {
        let f = fields(
            serde_json::json!({"n": null, "i": 1, "e": "", "z": "a\u{0}", "ok": " x ", "t": true, "o": "1"}),
        );
        assert_eq!(f.text("none"), Err(Fault::Missing));
        assert_eq!(f.text("n"), Err(Fault::Null));
        assert_eq!(f.text("i"), Err(Fault::WrongType(JsonType::Number)));
        assert_eq!(f.text("e"), Err(Fault::Blank));
        assert_eq!(f.text("z"), Err(Fault::Nul));
        assert_eq!(f.text("ok"), Ok(" x "));
        assert_eq!(f.optional_text("none"), Ok(None));
        assert_eq!(f.optional_flag("t"), Ok(Some(true)));
        assert_eq!(f.optional_flag("o"), Ok(Some(true)));
        assert_eq!(f.optional_flag("none"), Ok(None));
        assert_eq!(f.optional_flag("i"), Err(Fault::WrongType(JsonType::Number)));
        assert_eq!(f.optional_flag("ok"), Err(Fault::WrongType(JsonType::String)));
    }

    #[test]
    fn two_places_must_agree() {
        let mut body = fields(serde_json::json!({"a": "1", "all": true}));
        assert_eq!(body.merge(fields(serde_json::json!({"a": "1", "all": "true", "b": "2"}))), Ok(()));
        assert_eq!(body.text("b"), Ok("2"));
        assert_eq!(body.merge(fields(serde_json::json!({"a": "2"}))), Err("a".to_owned()));
    }
}
