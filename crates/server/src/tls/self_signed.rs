//! The certificate that the line surface has until the operator gives it one.

use countersign_model::time::Timestamp;
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

use crate::config::CertificateFiles;
use crate::data_dir::DataDir;
use crate::failure::{Failure, Outcome};

/// The certificate's file in the data directory.
pub const CERTIFICATE: &str = "line-cert.pem";
const KEY: &str = "line-key.pem";

/// Makes the pair if it is not there, good for this machine only and for ten years.
///
/// # Errors
/// If it cannot be made or written.
pub fn make(data_dir: &DataDir, now: Timestamp) -> Outcome<CertificateFiles> {
    let files = CertificateFiles { certificate: data_dir.file(CERTIFICATE), key: data_dir.file(KEY) };
    if !files.certificate.exists() || !files.key.exists() {
        let (certificate, key) = draw(now).map_err(|error| {
            Failure::failed(format!("cannot make a certificate for the line surface: {error}"))
        })?;
        // A half-made pair of an earlier start is of no use to anybody.
        let _ = std::fs::remove_file(&files.certificate);
        let _ = std::fs::remove_file(&files.key);
        data_dir.write_once(KEY, key.as_bytes())?;
        data_dir.write_once(CERTIFICATE, certificate.as_bytes())?;
    }
    Ok(files)
}

fn draw(now: Timestamp) -> Result<(String, String), rcgen::Error> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "Countersign on this machine");
    let year = now.rfc3339().get(..4).and_then(|year| year.parse().ok()).unwrap_or(2026);
    let month = now.rfc3339().get(5..7).and_then(|month| month.parse().ok()).unwrap_or(1);
    let day = now.rfc3339().get(8..10).and_then(|day| day.parse().ok()).unwrap_or(1);
    // A day of grace for clocks that are behind; the 28th exists in every month.
    let day = if day > 28 { 28 } else { day };
    params.not_before = date_time_ymd(year, month, day) - std::time::Duration::from_secs(86_400);
    params.not_after = date_time_ymd(year + 10, month, day);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}
