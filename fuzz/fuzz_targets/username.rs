//! Usernames, and the field that takes any identifier: one canonical form, which no other kind shares.
#![no_main]

use countersign_model::identifier::{Identifier, IdentifierKind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(name) = Identifier::username(text, 255) {
        let canonical = name.canonical();
        if let Ok(again) = Identifier::username(canonical, 255) {
            assert_eq!(again.canonical(), canonical, "from {text:?}");
        }
        assert!(!canonical.contains(['@', ':', ' ']), "{text:?} gave {canonical:?}");
        assert!(Identifier::email(canonical).is_err(), "{text:?} is a name and an address");
        assert!(Identifier::phone(canonical, None).is_err(), "{text:?} is a name and a number");
    }
    if let Some(any) = Identifier::any(text, None) {
        assert_eq!(any.kind() == IdentifierKind::Email, text.contains('@'), "{text:?}");
    }
});
