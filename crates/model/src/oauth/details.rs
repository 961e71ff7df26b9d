//! What exactly is asked for, beyond names of scopes (RFC 9396, rich authorization requests).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::oauth::metadata::turns_text;

/// More than this in one request are refused.
const MAX: usize = 20;

/// A longer text is refused: it goes into signed tokens.
const MAX_BYTES: usize = 4096;

/// The common members that are lists of texts (RFC 9396 §2.2).
const LISTS: [&str; 4] = ["locations", "actions", "datatypes", "privileges"];

/// A list of authorization details.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuthorizationDetails(Vec<Map<String, Value>>);

/// A text that is no list of authorization details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a list of authorization details")]
pub struct InvalidDetails;

impl AuthorizationDetails {
    /// Reads a list. Each has a `type`; the common members are as RFC 9396 §2.2 has them, others are what
    /// their type makes of them.
    ///
    /// # Errors
    /// [`InvalidDetails`].
    pub fn parse(text: &str) -> Result<AuthorizationDetails, InvalidDetails> {
        if text.len() > MAX_BYTES {
            return Err(InvalidDetails);
        }
        let read: AuthorizationDetails = serde_json::from_str(text).map_err(|_| InvalidDetails)?;
        let is_right = (1..=MAX).contains(&read.0.len()) && read.0.iter().all(is_detail);
        // Written anew, or an escape would hide it.
        let shown = serde_json::to_string(&read).map_err(|_| InvalidDetails)?;
        (is_right && !shown.contains(turns_text)).then_some(read).ok_or(InvalidDetails)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each.
    pub fn iter(&self) -> impl Iterator<Item = &Map<String, Value>> {
        self.0.iter()
    }

    /// The type of each.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|detail| detail.get("type")?.as_str())
    }

    /// Where they are for, as far as they say (RFC 9396 §2.2).
    pub fn locations(&self) -> impl Iterator<Item = &str> {
        let all = self.0.iter().filter_map(|detail| detail.get("locations")?.as_array());
        all.flatten().filter_map(Value::as_str)
    }

    /// Whether each of the others asks for no more than one of these. Only the common lists can be
    /// compared: in everything else it must be the same, since what is less only its type would know.
    pub fn cover(&self, asked: &AuthorizationDetails) -> bool {
        asked.0.iter().all(|one| {
            // What was allowed once, such as a payment, is not had twice.
            let times = asked.0.iter().filter(|other| covers(other, one) && covers(one, other)).count();
            self.0.iter().filter(|granted| covers(granted, one)).count() >= times
        })
    }

    /// Those of these types.
    #[must_use]
    pub fn of_types(&self, types: &[String]) -> AuthorizationDetails {
        let is_one = |detail: &&Map<String, Value>| {
            let own = detail.get("type").and_then(Value::as_str);
            types.iter().any(|name| own == Some(name))
        };
        AuthorizationDetails(self.0.iter().filter(is_one).cloned().collect())
    }

    /// Those for this audience: a detail that names its locations is for these only (RFC 9396 §2.2).
    pub fn for_audience(&self, audience: &[String]) -> AuthorizationDetails {
        let is_for = |detail: &&Map<String, Value>| {
            let locations = detail.get("locations").and_then(Value::as_array);
            let is_there = |location: &Value| audience.iter().any(|one| location == one);
            audience.is_empty() || locations.is_none_or(|locations| locations.iter().any(is_there))
        };
        AuthorizationDetails(self.0.iter().filter(is_for).cloned().collect())
    }
}

fn is_detail(detail: &Map<String, Value>) -> bool {
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let is_list =
        |value: &Value| value.as_array().is_some_and(|texts| !texts.is_empty() && texts.iter().all(is_text));
    detail.get("type").is_some_and(is_text)
        && LISTS.iter().all(|name| detail.get(*name).is_none_or(is_list))
        && detail.get("identifier").is_none_or(is_text)
}

