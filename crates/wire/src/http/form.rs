//! `application/x-www-form-urlencoded`, in bodies and query strings.
//!
//! Stricter than the URL Standard's parser, which replaces broken UTF-8 instead of refusing it and
//! keeps repeated names.

use countersign_model::oauth::Parameters;
use memchr::memchr2;
use percent_encoding::percent_decode;
use serde_json::Value;

use super::Fields;

/// The most fields of a form (R119).
pub(super) const MAX_FIELDS: usize = 100;

/// Why it is no form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// More than 100 fields.
    #[error("more than {MAX_FIELDS} fields")]
    TooManyFields,
    /// Not UTF-8 after decoding.
    #[error("not UTF-8")]
    NotUtf8,
    /// A name that stands twice (R107).
    #[error("a field is given twice")]
    Duplicate(String),
    /// The parts of a multipart body cannot be told apart.
    #[error("not a well-formed multipart body")]
    NotMultipart,
}

/// The parameters of OAuth: the same, but `resource` and `audience` may repeat.
pub(super) fn parameters(text: &[u8]) -> Result<Parameters, FormError> {
    let mut all = Parameters::default();
    for (count, pair) in text.split(|b| *b == b'&').filter(|pair| !pair.is_empty()).enumerate() {
        if count == MAX_FIELDS {
            return Err(FormError::TooManyFields);
        }
        let mut halves = pair.splitn(2, |b| *b == b'=');
        let name = halves.next().unwrap_or_default();
        let value = decode(halves.next().unwrap_or_default())?;
        if all.add(decode(name)?, value).is_err() {
            return Err(FormError::Duplicate(decode(name)?));
        }
    }
    Ok(all)
}

pub(super) fn parse(text: &[u8]) -> Result<Fields, FormError> {
    let mut fields = Fields::default();
    let pairs = text.split(|b| *b == b'&').filter(|pair| !pair.is_empty());
    for (count, pair) in pairs.enumerate() {
        if count == MAX_FIELDS {
            return Err(FormError::TooManyFields);
        }
        let mut halves = pair.splitn(2, |b| *b == b'=');
        let name = decode(halves.next().unwrap_or_default())?;
        let value = decode(halves.next().unwrap_or_default())?;
        if !fields.insert(name.clone(), Value::String(value)) {
            return Err(FormError::Duplicate(name));
        }
    }
    Ok(fields)
}

/// A name or a value as it was meant.
pub(crate) fn decode(text: &[u8]) -> Result<String, FormError> {
    if memchr2(b'+', b'%', text).is_none() {
        return std::str::from_utf8(text).map(str::to_owned).map_err(|_| FormError::NotUtf8);
    }
    let spaced: Vec<u8> = text.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    String::from_utf8(percent_decode(&spaced).collect()).map_err(|_| FormError::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded_once() {
        let f = parse(b"a=1+2&b=%2B%252B&&c&d=x=y&e=").ok().unwrap();
        assert_eq!(f.text("a"), Ok("1 2"));
        assert_eq!(f.text("b"), Ok("+%2B"));
        assert_eq!(f.text("d"), Ok("x=y"));
        assert_eq!(f.value("c"), Some(&Value::String(String::new())));
        assert_eq!(f.len(), 5);
        assert!(parse(b"").ok().unwrap().is_empty());
    }

    #[test]
    fn broken_forms_are_refused() {
        assert_eq!(parse(b"a=1&a=1").err(), Some(FormError::Duplicate("a".into())));
        assert_eq!(parse(b"a=%ff").err(), Some(FormError::NotUtf8));
        let full: String = (0..100).map(|i| format!("f{i}=x&")).collect();
        assert!(parse(full.as_bytes()).is_ok());
        assert_eq!(parse(format!("{full}g=x").as_bytes()).err(), Some(FormError::TooManyFields));
    }
}
