//! Certificates of clients as a proxy tells of them (RFC 9440): `:BASE64:`, and a list of such.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_ops::oauth::client_certificate::ClientCertificate;

/// More certificates than this lead to no authority.
const LONGEST_CHAIN: usize = 8;

/// The certificate of the first header, with those of the second; `None` if something in them is none.
pub fn read(own: &str, chain: &str) -> Option<ClientCertificate> {
    let items = chain.split(',').map(str::trim).filter(|item| !item.is_empty());
    let all: Vec<Vec<u8>> = std::iter::once(own.trim()).chain(items).map(bytes).collect::<Option<_>>()?;
    (all.len() <= LONGEST_CHAIN + 1).then(|| ClientCertificate::from_chain(all)).flatten()
}

/// A byte sequence (RFC 8941 §3.3.5).
fn bytes(item: &str) -> Option<Vec<u8>> {
    let encoded = item.strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(encoded).ok().filter(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_sequences_are_read_and_nothing_else() {
        let one = ClientCertificate::from_chain([b"one".to_vec()]);
        let three = ClientCertificate::from_chain([b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]);
        assert_eq!(read(":b25l:", ""), one);
        assert_eq!(read(" :b25l: ", ":dHdv:, :dGhyZWU=:"), three);
        for bad in ["", "b25l", ":b25l", "::", ":b25l:;x=1", ":b25l:, :dHdv:", ":b 25l:", "-----BEGIN"] {
            assert_eq!(read(bad, ""), None, "{bad}");
        }
        assert_eq!(read(":b25l:", "x"), None);
        assert_eq!(read(":b25l:", &":dHdv:,".repeat(9)), None);
    }
}
