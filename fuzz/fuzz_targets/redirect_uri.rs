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
    let Ok(browsers) = Url::parse(registered) else {
        // Nobody is sent there, by a name that does not decode or by a scheme of an application's own.
        let is_undecodable = registered.to_ascii_lowercase().contains("xn--");
        assert!(is_undecodable || uri.host().is_none(), "{registered:?}");
        return;
    };
    assert!(browsers.fragment().is_none(), "{registered:?}");
    if let Some(host) = uri.host() {
        assert!(browsers.username().is_empty() && browsers.password().is_none(), "{registered:?}");
        let theirs = browsers.host_str().unwrap_or_default();
        // An IPv6 address may be written in several ways.
        assert!(theirs.eq_ignore_ascii_case(&host) || theirs.starts_with('['), "{registered:?}: {host} and {theirs}");
        // No segment of the path went away.
        let path = registered.split('?').next().unwrap_or_default();
        assert!(path.ends_with(browsers.path()) || browsers.path() == "/", "{registered:?}: {}", browsers.path());
    }
    if uri.matches(asked) && asked != registered {
        let theirs = Url::parse(asked).unwrap_or_else(|error| panic!("{asked:?}: {error}"));
        let without_port = |url: &Url| (url.host_str().map(str::to_owned), url[Position::BeforePath..].to_owned());
        assert_eq!(without_port(&browsers), without_port(&theirs), "{registered:?} and {asked:?}");
        assert!(matches!(theirs.host_str(), Some("127.0.0.1" | "[::1]")), "{asked:?}");
    }
});
