//! E-mail addresses: the canonical form is stable, and holds nothing that could break out of a mail header.
#![no_main]

use countersign_model::identifier::Identifier;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(address) = Identifier::email(text) else { return };
    let canonical = address.canonical();
    let again = Identifier::email(canonical).expect("a canonical address is an address");
    assert_eq!(again.canonical(), canonical, "from {text:?}");
    assert!(canonical.is_ascii() && canonical.len() <= 254, "{canonical:?}");
    let breaks_out = |c: char| c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"');
    assert!(!canonical.contains(breaks_out), "{canonical:?}");
    assert!(!address.given().contains(breaks_out), "{:?}", address.given());
});
