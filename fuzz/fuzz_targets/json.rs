//! JSON bodies: whatever is taken, serde_json takes too, and reads the same.
#![no_main]

use countersign_wire::http::Accept;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    let Ok(fields) = Accept::JSON.read(Some("application/json"), body) else { return };
    let Ok(Value::Object(reference)) = serde_json::from_slice(body) else { panic!("not an object to serde_json") };
    assert_eq!(fields.len(), reference.len());
    for (name, value) in &reference {
        assert!(fields.value(name) == Some(value), "{name:?}");
        let _ = (fields.text(name), fields.optional_flag(name));
    }
});
