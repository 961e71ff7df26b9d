//! Redirect URIs (RFC 6749 §3.1.2, RFC 8252, RFC 9700 §4.1): checked once when they are registered, then
//! compared as they stand. Nothing is normalised anywhere: two spellings of one URI are two URIs.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize};

/// The longest one.
const MAX_BYTES: usize = 2048;

/// Loopback hosts where the port may differ (RFC 8252 §7.3). Not `localhost`, which a resolver decides.
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// Schemes by which a page runs code or reads files.
const DANGEROUS: [&str; 8] =
    ["javascript", "data", "vbscript", "file", "blob", "about", "view-source", "filesystem"];

/// A redirect URI that a client may use.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct RedirectUri(String);

/// Why a redirect URI cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectFault {
    /// It is over 2 KiB.
    #[error("it is longer than 2048 characters")]
    TooLong,
    /// Something else than visible ASCII, or a character that no URI has.
    #[error("it has a character that no URI has")]
    Character,
    /// A wildcard.
    #[error("it has a wildcard")]
    Wildcard,
    /// It has a fragment (RFC 6749 §3.1.2).
    #[error("it has a fragment")]
    Fragment,
    /// No scheme, or not in lower case.
    #[error("it does not begin with a scheme in lower case")]
    Scheme,
    /// A scheme that runs code or reads files.
    #[error("its scheme is not allowed")]
    Dangerous,
    /// `http` elsewhere than on the same machine.
    #[error("http is allowed for 127.0.0.1, [::1] and localhost only")]
    NotSecure,
    /// A user name, no host, or a port that is no number.
    #[error("it names no host, or more than a host and a port")]
    Authority,
    /// `.` and `..` segments, encoded dots and slashes, `;` in a segment.
    #[error("its path has segments that readers of URIs disagree about")]
    Path,
}

/// What stands in a query as it is (RFC 3986 §2.3): everything that a query or a fragment could read as something else
/// is escaped.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The parameters as a query, or as a fragment.
pub fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pair = |(name, value): (&str, &str)| {
        format!("{}={}", utf8_percent_encode(name, VALUE), utf8_percent_encode(value, VALUE))
    };
    pairs.into_iter().map(pair).collect::<Vec<_>>().join("&")
}

/// The URI with these parameters behind those that it has (RFC 6749 §3.1.2).
pub fn with_query<'a>(uri: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mark = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{mark}{}", query(pairs))
}

impl RedirectUri {
    /// Takes a URI into a client's registration.
    ///
    /// # Errors
    /// [`RedirectFault`].
    pub fn register(text: &str) -> Result<RedirectUri, RedirectFault> {
        if text.len() > MAX_BYTES {
            return Err(RedirectFault::TooLong);
        }
        let is_foreign = |b: u8| {
            !b.is_ascii_graphic()
                || matches!(b, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
        };
        if text.bytes().any(is_foreign) {
            return Err(RedirectFault::Character);
        }
        if text.contains('*') {
            return Err(RedirectFault::Wildcard);
        }
        if text.contains('#') {
            return Err(RedirectFault::Fragment);
        }
        let (scheme, rest) = text.split_once(':').ok_or(RedirectFault::Scheme)?;
        check_scheme(scheme)?;
        let path = match scheme {
            "https" | "http" => check_authority(scheme, rest)?,
            _ => rest.trim_start_matches('/'),
        };
        check_path(path.split('?').next().unwrap_or_default())?;
        check_escapes(rest)?;
        Ok(RedirectUri(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a request may name it so: the same text, but for the port on `http://127.0.0.1` and
    /// `http://[::1]` (RFC 8252 §7.3).
    pub fn matches(&self, asked: &str) -> bool {
        if self.0 == asked {
            return true;
        }
        LOOPBACK.iter().any(|host| match (after_port(&self.0, host), after_port(asked, host)) {
            (Some(mine), Some(theirs)) => mine == theirs,
            _ => false,
        })
    }

    /// `https://app.example.com`; none for a scheme of an application's own.
    pub fn origin(&self) -> Option<String> {
        let (scheme, rest) = self.0.split_once("://")?;
        let host = rest.split(['/', '?']).next()?;
        matches!(scheme, "https" | "http").then(|| format!("{scheme}://{host}"))
    }

    /// The host without a port; none for a scheme of an application's own.
    pub fn host(&self) -> Option<String> {
        let origin = self.origin()?;
        let (_, authority) = origin.split_once("://")?;
        let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if is_port(port) => host,
            _ => authority,
        };
        Some(host.to_owned())
    }

    /// What a page's policy must name so that a browser follows a redirect there after a form. Where the
    /// port may differ, any; a policy cannot name a host like `[::1]`.
    pub fn form_action(&self) -> String {
        match LOOPBACK.map(|host| after_port(&self.0, host).is_some()) {
            [true, _] => return "http://127.0.0.1:*".to_owned(),
            [_, true] => return "http:".to_owned(),
            [false, false] => {}
        }
        let scheme = || format!("{}:", self.0.split(':').next().unwrap_or_default());
        self.origin().unwrap_or_else(scheme)
    }
}

/// What follows the port of a URI on this host.
fn after_port<'u>(uri: &'u str, host: &str) -> Option<&'u str> {
    let rest = uri.strip_prefix(host)?;
    let after = match rest.strip_prefix(':') {
        Some(port) => {
            let after = port.trim_start_matches(|c: char| c.is_ascii_digit());
            port[..port.len() - after.len()].parse::<u16>().ok()?;
            after
        }
        None => rest,
    };
    (after.is_empty() || after.starts_with(['/', '?'])).then_some(after)
}

fn check_scheme(scheme: &str) -> Result<(), RedirectFault> {
    if DANGEROUS.contains(&scheme.to_ascii_lowercase().as_str()) {
        return Err(RedirectFault::Dangerous);
    }
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'));
    // A scheme of an application's own is a domain name turned around (RFC 8252 §7.1).
    let is_own = scheme.contains('.');
    (is_scheme && (is_own || matches!(scheme, "https" | "http"))).then_some(()).ok_or(RedirectFault::Scheme)
}

/// Checks what stands between `//` and the path, and gives the path.
fn check_authority<'u>(scheme: &str, rest: &'u str) -> Result<&'u str, RedirectFault> {
    let rest = rest.strip_prefix("//").ok_or(RedirectFault::Authority)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (host, port) = match authority.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
        Some((v6, port)) => {
            v6.parse::<std::net::Ipv6Addr>().map_err(|_| RedirectFault::Authority)?;
            (&authority[..v6.len() + 2], port)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    let is_v6 = host.starts_with('[') && host.ends_with(']');
    let is_host = is_v6 || (!host.is_empty() && host.bytes().all(is_name));
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|p| {
            p.bytes().all(|b| b.is_ascii_digit()) && p.parse::<u16>().is_ok_and(|port| port > 0)
        });
    if !is_host || !is_port {
        return Err(RedirectFault::Authority);
    }
    if scheme == "http" && !matches!(host, "127.0.0.1" | "[::1]" | "localhost") {
        return Err(RedirectFault::NotSecure);
    }
    if is_odd_number(host) {
        return Err(RedirectFault::Authority);
    }
    Ok(path)
}

