//! Authorization details (RFC 9396) as people read them.

use countersign_model::oauth::AuthorizationDetails;
use serde_json::{Map, Value};

use super::words::Words;

/// One of them: its type, and its members as a table.
pub(super) struct Detail {
    pub(super) title: String,
    pub(super) rows: Vec<(String, String)>,
}

/// All of them. Nothing is left out: what is allowed is what is shown.
pub(super) fn readable(words: &Words, details: &AuthorizationDetails) -> Vec<Detail> {
    details.iter().map(|detail| one(words, detail)).collect()
}

fn one(words: &Words, detail: &Map<String, Value>) -> Detail {
    let title = detail.get("type").and_then(Value::as_str).map(spaced).unwrap_or_default();
    let mut rows = Vec::new();
    for (name, value) in detail.iter().filter(|(name, _)| *name != "type") {
        add(&mut rows, label(words, name), value);
    }
    Detail { title, rows }
}

/// A member by its path; lists of texts and numbers stand in one row.
fn add(rows: &mut Vec<(String, String)>, label: String, value: &Value) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                add(rows, format!("{label} › {}", spaced(name)), value);
            }
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (place, item) in items.iter().enumerate() {
                add(rows, format!("{label} {}", place + 1), item);
            }
        }
        Value::Array(items) => {
            rows.push((label, items.iter().map(text).collect::<Vec<_>>().join(", ")));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            rows.push((label, text(value)));
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The common members (RFC 9396 §2.2) in the reader's language, others as they are called.
fn label(words: &Words, name: &str) -> String {
    match name {
        "locations" => words.detail_locations.to_owned(),
        "actions" => words.detail_actions.to_owned(),
        "datatypes" => words.detail_datatypes.to_owned(),
        "identifier" => words.detail_identifier.to_owned(),
        "privileges" => words.detail_privileges.to_owned(),
        other => spaced(other),
    }
}

/// `instructedAmount` and `payment_initiation` as words; a URL stays one.
fn spaced(name: &str) -> String {
    if name.contains([':', '/', '.']) {
        return name.to_owned();
    }
    let mut out = String::with_capacity(name.len() + 4);
    let mut was_lower = false;
    for letter in name.chars() {
        if letter.is_uppercase() && was_lower {
            out.push(' ');
            out.extend(letter.to_lowercase());
        } else {
            out.push(if letter == '_' { ' ' } else { letter });
        }
        was_lower = letter.is_lowercase();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::words::ALL;
    use super::*;

    #[test]
    fn everything_is_shown_in_words() {
        let details = AuthorizationDetails::parse(
            r#"[{"type": "payment_initiation", "actions": ["initiate", "cancel"], "final": true, "note": null,
                "instructedAmount": {"currency": "EUR", "amount": "9.50"}, "parts": [{"n": 1}, {"n": 2}], "none": {}},
               {"type": "https://x.example/account_info"}]"#,
        )
        .unwrap();
        let shown = readable(ALL[0], &details);
        assert_eq!(shown[0].title, "payment initiation");
        let rows: Vec<_> = shown[0].rows.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(
            rows,
            [
                "What it may do: initiate, cancel",
                "final: true",
                "instructed amount › amount: 9.50",
                "instructed amount › currency: EUR",
                "none: {}",
                "note: null",
                "parts 1 › n: 1",
                "parts 2 › n: 2",
            ]
        );
        assert_eq!((shown[1].title.as_str(), shown[1].rows.len()), ("https://x.example/account_info", 0));
    }
}
