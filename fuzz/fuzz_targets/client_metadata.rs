//! Metadata of clients: what is taken is written and read again unchanged, and only sound addresses get in.
#![no_main]

use countersign_model::oauth::{Metadata, RedirectUri};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &[u8]| {
    let Ok(json) = serde_json::from_slice::<Value>(text) else { return };
    let Ok(metadata) = Metadata::from_json(&json) else { return };
    let again = Metadata::from_json(&metadata.to_json());
    assert_eq!(again.as_ref(), Ok(&metadata));
    for uri in metadata.redirect_uris.iter().chain(&metadata.post_logout_redirect_uris) {
        assert!(RedirectUri::register(uri.as_str()).is_ok(), "{uri}");
    }
    if metadata.check().is_ok() {
        for url in [&metadata.jwks_uri, &metadata.logo_uri, &metadata.backchannel_logout_uri].into_iter().flatten() {
            assert!(url.starts_with("https://") || url.starts_with("http://"), "{url}");
        }
    }
});
