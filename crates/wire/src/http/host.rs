//! Whether a request says which host it is for, in one way only (R122).

use http::request::Parts;
use http::{Version, header};

/// Whether the request names its host as RFC 9112 §3.2 wants it: in HTTP/1.1 exactly once, in other
/// versions at most once, and in any with a value that can be a host.
pub(crate) fn is_well_hosted(parts: &Parts) -> bool {
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => is_host(host.as_bytes()),
        // HTTP/1.0 does not know it, HTTP/2 has `:authority` (RFC 9113 §8.3.1).
        (None, _) => parts.version != Version::HTTP_11,
        (Some(_), Some(_)) => false,
    }
}

/// `uri-host [ ":" port ]` (RFC 9110 §7.2): a registered name or IPv4 address, or an IP literal in
/// brackets. The empty one is that of a target without an authority.
fn is_host(value: &[u8]) -> bool {
    let (host, port) = match value.iter().position(|byte| *byte == b']') {
        Some(end) if value.starts_with(b"[") => {
            let (literal, port) = value.split_at(end + 1);
            if !literal.iter().all(|byte| is_of_name(*byte) || matches!(byte, b'[' | b':' | b']')) {
                return false;
            }
            (&b""[..], port)
        }
        _ => value.split_at(value.iter().position(|byte| *byte == b':').unwrap_or(value.len())),
    };
    let port_is_one = match port.split_first() {
        None => true,
        Some((colon, digits)) => *colon == b':' && digits.iter().all(u8::is_ascii_digit),
    };
    port_is_one && host.iter().all(|byte| is_of_name(*byte))
}

/// RFC 3986 §3.2.2: unreserved, percent-encoded, sub-delims.
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn hosts_are_told_from_other_texts() {
        for good in [
            "",
            "a",
            "example.com",
            "example.com:",
            "example.com:8080",
            "127.0.0.1:1",
            "[::1]",
            "[fd00::1]:443",
        ] {
            assert!(is_host(good.as_bytes()), "{good:?}");
        }
        for bad in [
            "a b", "a/b", "user@a", "a:b", "a:1:2", "::1", "[::1", "[::1]x", "[a/b]", "a]", "a?b", "a#b",
            "a\\b", "http://a", "\u{e4}", "a\tb",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad:?}");
        }
    }

    #[test]
    fn only_old_and_new_versions_go_without() {
        let hosted = |version, hosts: &[&str]| {
            let mut request = Request::builder().version(version);
            for host in hosts {
                request = request.header(header::HOST, *host);
            }
            is_well_hosted(&request.body(()).unwrap().into_parts().0)
        };
        assert!(hosted(Version::HTTP_11, &["a"]) && hosted(Version::HTTP_2, &["a"]));
        assert!(hosted(Version::HTTP_10, &[]) && hosted(Version::HTTP_2, &[]));
        assert!(!hosted(Version::HTTP_11, &[]));
        for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
            assert!(!hosted(version, &["a", "a"]) && !hosted(version, &["a b"]));
        }
    }
}
