//! Values as written and the types that can be read from them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

/// A value as it was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text of an environment variable or a flag, from which any type can be read.
    Bare(String),
    /// A TOML string.
    Text(String),
    /// A TOML integer.
    Integer(i64),
    /// A TOML boolean.
    Boolean(bool),
    /// A TOML array.
    Array(Vec<Value>),
    /// Any other TOML value, as its source text. No setting has such a type.
    Other(String),
}

impl Value {
    /// As it stands in the file, for messages.
    pub fn shown(&self) -> String {
        match self {
            Value::Bare(text) | Value::Text(text) => format!("{text:?}"),
            Value::Integer(number) => number.to_string(),
            Value::Boolean(truth) => truth.to_string(),
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(Value::shown).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Other(source) => source.clone(),
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Value::Bare(text) | Value::Text(text) => Some(text),
            Value::Integer(_) | Value::Boolean(_) | Value::Array(_) | Value::Other(_) => None,
        }
    }
}

/// A type that a setting can have.
pub trait Setting: Sized {
    /// What may be written, to end the sentence "must be …".
    const ALLOWED: &'static str;

    /// Reads it; `None` if it is not of this type.
    fn read(value: &Value) -> Option<Self>;

    /// As `config show` prints it.
    fn show(&self) -> serde_json::Value;
}

impl Setting for String {
    const ALLOWED: &'static str = "a text";

    fn read(value: &Value) -> Option<String> {
        value.text().map(str::to_owned)
    }

    fn show(&self) -> serde_json::Value {
        json!(self)
    }
}

impl Setting for PathBuf {
    const ALLOWED: &'static str = "a path";

    fn read(value: &Value) -> Option<PathBuf> {
        value.text().filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    fn show(&self) -> serde_json::Value {
        json!(self.display().to_string())
    }
}

impl Setting for bool {
    const ALLOWED: &'static str = "true or false";

    fn read(value: &Value) -> Option<bool> {
        match value {
            Value::Boolean(truth) => Some(*truth),
            Value::Bare(text) => match text.as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            Value::Text(_) | Value::Integer(_) | Value::Array(_) | Value::Other(_) => None,
        }
    }

    fn show(&self) -> serde_json::Value {
        json!(self)
    }
}

macro_rules! whole_numbers {
    ($($type:ty),+) => {$(
        impl Setting for $type {
            const ALLOWED: &'static str = "a whole number, 0 or more";

            fn read(value: &Value) -> Option<$type> {
                match value {
                    Value::Integer(number) => <$type>::try_from(*number).ok(),
                    Value::Bare(text) => text.parse().ok(),
                    Value::Text(_) | Value::Boolean(_) | Value::Array(_) | Value::Other(_) => None,
                }
            }

            fn show(&self) -> serde_json::Value {
                json!(self)
            }
        }
    )+};
}

whole_numbers!(u16, u32, usize);

impl Setting for SocketAddr {
    const ALLOWED: &'static str = "an IP address and a port, such as 127.0.0.1:8080 or [::]:443";

    fn read(value: &Value) -> Option<SocketAddr> {
        value.text()?.parse().ok()
    }

    fn show(&self) -> serde_json::Value {
        json!(self.to_string())
    }
}

impl Setting for Vec<String> {
    const ALLOWED: &'static str = "a list of texts";

    /// In the environment, items are separated by commas.
    fn read(value: &Value) -> Option<Vec<String>> {
        match value {
            Value::Array(items) => items.iter().map(String::read).collect(),
            Value::Bare(text) => Some(
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect(),
            ),
            Value::Text(_) | Value::Integer(_) | Value::Boolean(_) | Value::Other(_) => None,
        }
    }

    fn show(&self) -> serde_json::Value {
        json!(self)
    }
}

impl Setting for Duration {
    const ALLOWED: &'static str = "a duration such as \"500ms\", \"30s\", \"10m\", \"12h\" or \"5d\"";

    fn read(value: &Value) -> Option<Duration> {
        parse_duration(value.text()?)
    }

    fn show(&self) -> serde_json::Value {
        json!(format_duration(*self))
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub usize);

impl Setting for Size {
    const ALLOWED: &'static str = "a size such as 65536, \"64KiB\" or \"1MiB\"";

    fn read(value: &Value) -> Option<Size> {
        match value {
            Value::Integer(number) => usize::try_from(*number).ok().map(Size),
            Value::Bare(text) | Value::Text(text) => parse_size(text),
            Value::Boolean(_) | Value::Array(_) | Value::Other(_) => None,
        }
    }

    fn show(&self) -> serde_json::Value {
        json!(self.0)
    }
}

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Numbers with units, the larger unit first: `10m`, `1h30m`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut millis = 0u64;
    let mut below = u64::MAX;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (_, factor) =
            UNITS.iter().find(|(unit, factor)| *unit == after[..end].trim() && *factor < below)?;
        below = *factor;
        millis = millis.checked_add(number.checked_mul(*factor)?)?;
        rest = &after[end..];
    }
    Some(Duration::from_millis(millis))
}

/// In the largest unit that holds it exactly.
pub fn format_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let fits = |(_, factor): &&(&str, u64)| millis.is_multiple_of(u128::from(*factor));
    if millis == 0 {
        return "0s".to_owned();
    }
    let (unit, factor) = UNITS.iter().rev().find(fits).unwrap_or(&UNITS[0]);
    format!("{}{unit}", millis / u128::from(*factor))
}

fn parse_size(text: &str) -> Option<Size> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: usize = text[..digits].parse().ok()?;
    let factor = match text[digits..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor).map(Size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back_as_they_are_shown() {
        for text in ["500ms", "30s", "10m", "12h", "5d", "3650d", "90m", "0s"] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), text);
        }
        assert_eq!(parse_duration("1h30m"), parse_duration("90m"));
        for bad in ["", "10", "m", "10 parsecs", "30m1h", "1h1h", "-1s", "1.5h", "99999999999999999999d"] {
            assert_eq!(parse_duration(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!(parse_size("64KiB"), Some(Size(65_536)));
        assert_eq!(parse_size("10"), Some(Size(10)));
        for bad in ["", "KiB", "64kb", "-1", "99999999999GiB9"] {
            assert_eq!(parse_size(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn toml_types_are_taken_at_their_word_and_environment_text_is_parsed() {
        assert_eq!(u16::read(&Value::Integer(25)), Some(25));
        assert_eq!(u16::read(&Value::Text("25".into())), None);
        assert_eq!(u16::read(&Value::Bare("25".into())), Some(25));
        assert_eq!(u16::read(&Value::Integer(65_536)), None);
        assert_eq!(bool::read(&Value::Text("true".into())), None);
        assert_eq!(Vec::<String>::read(&Value::Bare("a, b".into())), Some(vec!["a".into(), "b".into()]));
    }
}
