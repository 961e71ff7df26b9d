//! How the HTTP surfaces are set up, as meant; the server makes this from its configuration.

use std::time::Duration;

use http::HeaderName;

use crate::http::TrustedProxies;

/// Everything the HTTP surfaces look up instead of deciding it.
#[derive(Clone, Debug)]
pub struct WireSettings {
    /// Proxies whose word about the address of a client is taken (R020).
    pub trusted_proxies: TrustedProxies,
    /// The header in which they tell of a client's certificate (RFC 9440).
    pub client_certificate_header: Option<HeaderName>,
    /// The longest request body, in bytes (R119).
    pub body_bytes: usize,
    /// How long a request body may take to arrive (R120).
    pub body_timeout: Duration,
    /// Whether clients reach the server over TLS, here or at a proxy: then replies say so for good
    /// (HSTS, R123).
    pub over_tls: bool,
    /// Document 000.
    pub ouser: SurfaceSettings,
    /// Whether 000 takes parameters from the query string (acceptance decision 3).
    pub ouser_accept_query: bool,
    /// Document 001.
    pub authd: SurfaceSettings,
    /// Document 003.
    pub authv1: SurfaceSettings,
    /// Document 004.
    pub rest: SurfaceSettings,
    /// OAuth and OpenID Connect. Without a prefix: its paths follow the issuer.
    pub oauth: SurfaceSettings,
}

/// Whether and where a surface is served.
#[derive(Clone, Debug)]
pub struct SurfaceSettings {
    /// Whether it is served at all.
    pub enabled: bool,
    /// What stands before the document's paths: empty, or `/` and more, without a slash at the end.
    pub prefix: String,
}

impl Default for SurfaceSettings {
    fn default() -> SurfaceSettings {
        SurfaceSettings { enabled: true, prefix: String::new() }
    }
}

impl Default for WireSettings {
    fn default() -> WireSettings {
        WireSettings {
            trusted_proxies: TrustedProxies::default(),
            client_certificate_header: None,
            body_bytes: 64 * 1024,
            body_timeout: Duration::from_secs(15),
            over_tls: false,
            ouser: SurfaceSettings::default(),
            ouser_accept_query: true,
            authd: SurfaceSettings::default(),
            authv1: SurfaceSettings::default(),
            rest: SurfaceSettings::default(),
            oauth: SurfaceSettings::default(),
        }
    }
}
