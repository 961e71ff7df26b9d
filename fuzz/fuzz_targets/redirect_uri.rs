//! Redirect URIs: a registered one names the host that browsers go to, and matches itself and, on this machine, other
//! ports. Two lines: what is registered, and what a request asks for.
#![no_main]

use countersign_model::oauth::RedirectUri;
use libfuzzer_sys::fuzz_target;
use url::{Position, Url};

fuzz_target!(|text: &str| {
    let (registered, asked) = text.split_once('\n').unwrap_or((text, text));
    let Ok(uri) = RedirectUri::register(registered) else { return };
    assert!(uri.matches(registered) && registered.bytes().all(|b| b.is_ascii_graphic()), "{registered:?}");
    assert!(!uri.form_action().contains([';', ',', ' ', '\'']), "{registered:?}");
    let browsers = Url::parse(registered).unwrap_or_else(|error| panic!("{registered:?}: {error}"));
    assert!(browsers.fragment().is_none() && browsers.username().is_empty(), "{registered:?}");
    if let Some(host) = uri.host() {
        let theirs = browsers.host_str().unwrap_or_default();
        assert!(theirs.eq_ignore_ascii_case(&host) || is_number(theirs), "{registered:?}: {host} and {theirs}");
        // What browsers ask for is what stands there: no segment went away.
        let path = &browsers[Position::BeforePath..];
        assert!(registered.ends_with(path) || path == "/" || path.starts_with("/?"), "{registered:?}: {path}");
    }
    if uri.matches(asked) && asked != registered {
        let theirs = Url::parse(asked).unwrap_or_else(|error| panic!("{asked:?}: {error}"));
        let without_port = |url: &Url| (url.host_str().map(str::to_owned), url[Position::BeforePath..].to_owned());
        assert_eq!(without_port(&browsers), without_port(&theirs), "{registered:?} and {asked:?}");
        assert!(matches!(theirs.host_str(), Some("127.0.0.1" | "[::1]")), "{asked:?}");
    }
});

/// An address that may be written in several ways, as 127.1 and [::0:1] are.
fn is_number(host: &str) -> bool {
    host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok()
}
