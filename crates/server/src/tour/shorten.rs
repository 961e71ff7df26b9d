//! Secrets as the tour shows them: recognisable, useless.

use serde_json::Value;

/// The fields whose values are secrets in one of the documents.
const SECRETS: [&str; 14] = [
    "password",
    "current_password",
    "session_token",
    "token",
    "access",
    "refresh",
    "access_token",
    "refresh_token",
    "oauth_token",
    "identity_token",
    "id_token",
    "code_verifier",
    "client_secret",
    "Authorization",
];

/// JSON with its secrets shortened.
pub fn json(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| match value {
                Value::String(text) => (name.clone(), Value::String(field(name, text))),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    (name.clone(), json(value))
                }
            });
            Value::Object(fields.collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(json).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// The value of a field.
pub fn field(name: &str, value: &str) -> String {
    if !SECRETS.contains(&name) {
        return value.to_owned();
    }
    match value.strip_prefix("Token ") {
        Some(token) => format!("Token {}", secret(token)),
        None => secret(value),
    }
}

/// The fields of a form.
pub fn form(fields: &[(&str, &str)]) -> String {
    let shown = fields.iter().map(|(name, value)| format!("{name}={}", field(name, value)));
    shown.collect::<Vec<_>>().join("&")
}

/// A line of document 002: passwords and tokens shortened.
pub fn line(text: &str) -> String {
    let words = text.split(' ').enumerate().map(|(i, word)| {
        let is_token = i == 1 && text.starts_with("ok ");
        match word.strip_prefix("p:") {
            // A phone number in `validatephone` is no secret of the tour.
            Some(password) if !text.starts_with("validatephone") => format!("p:{}", secret(password)),
            Some(_) | None if is_token => secret(word),
            Some(_) | None => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The first characters of a secret.
pub fn secret(text: &str) -> String {
    let shown = if text.chars().count() > 16 { 8 } else { 3 };
    let start: String = text.chars().take(shown).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use serde_json::json as value;

    use super::*;

    #[test]
    fn no_secret_is_shown_whole() {
        let shown = json(
            &value!({"token": {"access": "0123456789abcdef0"}, "email": "a@b.c", "password": "1234567890"}),
        );
        assert_eq!(shown, value!({"token": {"access": "01234567…"}, "email": "a@b.c", "password": "123…"}));
        assert_eq!(line("login u:a p:1234567890"), "login u:a p:123…");
        assert_eq!(line("ok 0123456789abcdef0 2026-01-01T00:00:00Z"), "ok 01234567… 2026-01-01T00:00:00Z");
        assert_eq!(line("validatephone p:8885551212 c:ABC"), "validatephone p:8885551212 c:ABC");
        assert_eq!(field("Authorization", "Token 0123456789abcdef0"), "Token 01234567…");
    }
}
