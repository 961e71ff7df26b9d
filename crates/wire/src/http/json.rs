//! JSON objects, read strictly: no name twice, no deep nesting, nothing after the value.
//!
//! serde_json by itself takes the last of two equal names, so that a proxy and this server could
//! read two different requests in one body (R107), and nests 128 deep (R119 asks for 32).

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{Fields, JsonType};

/// The deepest nesting (R119).
const MAX_DEPTH: u8 = 32;

/// Why it is no JSON object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON; the text says why and where, without repeating the input.
    #[error("{0}")]
    Malformed(String),
    /// JSON, but of another type.
    #[error("not an object")]
    NotAnObject(JsonType),
}

pub(super) fn parse(body: &[u8]) -> Result<Fields, JsonError> {
    let text = std::str::from_utf8(body).map_err(|_| JsonError::Malformed("not UTF-8".to_owned()))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict { depth: 0 }.deserialize(&mut reader).map_err(|e| malformed(&e))?;
    reader.end().map_err(|e| malformed(&e))?;
    let Value::Object(map) = value else { return Err(JsonError::NotAnObject(JsonType::of(&value))) };
    let mut fields = Fields::default();
    for (name, value) in map {
        fields.insert(name, value);
    }
    Ok(fields)
}

fn malformed(error: &serde_json::Error) -> JsonError {
    JsonError::Malformed(error.to_string())
}

/// Reads a value at this depth.
#[derive(Clone, Copy)]
struct Strict {
    depth: u8,
}

impl Strict {
    fn inner<E: Error>(self) -> Result<Strict, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom("nested too deeply"));
        }
        Ok(Strict { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut map = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            if map.contains_key(&name) {
                return Err(A::Error::custom("a name is given twice"));
            }
            map.insert(name, object.next_value_seed(inner)?);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read() {
        let f = parse(br#" {"a":"x","b":[1,-2,1.5,{"c":null}],"d":true} "#).ok().unwrap();
        assert_eq!(f.text("a"), Ok("x"));
        assert_eq!(f.value("b"), Some(&serde_json::json!([1, -2, 1.5, {"c": null}])));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert_eq!(parse(b"[]").err(), Some(JsonError::NotAnObject(JsonType::Array)));
        assert_eq!(parse(b"\"x\"").err(), Some(JsonError::NotAnObject(JsonType::String)));
        for bad in [
            &b""[..],
            b"{",
            b"{}x",
            b"{\"a\":1,\"a\":1}",
            b"{\"a\":{\"b\":1,\"b\":2}}",
            b"{\"a\":\"\xff\"}",
            b"{\"a\":\"\\ud800\"}",
            b"{'a':1}",
            b"\xef\xbb\xbf{}",
            b"{\"a\":1e999}",
        ] {
            assert!(matches!(parse(bad), Err(JsonError::Malformed(_))), "{:?}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn nesting_ends_at_32() {
        let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert!(parse(nested(32).as_bytes()).is_ok());
        assert!(parse(nested(33).as_bytes()).is_err());
        assert!(parse("[".repeat(60_000).as_bytes()).is_err());
    }
}