/// Browsers read a host whose last part is a number as an address, `0x7f.1` as 127.0.0.1 (URL Standard, "ends in a
/// number checker"): it must be one as everybody writes it.
fn is_odd_number(host: &str) -> bool {
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    let is_hexadecimal = last.get(..2).is_some_and(|mark| mark.eq_ignore_ascii_case("0x"));
    let is_number = last.bytes().all(|b| b.is_ascii_digit()) || is_hexadecimal;
    is_number && !last.is_empty() && host.parse::<std::net::Ipv4Addr>().is_err()
}

fn check_path(path: &str) -> Result<(), RedirectFault> {
    let is_odd = |segment: &str| segment == "." || segment == ".." || segment.contains(';');
    if path.split('/').any(is_odd) { Err(RedirectFault::Path) } else { Ok(()) }
}

/// Percent escapes are whole, and none hides a dot, a slash, a percent sign or a control character.
fn check_escapes(rest: &str) -> Result<(), RedirectFault> {
    for escape in rest.split('%').skip(1) {
        let byte = escape.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            None => return Err(RedirectFault::Character),
            Some(b'.' | b'/' | b'\\' | b'%' | 0..=0x1f | 0x7f) => return Err(RedirectFault::Path),
            Some(_) => {}
        }
    }
    Ok(())
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RedirectUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RedirectUri, D::Error> {
        RedirectUri::register(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_stand_behind_those_that_are_there() {
        let with = |uri| with_query(uri, [("state", "a b&c=ü"), ("code", "-._~")]);
        assert_eq!(with("https://a.example/cb"), "https://a.example/cb?state=a%20b%26c%3D%C3%BC&code=-._~");
        assert_eq!(
            with("https://a.example/cb?x=1"),
            "https://a.example/cb?x=1&state=a%20b%26c%3D%C3%BC&code=-._~"
        );
    }

    #[test]
    fn a_redirect_uri_matches_as_it_stands_but_for_the_port_on_this_machine() {
        let uri = |text| RedirectUri::register(text).unwrap();
        assert!(uri("https://a.example/cb").matches("https://a.example/cb"));
        assert!(!uri("https://a.example/cb").matches("https://a.example/cb/"));
        assert!(!uri("https://a.example/cb").matches("https://a.example:443/cb"));
        assert!(uri("http://127.0.0.1/cb").matches("http://127.0.0.1:5000/cb"));
        assert!(!uri("http://127.0.0.1/cb").matches("http://127.0.0.1:5000@evil.example/cb"));
        assert!(!uri("http://127.0.0.1/cb").matches("http://127.0.0.1.evil.example/cb"));
        assert!(!uri("http://localhost/cb").matches("http://localhost:5000/cb"));
    }

    #[test]
    fn a_host_is_the_one_that_browsers_go_to() {
        let is_good = |host: &str| RedirectUri::register(&format!("https://{host}/cb")).is_ok();
        assert!(is_good("192.0.2.1") && is_good("1.example.com") && is_good("0x7f.example") && is_good("a1"));
        for bad in [
            "0x7f.1",
            "127.1",
            "0x7f000001",
            "2130706433",
            "a.example.1",
            "127.0.0.1.",
            "010.0.0.1",
            "a.0x1",
            "[",
            "[::1",
            "[@b.example",
            "[x@b.example:1",
            "[::1]@b.example",
            "[::1]]",
            "[]",
        ] {
            assert!(!is_good(bad), "{bad}");
        }
    }
}
