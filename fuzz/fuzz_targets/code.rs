//! Codes as people type them: what is shown is read back.
#![no_main]

use countersign_model::code::Code;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Some(code) = Code::parse(text) else { return };
    assert_eq!(code.canonical().len(), 10);
    let shown = code.display();
    assert!(Code::parse(shown.reveal()).as_ref() == Some(&code), "{text:?}");
    assert!(Code::parse(&shown.reveal().to_ascii_lowercase()).as_ref() == Some(&code), "{text:?}");
});
