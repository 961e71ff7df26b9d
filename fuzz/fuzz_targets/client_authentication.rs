//! What clients show who they are by: a header and a form. Two lines: the header, and the form that is posted.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_fuzz::{CLIENT, PROVIDER, SECRET};
use libfuzzer_sys::fuzz_target;

const PATHS: [&str; 4] = ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke", "/oauth2/device_authorization"];

fuzz_target!(|input: &[u8]| {
    let split = input.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (header, form) = (&input[..split], &input[(split + 1).min(input.len())..]);
    let Ok(header) = std::str::from_utf8(header) else { return };
    // What follows `RAW ` is encoded here, so that ids and secrets are found without base64.
    let header = match header.strip_prefix("RAW ") {
        Some(pair) => format!("Basic {}", STANDARD.encode(pair)),
        None => header.to_owned(),
    };
    let headers: &[(&str, &str)] = if header.is_empty() { &[] } else { &[("authorization", &header)] };
    for path in PATHS {
        let Some(answer) = PROVIDER.post(path, headers, form) else { return };
        assert!(matches!(answer.status, 200 | 400 | 401 | 403 | 413 | 415), "{path}: {}", answer.status);
        if answer.status == 200 {
            assert!(shows_secret(&header, form), "{path}: {header:?} {:?}", String::from_utf8_lossy(form));
        }
    }
});

/// Whether id and secret are in it, in whichever spelling.
fn shows_secret(header: &str, form: &[u8]) -> bool {
    let encoded = header.split_once(' ').map(|(_, encoded)| encoded.trim()).unwrap_or_default();
    let decoded = STANDARD.decode(encoded).unwrap_or_default();
    [form, &decoded].into_iter().any(|bytes| {
        let spaced: Vec<u8> = bytes.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
        let text = percent_encoding::percent_decode(&spaced).decode_utf8_lossy().into_owned();
        text.contains(CLIENT) && text.contains(SECRET)
    })
}
