//! Phone numbers, with and without a region: one canonical form, of digits.
#![no_main]

use countersign_model::identifier::{Identifier, Region};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for region in [None, Region::parse("DE"), Region::parse("US")] {
        let Ok(number) = Identifier::phone(text, region) else { continue };
        let canonical = number.canonical();
        let digits = canonical.strip_prefix('+').unwrap_or(canonical);
        assert!(!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()), "{text:?} gave {canonical:?}");
        assert!(digits.len() <= 15, "{text:?} gave {canonical:?}");
        if let Ok(again) = Identifier::phone(canonical, region) {
            assert_eq!(again.canonical(), canonical, "from {text:?}");
        }
    }
});
