//! Certificates of clients as a proxy tells of them: each lets in whose it is and nobody else, and tokens are bound to it.
//! What begins with `:` is sent as it is, the certificate and, on a second line, what leads to its authority. What begins
//! with `-----` is read as a file of authorities and of lists. Everything else is signed by an authority here, so that
//! inputs come behind the signature.
#![no_main]

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_fuzz::authority::{self, certify};
use countersign_fuzz::{Answer, BOUND_CLIENT, CERTIFIED_CLIENTS, CLIENT_CERTIFICATE, LEAF, PROVIDER, SECRET, leaf_point};
use countersign_ops::oauth::client_authorities::ClientAuthorities;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const GRANT: &str = "grant_type=client_credentials";

fuzz_target!(|input: &[u8]| {
    match input {
        [b'-', b'-', ..] => {
            let _ = ClientAuthorities::read(input, &[]);
            let _ = ClientAuthorities::read(authority::CERTIFICATE, &[input.to_vec()]);
        }
        [b':', ..] => {
            let Ok(text) = std::str::from_utf8(input) else { return };
            let (own, chain) = text.split_once('\n').unwrap_or((text, ""));
            let der = STANDARD.decode(own.trim().trim_matches(':')).unwrap_or_default();
            present(own, chain, &der);
        }
        tbs => {
            let der = certify(tbs);
            present(&format!(":{}:", STANDARD.encode(&der)), "", &der);
            // DER alone is a list, if anything.
            let _ = ClientAuthorities::read(authority::CERTIFICATE, &[der]);
        }
    }
});

fn present(own: &str, chain: &str, der: &[u8]) {
    for id in CERTIFIED_CLIENTS {
        let Some(answer) = ask(own, chain, &format!("{GRANT}&client_id={id}")) else { return };
        let has = |text: &[u8]| der.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text));
        let is_its = match id {
            "by-certificate" => der == certify(LEAF),
            "by-key" => has(leaf_point()),
            "by-subject" => has(b"DE") && has(b"Example, Inc.") && has(b"app"),
            "by-host" => has(b"app.example.com"),
            "by-uri" => has(b"urn:app:1"),
            "by-email" => has(b"app@example.com"),
            "by-address" => has(&[192, 0, 2, 7]),
            _ => unreachable!("{id}"),
        };
        if answer.status == 200 {
            assert!(is_its, "{id} is let in");
        }
        if der == certify(LEAF) && chain.is_empty() {
            assert_eq!(answer.status, 200, "{id} is not let in with its own");
        }
    }
    let form = format!("{GRANT}&client_id={BOUND_CLIENT}&client_secret={SECRET}");
    let Some(answer) = ask(own, chain, &form) else { return };
    if answer.status == 200 {
        let answer: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let claims = answer["access_token"].as_str().and_then(|jwt| jwt.split('.').nth(1)).expect("a JWT");
        let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
        let claims: Value = serde_json::from_slice(&claims).expect("JSON");
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, der));
        assert_eq!(claims["cnf"]["x5t#S256"], thumbprint, "bound to another one");
    }
}

fn ask(own: &str, chain: &str, form: &str) -> Option<Answer> {
    let chain_header = format!("{CLIENT_CERTIFICATE}-chain");
    let mut headers = vec![(CLIENT_CERTIFICATE, own)];
    if !chain.is_empty() {
        headers.push((&chain_header, chain));
    }
    let answer = PROVIDER.post("/oauth2/token", &headers, form.as_bytes())?;
    assert!(matches!(answer.status, 200 | 400 | 401), "{}", answer.status);
    Some(answer)
}
