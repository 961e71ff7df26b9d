//! Same-origin proof for forms (R125).

use http::HeaderMap;
use http::header;

/// Whether a browser says that the request comes from another site. A request without these
/// headers (an old browser, a program) is not stopped: no cookie goes with it that could be abused.
///
/// `public_url` is what the operator configured; the `Host` header is never asked (R040).
pub fn is_cross_site(headers: &HeaderMap, public_url: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return !matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    match headers.get(header::ORIGIN) {
        // `null` is what a browser sends from a page with `Referrer-Policy: no-referrer`, such as ours.
        None => false,
        Some(origin) if origin == "null" => false,
        Some(origin) => origin.as_bytes() != origin_of(public_url).as_bytes(),
    }
}

/// The scheme, host and port of a URL.
fn origin_of(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let length = url.bytes().skip(authority).position(|byte| byte == b'/');
    length.and_then(|length| url.get(..authority + length)).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sites_are_told_apart() {
        let check = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            is_cross_site(&headers, "https://id.example.com/base")
        };
        assert!(!is_cross_site(&HeaderMap::new(), "https://id.example.com"));
        assert!(!check("origin", "https://id.example.com"));
        assert!(!check("origin", "null"));
        for origin in ["https://evil.example", "http://id.example.com", "https://id.example.com.evil.example"]
        {
            assert!(check("origin", origin), "{origin}");
        }
        assert!(!check("sec-fetch-site", "same-origin"));
        assert!(check("sec-fetch-site", "cross-site"));
        assert!(check("sec-fetch-site", "same-site"));
    }
}
