//! `[oauth.mtls]`: how certificates of clients get here, and whose count (RFC 8705).

use std::fs;
use std::net::SocketAddr;

use countersign_ops::MtlsSettings;
use countersign_ops::oauth::client_certificate::ClientAuthorities;
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
}

/// Reads it.
pub fn read(reader: &mut Reader<'_>) -> (MtlsListener, MtlsSettings) {
    let listen =
        reader.optional_checked("oauth.mtls.listen", "an address such as \"0.0.0.0:8443\"", |_| true);
    let proxy_header = reader.parsed("oauth.mtls.proxy_header", "a header such as \"Client-Cert\"", header);
    let url = reader.parsed("oauth.mtls.url", "an https URL without query and fragment", url);
    let settings = MtlsSettings {
        enabled: listen.is_some() || proxy_header.is_some(),
        url,
        authorities: authorities(reader),
    };
    if !settings.enabled && (settings.url.is_some() || settings.authorities.is_some()) {
        reader.missing(
            "[oauth.mtls] has no effect without `oauth.mtls.listen`, or `oauth.mtls.proxy_header` behind a proxy \
             that speaks TLS",
        );
    }
    (MtlsListener { listen, proxy_header }, settings)
}

fn header(text: &str) -> Option<HeaderName> {
    HeaderName::try_from(text).ok()
}

fn url(text: &str) -> Option<String> {
    let url = http_url(text).filter(|url| url.starts_with("https://"))?;
    (!url.contains(['?', '#', '@', ' '])).then(|| url.trim_end_matches('/').to_owned())
}

fn authorities(reader: &mut Reader<'_>) -> Option<ClientAuthorities> {
    const KEY: &str = "oauth.mtls.ca_file";
    let path = reader.path(KEY)?;
    let read = fs::read(&path).map_err(|error| error.to_string());
    let read = read.and_then(|pem| ClientAuthorities::from_pem(&pem).map_err(|error| error.to_string()));
    match read {
        Ok(authorities) => Some(authorities),
        Err(error) => {
            let origin = reader.origin(KEY);
            reader.problem(&origin, format!("`{KEY}`: {}: {error}", path.display()));
            None
        }
    }
}