fn covers(granted: &Map<String, Value>, asked: &Map<String, Value>) -> bool {
    let is_within = |(name, value): (&String, &Value)| match (granted.get(name), value) {
        (Some(Value::Array(all)), Value::Array(some)) if LISTS.contains(&name.as_str()) => {
            some.iter().all(|one| all.contains(one))
        }
        (Some(same), value) => same == value,
        (None, _) => false,
    };
    granted.len() == asked.len() && asked.iter().all(is_within)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<AuthorizationDetails, InvalidDetails> {
        AuthorizationDetails::parse(&value.to_string())
    }

    #[test]
    fn details_are_a_list_of_objects_with_a_type() {
        let read_one =
            read(json!([{"type": "account", "actions": ["read"], "x": {"y": [1, null]}}])).unwrap();
        assert_eq!(read_one.types().collect::<Vec<_>>(), ["account"]);
        let long = "x".repeat(MAX_BYTES);
        for bad in [
            json!([]),
            json!({"type": "account"}),
            json!(["account"]),
            json!([{}]),
            json!([{"type": ""}]),
            json!([{"type": 1}]),
            json!([{"type": "a", "actions": "read"}]),
            json!([{"type": "a", "actions": []}]),
            json!([{"type": "a", "locations": [1]}]),
            json!([{"type": "a", "datatypes": {}}]),
            json!([{"type": "a", "privileges": null}]),
            json!([{"type": "a", "identifier": ["x"]}]),
            json!([{"type": "a"}, null]),
            json!(vec![json!({"type": "a"}); MAX + 1]),
            json!([{"type": "a", "x": long}]),
            json!([{"type": "a", "amount": "1\u{202e}00.9"}]),
            json!([{"type": "a", "x": [{"tnuoma\u{202e}": 1}]}]),
        ] {
            assert_eq!(read(bad.clone()), Err(InvalidDetails), "{bad}");
        }
        assert_eq!(AuthorizationDetails::parse("[{\"type\""), Err(InvalidDetails));
    }

    #[test]
    fn only_less_is_covered() {
        let granted = read(json!([
            {"type": "account", "actions": ["list", "read"], "identifier": "1"},
            {"type": "payment", "amount": {"value": "9.50"}},
        ]))
        .unwrap();
        let covers = |asked| granted.cover(&read(asked).unwrap());
        assert!(granted.cover(&granted));
        assert!(covers(json!([{"type": "account", "actions": ["read"], "identifier": "1"}])));
        assert!(covers(json!([{"type": "payment", "amount": {"value": "9.50"}}])));
        for more in [
            json!([{"type": "account", "actions": ["read", "write"], "identifier": "1"}]),
            json!([{"type": "account", "actions": ["read"]}]),
            json!([{"type": "account", "identifier": "1"}]),
            json!([{"type": "account", "actions": ["read"], "identifier": "2"}]),
            json!([{"type": "payment", "amount": {"value": "95.00"}}]),
            json!([{"type": "payment"}]),
            json!([{"type": "payment", "amount": {"value": "9.50"}, "actions": ["pay"]}]),
            json!([{"type": "another"}]),
            json!([{"type": "payment", "amount": {"value": "9.50"}},
                {"type": "payment", "amount": {"value": "9.50"}}]),
            json!([{"type": "account", "actions": ["list", "read"], "identifier": "1"},
                {"type": "account", "actions": ["read", "list"], "identifier": "1"}]),
        ] {
            assert!(!covers(more.clone()), "{more}");
        }
    }

    #[test]
    fn a_detail_is_for_its_locations() {
        let all = read(json!([{"type": "a", "locations": ["https://a"]}, {"type": "b"}])).unwrap();
        let types = |audience: &[&str]| {
            let audience: Vec<String> = audience.iter().map(|a| (*a).to_owned()).collect();
            all.for_audience(&audience).types().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(types(&[]), ["a", "b"]);
        assert_eq!(types(&["https://a", "https://c"]), ["a", "b"]);
        assert_eq!(types(&["https://c"]), ["b"]);
    }
}
