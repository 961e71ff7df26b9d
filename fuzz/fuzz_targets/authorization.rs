//! Authorization requests, in the query and pushed: whatever they hold, nobody is sent anywhere but to the registered
//! redirect URI or to a page of ours.
#![no_main]

use countersign_fuzz::{PROVIDER, REDIRECT_URI, basic};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|query: &str| {
    // What no client of HTTP would let through does not come in.
    if query.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
        && let Some(answer) = PROVIDER.send("GET", &format!("/oauth2/authorize?{query}"), &[], b"")
    {
        let to = answer.headers.get("location").and_then(|to| to.to_str().ok()).unwrap_or("/oauth2/continue?");
        let is_answer = to.strip_prefix(REDIRECT_URI).is_some_and(|rest| rest.starts_with(['?', '#']));
        assert!(is_answer || to.starts_with("/oauth2/continue?"), "{query}: {to}");
        assert!(matches!(answer.status, 200 | 302 | 303 | 400 | 401 | 403 | 414), "{query}: {}", answer.status);
    }
    let Some(answer) = PROVIDER.post("/oauth2/par", &[("authorization", &basic())], query.as_bytes()) else { return };
    assert!(matches!(answer.status, 201 | 400 | 401 | 413), "{query}: {}", answer.status);
});
