//! An authority whose key is known here, so that inputs come behind its signature. It always signs alike, so one input is
//! always one certificate.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

/// Its certificate.
pub const CERTIFICATE: &[u8] = include_bytes!("authority/certificate.pem");
/// What it has revoked: number 9.
pub const LIST: &[u8] = include_bytes!("authority/list.pem");

/// What its key is made of.
const SEED: [u8; 32] = [7; 32];
/// `AlgorithmIdentifier` of Ed25519 (RFC 8410 §3).
const ALGORITHM: [u8; 7] = [0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];
const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// The certificate of a `TBSCertificate` (RFC 5280 §4.1), DER.
pub fn certify(tbs: &[u8]) -> Vec<u8> {
    let key = Ed25519KeyPair::from_seed_unchecked(&SEED).expect("a key");
    debug_assert_eq!(key.public_key().as_ref().len(), 32);
    let signature = key.sign(tbs);
    let signature = value(BIT_STRING, &[&[0], signature.as_ref()].concat());
    value(SEQUENCE, &[tbs, &ALGORITHM, &signature].concat())
}

/// Tag, length and value.
fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut all = vec![tag];
    if content.len() >= 0x80 {
        all.push(0x80 | length.len() as u8);
    }
    all.extend_from_slice(length);
    all.extend_from_slice(content);
    all
}
