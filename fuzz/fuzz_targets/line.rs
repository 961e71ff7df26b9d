//! One line of the line surface: never more than bounded, visible text of the client's own comes back.
#![no_main]

use countersign_wire::line::request::{ParseError, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    let shown = match parse(line) {
        Ok(None) | Err(ParseError::Garbage) => return,
        Ok(Some(request)) => vec![request.command().to_owned()],
        Err(ParseError::UnknownCommand(shown)) => vec![shown],
        Err(ParseError::Options(keys)) => keys,
    };
    assert!(!shown.is_empty() && shown.len() <= 16, "{shown:?}");
    for word in &shown {
        assert!(word.len() <= 32 && !word.contains(','), "{word:?}");
        assert!(word.bytes().all(|byte| byte.is_ascii_graphic()), "{word:?}");
    }
});
