//! Forms, plain and multipart: never more fields than allowed, and every text that is given out is free of NUL.
#![no_main]

use countersign_wire::http::Accept;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    for content_type in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=X"] {
        let Ok(fields) = Accept::ANY.read(Some(content_type), body) else { continue };
        assert!(fields.len() <= 100);
        for name in ["a", "identifier", "password"] {
            if let Ok(text) = fields.text(name) {
                assert!(!text.is_empty() && !text.contains('\0'));
            }
            let _ = fields.optional_flag(name);
        }
    }
});
