//! When a certificate ends.

use countersign_model::time::Timestamp;
use rustls_pki_types::CertificateDer;
use x509_cert::der::Decode;

/// `notAfter` (RFC 5280 §4.1.2.5); `None` if it is no certificate.
pub fn not_after(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
    let end = certificate.tbs_certificate.validity.not_after.to_unix_duration();
    Some(Timestamp::from_micros(0).after(end))
}
