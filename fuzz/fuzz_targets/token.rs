//! Tokens as presented: any text has a digest, and one changed character never passes for the same token.
#![no_main]

use countersign_model::session::{Token, is_marked};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let token = Token::presented(text);
    assert!(token.digest() == Token::presented(text).digest());
    assert!(token.digest() != Token::presented(&format!("{text} ")).digest());
    if is_marked(text) {
        let mut cut = text.to_owned();
        cut.pop();
        assert!(!is_marked(&cut), "{text:?}");
    }
});
