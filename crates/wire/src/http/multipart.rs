//! `multipart/form-data` (RFC 7578), of which 004's clients may send text fields (004-29).

use serde_json::Value;

use super::form::MAX_FIELDS;
use super::{Fields, FormError};

/// The fields of a body. Parts with a file name are skipped: no document takes files.
pub(super) fn parse(body: &[u8], boundary: &str) -> Result<Fields, FormError> {
    // The first delimiter may stand at the very beginning, without a line break before it.
    let opening = format!("--{boundary}");
    let delimiter = format!("\r\n{opening}");
    let mut rest = match body.strip_prefix(opening.as_bytes()) {
        Some(rest) => rest,
        None => after(body, delimiter.as_bytes()).ok_or(FormError::NotMultipart)?.1,
    };
    let mut fields = Fields::default();
    let mut count = 0;
    while !rest.starts_with(b"--") {
        if count == MAX_FIELDS {
            return Err(FormError::TooManyFields);
        }
        count += 1;
        let part = rest.strip_prefix(b"\r\n").ok_or(FormError::NotMultipart)?;
        let (part, next) = after(part, delimiter.as_bytes()).ok_or(FormError::NotMultipart)?;
        let (head, value) = split_part(part)?;
        if let Some(name) = field_name(head)? {
            let value = String::from_utf8(value.to_vec()).map_err(|_| FormError::NotUtf8)?;
            if !fields.insert(name.clone(), Value::String(value)) {
                return Err(FormError::Duplicate(name));
            }
        }
        rest = next;
    }
    Ok(fields)
}

/// What stands before and after the first `wanted`.
fn after<'a>(text: &'a [u8], wanted: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(wanted.len()).position(|window| window == wanted)?;
    let (before, rest) = text.split_at(at);
    Some((before, rest.strip_prefix(wanted)?))
}

/// The header lines and the value of a part.
fn split_part(part: &[u8]) -> Result<(&str, &[u8]), FormError> {
    let (head, value) = after(part, b"\r\n\r\n").ok_or(FormError::NotMultipart)?;
    let head = std::str::from_utf8(head).map_err(|_| FormError::NotUtf8)?;
    Ok((head, value))
}

/// The `name` of the part's `Content-Disposition`; `None` for a file.
fn field_name(head: &str) -> Result<Option<String>, FormError> {
    let disposition = head
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))
        .map(|(_, value)| value.trim())
        .ok_or(FormError::NotMultipart)?;
    let parameters = disposition.strip_prefix("form-data").ok_or(FormError::NotMultipart)?;
    let mut name = None;
    for parameter in parameters.split(';').map(str::trim).filter(|p| !p.is_empty()) {
        let (key, value) = parameter.split_once('=').ok_or(FormError::NotMultipart)?;
        match key {
            "name" => name = Some(value.trim_matches('"').to_owned()),
            "filename" | "filename*" => return Ok(None),
            _ => {}
        }
    }
    name.map(Some).ok_or(FormError::NotMultipart)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, value: &str) -> String {
        format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    }

    #[test]
    fn text_fields_are_read() {
        let body = format!("preamble\r\n{}{}--X--\r\nepilogue", part("a", "1\r\n2"), part("b", ""));
        let fields = parse(body.as_bytes(), "X").ok().unwrap();
        assert_eq!(fields.text("a"), Ok("1\r\n2"));
        assert_eq!(fields.len(), 2);
        let file = "--X\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n\u{0}\r\n--X--";
        assert!(parse(file.as_bytes(), "X").ok().unwrap().is_empty());
    }

    #[test]
    fn broken_bodies_are_refused() {
        let twice = format!("{}{}--X--", part("a", "1"), part("a", "1"));
        assert_eq!(parse(twice.as_bytes(), "X").err(), Some(FormError::Duplicate("a".into())));
        for bad in ["", "--X", "--X\r\n", "--X\r\nfoo\r\n--X--", &part("a", "1"), "--X\r\n\r\n\r\n--X--"] {
            assert_eq!(parse(bad.as_bytes(), "X").err(), Some(FormError::NotMultipart), "{bad:?}");
        }
        let many = part("a", "1").repeat(101) + "--X--";
        assert!(parse(many.as_bytes(), "X").is_err());
    }
}
