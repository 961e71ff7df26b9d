//! `[oauth.mtls]`: how certificates of clients get here, and whose count (RFC 8705).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use countersign_ops::MtlsSettings;
use countersign_ops::oauth::client_authorities::{AuthoritiesError, ClientAuthorities};
use http::HeaderName;

use super::delivery::http_url;
use super::reader::Reader;

/// Where certificates come from.
#[derive(Clone, Debug, Default)]
pub struct MtlsListener {
    /// A listener that asks for them.
    pub listen: Option<SocketAddr>,
    /// The header in which a trusted proxy tells of them.
    pub proxy_header: Option<HeaderName>,
    /// Where the authorities stand.
    pub authorities: Option<AuthorityFiles>,
}

/// The files of authorities and of what they have revoked.
#[derive(Clone, Debug)]
pub struct AuthorityFiles {
    /// Certificates in PEM form.
    pub authorities: PathBuf,
    /// Lists of revoked certificates, in PEM or DER form.
    pub lists: Vec<PathBuf>,
}

/// One of them cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct AuthorityFileError {
    key: &'static str,
    path: PathBuf,
    reason: String,
}

const AUTHORITIES: &str = "oauth.mtls.ca_file";
const LISTS: &str = "oauth.mtls.crl_files";

/// Reads it.
pub fn read(reader: &mut Reader<'_>) -> (MtlsListener, MtlsSettings) {
    let listen =
        reader.optional_checked("oauth.mtls.listen", "an address such as \"0.0.0.0:8443\"", |_| true);
    let proxy_header = reader.parsed("oauth.mtls.proxy_header", "a header such as \"Client-Cert\"", header);
    let url = reader.parsed("oauth.mtls.url", "an https URL without query and fragment", url);
    let (files, authorities) = authorities(reader);
    let settings = MtlsSettings { enabled: listen.is_some() || proxy_header.is_some(), url, authorities };
    if !settings.enabled && (settings.url.is_some() || settings.authorities.is_some()) {
        reader.missing(
            "[oauth.mtls] has no effect without `oauth.mtls.listen`, or `oauth.mtls.proxy_header` behind a proxy \
             that speaks TLS",
        );
    }
    (MtlsListener { listen, proxy_header, authorities: files }, settings)
}

fn header(text: &str) -> Option<HeaderName> {
    HeaderName::try_from(text).ok()
}

fn url(text: &str) -> Option<String> {
    let url = http_url(text).filter(|url| url.starts_with("https://"))?;
    (!url.contains(['?', '#', '@', ' '])).then(|| url.trim_end_matches('/').to_owned())
}

fn authorities(reader: &mut Reader<'_>) -> (Option<AuthorityFiles>, Option<ClientAuthorities>) {
    let authorities = reader.path(AUTHORITIES);
    let lists = reader.paths(LISTS);
    let Some(authorities) = authorities else {
        if !lists.is_empty() {
            reader.missing("`oauth.mtls.crl_files` has no effect without `oauth.mtls.ca_file`");
        }
        return (None, None);
    };
    let files = AuthorityFiles { authorities, lists };
    match files.load() {
        Ok(loaded) => (Some(files), Some(loaded)),
        Err(error) => {
            let origin = reader.origin(error.key);
            reader.problem(&origin, format!("`{}`: {error}", error.key));
            (None, None)
        }
    }
}

impl AuthorityFiles {
    /// Reads them.
    ///
    /// # Errors
    /// [`AuthorityFileError`].
    pub fn load(&self) -> Result<ClientAuthorities, AuthorityFileError> {
        let fault = |key, path: &Path, error: &dyn fmt::Display| AuthorityFileError {
            key,
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let read = |key, path: &Path| fs::read(path).map_err(|error| fault(key, path, &error));
        let authorities = read(AUTHORITIES, &self.authorities)?;
        let lists = self.lists.iter().map(|path| read(LISTS, path)).collect::<Result<Vec<_>, _>>()?;
        ClientAuthorities::read(&authorities, &lists).map_err(|error| match error {
            AuthoritiesError::NoList(number) => {
                fault(LISTS, self.lists.get(number).unwrap_or(&self.authorities), &error)
            }
            AuthoritiesError::NoAuthorities => fault(AUTHORITIES, &self.authorities, &error),
        })
    }
}
