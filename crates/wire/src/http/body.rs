//! Which bodies a surface takes, and reading them.

use super::{Fields, FormError, JsonError, form, json, multipart};

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/json` and `application/*+json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`.
    Multipart,
}

/// What is wrong with a body as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Its media type (given here, in lower case, without parameters) is none that is taken.
    #[error("unsupported media type")]
    UnsupportedType(String),
    /// It is no JSON object.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It is no form.
    #[error(transparent)]
    Form(#[from] FormError),
}

/// The encodings that a call takes. A body without a `Content-Type` is read as JSON, no body at
/// all as no fields unless the surface wants an error for it.
#[derive(Clone, Copy, Debug)]
pub struct Accept {
    encodings: &'static [Encoding],
    empty_is_json: bool,
}

impl Accept {
    /// JSON only; an empty body is malformed JSON.
    pub const JSON: Accept = Accept { encodings: &[Encoding::Json], empty_is_json: true };
    /// JSON or a form; an empty body has no fields.
    pub const JSON_OR_FORM: Accept =
        Accept { encodings: &[Encoding::Json, Encoding::Form], empty_is_json: false };
    /// JSON, a form or a multipart form; an empty body has no fields.
    pub const ANY: Accept =
        Accept { encodings: &[Encoding::Json, Encoding::Form, Encoding::Multipart], empty_is_json: false };
    /// A form; an empty body has no fields.
    pub const FORM: Accept = Accept { encodings: &[Encoding::Form], empty_is_json: false };

    /// Reads a body as its media type says.
    ///
    /// # Errors
    /// What is wrong with it as a whole; what is wrong with a field is told when the field is asked for.
    pub fn read(self, content_type: Option<&str>, body: &[u8]) -> Result<Fields, BodyError> {
        if body.is_empty() && !self.empty_is_json {
            return Ok(Fields::default());
        }
        let content_type = content_type.unwrap_or("application/json");
        match encoding_of(content_type).filter(|e| self.encodings.contains(e)) {
            Some(Encoding::Json) => Ok(json::parse(body)?),
            Some(Encoding::Form) => Ok(form::parse(body)?),
            Some(Encoding::Multipart) => match boundary_of(content_type) {
                Some(boundary) => Ok(multipart::parse(body, boundary)?),
                None => Err(FormError::NotMultipart.into()),
            },
            None => Err(BodyError::UnsupportedType(essence_of(content_type))),
        }
    }
}

/// The encoding that a `Content-Type` header announces, if it is one of ours.
pub(super) fn encoding_of(content_type: &str) -> Option<Encoding> {
    const NAMED: [(&str, Encoding); 3] = [
        ("application/json", Encoding::Json),
        ("application/x-www-form-urlencoded", Encoding::Form),
        ("multipart/form-data", Encoding::Multipart),
    ];
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if let Some((_, encoding)) = NAMED.iter().find(|(name, _)| essence.eq_ignore_ascii_case(name)) {
        return Some(*encoding);
    }
    let lower = essence_of(essence);
    (lower.starts_with("application/") && lower.ends_with("+json")).then_some(Encoding::Json)
}

/// The media type without its parameters.
fn essence_of(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// RFC 2046 §5.1.1: 1 to 70 characters.
fn boundary_of(content_type: &str) -> Option<&str> {
    let value = content_type.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    })?;
    (1..=70).contains(&value.len()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_type_decides() {
        let json = br#"{"a":"1"}"#;
        for content_type in [
            None,
            Some("application/json"),
            Some("Application/JSON; charset=UTF-8"),
            Some("application/vnd.api+json"),
        ] {
            assert_eq!(Accept::JSON.read(content_type, json).ok().unwrap().text("a"), Ok("1"));
        }
        let form = Some("application/x-www-form-urlencoded");
        assert_eq!(Accept::JSON_OR_FORM.read(form, b"a=1").ok().unwrap().text("a"), Ok("1"));
        let unsupported = Accept::JSON.read(form, b"a=1").err();
        assert_eq!(unsupported, Some(BodyError::UnsupportedType("application/x-www-form-urlencoded".into())));
        assert!(matches!(Accept::ANY.read(Some("text/plain"), json), Err(BodyError::UnsupportedType(_))));
        let multipart = Some("multipart/form-data; boundary=\"X\"");
        let body = b"--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--X--";
        assert_eq!(Accept::ANY.read(multipart, body).ok().unwrap().text("a"), Ok("1"));
        assert!(Accept::ANY.read(Some("multipart/form-data"), body).is_err());
    }

    #[test]
    fn no_body_is_no_field_or_no_json() {
        assert!(Accept::ANY.read(Some("text/plain"), b"").ok().unwrap().is_empty());
        assert!(matches!(Accept::JSON.read(None, b""), Err(BodyError::Json(JsonError::Malformed(_)))));
    }
}
