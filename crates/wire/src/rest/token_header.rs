//! `Authorization: Token <token>` (004-15).

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::error::Error;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenHeader<'a> {
    /// It is not there, or is of another scheme.
    NotProvided,
    /// It is of this scheme, and wrong.
    Malformed(&'static str),
    /// The token.
    Token(&'a str),
}

const NO_CREDENTIALS: &str = "Invalid token header. No credentials provided.";
const SPACES: &str = "Invalid token header. Token string should not contain spaces.";
const CHARACTERS: &str = "Invalid token header. Token string should not contain invalid characters.";

impl<'a> TokenHeader<'a> {
    /// Reads the header. The keyword's case does not matter. Of two headers none is taken: they
    /// count as one with a space.
    pub fn read(headers: &'a HeaderMap) -> TokenHeader<'a> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else { return TokenHeader::NotProvided };
        let mut words = value.as_bytes().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        if !words.next().is_some_and(|keyword| keyword.eq_ignore_ascii_case(b"token")) {
            return TokenHeader::NotProvided;
        }
        let Some(token) = words.next() else { return TokenHeader::Malformed(NO_CREDENTIALS) };
        if words.next().is_some() || values.next().is_some() {
            return TokenHeader::Malformed(SPACES);
        }
        match std::str::from_utf8(token) {
            Ok(token) => TokenHeader::Token(token),
            Err(_) => TokenHeader::Malformed(CHARACTERS),
        }
    }

    /// The token.
    pub fn require(self) -> Result<&'a str, Error> {
        match self {
            TokenHeader::NotProvided => Err(Error::NotAuthenticated),
            TokenHeader::Malformed(text) => Err(Error::TokenHeader(text)),
            TokenHeader::Token(token) => Ok(token),
        }
    }

    /// Nothing, valid or not (004-06).
    pub fn require_none(self) -> Result<(), Error> {
        match self {
            TokenHeader::NotProvided => Ok(()),
            TokenHeader::Malformed(_) | TokenHeader::Token(_) => Err(Error::Authenticated),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_header_is_told_apart_as_its_clients_expect() {
        for (value, expected) in [
            (&b"Token abc"[..], TokenHeader::Token("abc")),
            (b"tOKEN\t abc ", TokenHeader::Token("abc")),
            (b"Token", TokenHeader::Malformed(NO_CREDENTIALS)),
            (b"Token ", TokenHeader::Malformed(NO_CREDENTIALS)),
            (b"Token a b", TokenHeader::Malformed(SPACES)),
            (b"Token \xff", TokenHeader::Malformed(CHARACTERS)),
            (b"Bearer abc", TokenHeader::NotProvided),
            (b"Tokenabc", TokenHeader::NotProvided),
            (b"", TokenHeader::NotProvided),
        ] {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap())]);
            assert_eq!(TokenHeader::read(&headers), expected, "{}", String::from_utf8_lossy(value));
        }
        let mut twice = HeaderMap::new();
        twice.append(AUTHORIZATION, HeaderValue::from_static("Token a"));
        twice.append(AUTHORIZATION, HeaderValue::from_static("Token b"));
        assert_eq!(TokenHeader::read(&twice), TokenHeader::Malformed(SPACES));
        assert_eq!(TokenHeader::read(&HeaderMap::new()), TokenHeader::NotProvided);
    }
}
