//! Certificates: loaded, made, renewed while the server runs.

mod any_client;
mod expiry;
mod self_signed;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use countersign_model::time::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::NoServerSessionStorage;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::CertificateFiles;

use any_client::AnyClient;
pub use expiry::not_after;
pub use self_signed::{CERTIFICATE, make};

/// What a listener speaks over TLS, in order of preference (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocols {
    /// HTTP/2, else HTTP/1.1.
    Http,
    /// The same, with the certificate of a client that has one.
    Mtls,
    /// 002's line protocol, which has no name there.
    Line,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not there, not readable, or holds no PEM of the kind.
    #[error("{path}: {reason}")]
    File {
        /// Which of the two it is, as in the configuration file: `certificate` or `key`.
        setting: &'static str,
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The key is not that of the certificate, or of an unknown kind.
    #[error("{path} does not go with its key: {reason}")]
    Pair {
        /// The certificate.
        path: String,
        /// Why.
        reason: rustls::Error,
    },
}

/// A listener's certificate, which can be renewed.
#[derive(Clone)]
pub struct Certificate {
    files: CertificateFiles,
    protocols: Protocols,
    /// What new connections take.
    pub current: Arc<ArcSwap<ServerConfig>>,
    /// When it ends.
    pub not_after: Timestamp,
}

impl TlsError {
    /// Which of the two files it is about, as in the configuration file.
    pub fn setting(&self) -> &'static str {
        match self {
            TlsError::File { setting, .. } => setting,
            TlsError::Pair { .. } => "certificate",
        }
    }
}

impl Certificate {
    /// Loads the files.
    ///
    /// # Errors
    /// What is wrong with each file, or with the pair.
    pub fn load(files: &CertificateFiles, protocols: Protocols) -> Result<Certificate, Vec<TlsError>> {
        let (config, not_after) = server_config(files, protocols)?;
        let current = Arc::new(ArcSwap::from_pointee(config));
        Ok(Certificate { files: files.clone(), protocols, current, not_after })
    }

    /// Loads the files again; connections that are open keep what they have (R142).
    ///
    /// # Errors
    /// As [`Certificate::load`]; then the old certificate stays.
    pub fn reload(&mut self) -> Result<(), Vec<TlsError>> {
        let (config, not_after) = server_config(&self.files, self.protocols)?;
        self.current.store(Arc::new(config));
        self.not_after = not_after;
        Ok(())
    }

    /// The file of the chain.
    pub fn path(&self) -> &Path {
        &self.files.certificate
    }
}

/// The chain and the end of its first certificate.
fn chain(path: &Path) -> Result<(Vec<CertificateDer<'static>>, Timestamp), TlsError> {
    let wrong =
        |reason: String| TlsError::File { setting: "certificate", path: path.display().to_string(), reason };
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(told(&error)))?;
    let first = chain.first().ok_or_else(|| wrong("no certificate in PEM form in it".to_owned()))?;
    let not_after = not_after(first).ok_or_else(|| wrong("the first certificate is malformed".to_owned()))?;
    Ok((chain, not_after))
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| {
        // Of both forms, PKCS#8 and the older ones.
        let is_encrypted = fs::read_to_string(path)
            .is_ok_and(|text| text.contains("BEGIN ENCRYPTED") || text.contains("Proc-Type: 4,ENCRYPTED"));
        let reason = match (&error, is_encrypted) {
            (_, true) => "the key is encrypted, and nobody can enter its passphrase at a start; \
                          `openssl pkey -in FILE -out NEW` writes it without one"
                .to_owned(),
            (pem::Error::NoItemsFound, false) => "no private key in PEM form in it".to_owned(),
            (error, false) => told(error),
        };
        TlsError::File { setting: "key", path: path.display().to_string(), reason }
    })
}

#[allow(clippy::wildcard_enum_match_arm)] // The library may add more, and of each there is the same to say.
fn told(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        // Its own words show bytes of the file.
        _ => "it is not in PEM form".to_owned(),
    }
}

/// TLS 1.2 and 1.3 with the provider's suites, all of them AEAD with forward secrecy (R138).
fn server_config(
    files: &CertificateFiles,
    protocols: Protocols,
) -> Result<(ServerConfig, Timestamp), Vec<TlsError>> {
    let ((chain, not_after), key) = match (chain(&files.certificate), key(&files.key)) {
        (Ok(chain), Ok(key)) => (chain, key),
        (chain, key) => return Err([chain.err(), key.err()].into_iter().flatten().collect()),
    };
    let mismatch = |reason| vec![TlsError::Pair { path: files.certificate.display().to_string(), reason }];
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(mismatch)?;
    let builder = match protocols {
        Protocols::Mtls => builder.with_client_cert_verifier(Arc::new(AnyClient(provider))),
        Protocols::Http | Protocols::Line => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(mismatch)?;
    match protocols {
        Protocols::Http => config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Protocols::Mtls => {
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            // Each connection shows anew that the client has the key.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Protocols::Line => {}
    }
    Ok((config, not_after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_dir::DataDir;

    fn load(certificate: &Path, key: &Path) -> Result<Certificate, Vec<TlsError>> {
        let files = CertificateFiles { certificate: certificate.to_owned(), key: key.to_owned() };
        Certificate::load(&files, Protocols::Http)
    }

    #[test]
    fn a_made_certificate_loads_and_lasts_ten_years() {
        let home = tempfile::tempdir().unwrap();
        let directory = DataDir::prepare(home.path()).unwrap();
        let now = countersign_model::time::Clock::system().now();
        let files = make(&directory, now).unwrap();
        let mut loaded = load(&files.certificate, &files.key).unwrap();
        let days = loaded.not_after.since(now).as_secs() / 86_400;
        assert!((3649..=3653).contains(&days), "{days}");
        loaded.reload().unwrap();
        let again = make(&directory, now).unwrap();
        assert_eq!(again, files);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_the_old_one_stays() {
        let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let now = countersign_model::time::Clock::system().now();
        let [one, other] =
            homes.each_ref().map(|home| make(&DataDir::prepare(home.path()).unwrap(), now).unwrap());
        let wrong = |certificate, key| load(certificate, key).err().unwrap();
        assert!(matches!(wrong(&one.certificate, &other.key)[..], [TlsError::Pair { .. }]));
        assert!(matches!(wrong(&one.key, &one.key)[..], [TlsError::File { setting: "certificate", .. }]));
        let nowhere = Path::new("/nowhere");
        assert!(matches!(wrong(nowhere, &one.key)[..], [TlsError::File { setting: "certificate", .. }]));
        assert_eq!(wrong(nowhere, nowhere).len(), 2);
        let encrypted = homes[0].path().join("encrypted.pem");
        fs::write(
            &encrypted,
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        )
        .unwrap();
        assert!(wrong(&one.certificate, &encrypted)[0].to_string().contains("encrypted"));
        let mut loaded = load(&one.certificate, &one.key).unwrap();
        let before = loaded.current.load_full();
        fs::write(&one.certificate, "x").unwrap();
        assert!(loaded.reload().is_err());
        assert!(Arc::ptr_eq(&before, &loaded.current.load_full()));
    }
}
