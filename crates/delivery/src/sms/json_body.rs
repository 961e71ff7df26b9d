//! The JSON body for a gateway that does not take Twilio's form.

use serde_json::Value;

/// A JSON text with `{{to}}`, `{{text}}` and perhaps `{{from}}` in its strings. It is taken apart before anything is
/// put in, so nothing that is put in can change its structure.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct JsonBody(Value);

impl JsonBody {
    /// Reads the operator's text, and puts the sender in, which is the same for all.
    pub(super) fn parse(text: &str, from: Option<&str>) -> Result<JsonBody, String> {
        let mut value: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
        let mut used = Vec::new();
        placeholders(&value, &mut used)?;
        for needed in ["to", "text"] {
            if !used.iter().any(|used| used == needed) {
                return Err(format!("{{{{{needed}}}}} is nowhere in it"));
            }
        }
        if let Some(from) = from {
            fill(&mut value, &[("from", from)]);
        } else if used.iter().any(|used| used == "from") {
            return Err("{{from}} is in it, but sms.from is not set".to_owned());
        }
        Ok(JsonBody(value))
    }

    /// The body for one message.
    pub(super) fn fill(&self, to: &str, text: &str) -> String {
        let mut value = self.0.clone();
        fill(&mut value, &[("to", to), ("text", text)]);
        value.to_string()
    }
}

/// A string as literal parts and names of placeholders.
enum Part<'a> {
    Literal(&'a str),
    Name(&'a str),
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, behind)) = after.split_once("}}") else { break };
        parts.extend([Part::Literal(before), Part::Name(name.trim())]);
        rest = behind;
    }
    parts.push(Part::Literal(rest));
    parts
}

fn placeholders(value: &Value, used: &mut Vec<String>) -> Result<(), String> {
    match value {
        Value::String(text) => {
            for part in parts(text) {
                match part {
                    Part::Name(name @ ("to" | "text" | "from")) => used.push(name.to_owned()),
                    Part::Name(name) => {
                        return Err(format!(
                            "{{{{{name}}}}} is unknown: there are {{{{to}}}}, {{{{text}}}} and {{{{from}}}}"
                        ));
                    }
                    Part::Literal(_) => {}
                }
            }
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(|item| placeholders(item, used)),
        Value::Object(fields) => fields.values().try_for_each(|field| placeholders(field, used)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn fill(value: &mut Value, values: &[(&str, &str)]) {
    match value {
        Value::String(form) => {
            let filled = parts(form).into_iter().map(|part| match part {
                Part::Literal(literal) => literal.to_owned(),
                Part::Name(name) => match values.iter().find(|(known, _)| *known == name) {
                    Some((_, value)) => (*value).to_owned(),
                    None => format!("{{{{{name}}}}}"),
                },
            });
            *form = filled.collect();
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, values)),
        Value::Object(fields) => fields.values_mut().for_each(|field| fill(field, values)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_stays_inside_its_string() {
        let body = r#"{"messages":[{"to":"+{{to}}","body":"{{ text }}!","n":1,"by":"{{from}}"}]}"#;
        let body = JsonBody::parse(body, Some("Us")).unwrap();
        let text = "a \"quote\", {{to}}, \\ and\nnext\u{0}";
        let filled: Value = serde_json::from_str(&body.fill("1\",\"x\":\"", text)).unwrap();
        let expected = serde_json::json!({
            "messages": [{"to": "+1\",\"x\":\"", "body": format!("{text}!"), "n": 1, "by": "Us"}]
        });
        assert_eq!(filled, expected);
    }

    #[test]
    fn a_template_that_cannot_work_is_refused() {
        for (text, problem) in [
            ("{", "not JSON"),
            (r#"{"to":"{{to}}"}"#, "{{text}} is nowhere"),
            (r#"{"{{to}}":"{{text}}"}"#, "{{to}} is nowhere"),
            (r#"{"a":"{{to}}{{text}}{{form}}"}"#, "{{form}} is unknown"),
            (r#"{"a":"{{to}}{{text}}{{from}}"}"#, "sms.from is not set"),
            (r#"{"a":{{to}},"b":"{{text}}"}"#, "not JSON"),
        ] {
            let error = JsonBody::parse(text, None).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }
}
