//! The second stage: everything as meant, checked and typed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use countersign_delivery::DeliverySettings;
use countersign_model::secret::Secret;
use countersign_ops::hasher::HasherSettings;
use countersign_ops::oauth::plan_clients::ConfiguredClient;
use countersign_wire::SurfaceSettings;
use countersign_wire::http::TrustedProxies;

use super::mtls::MtlsListener;

/// What an operator has set, and the defaults of the rest.
#[derive(Debug)]
pub struct Settings {
    /// Where keys, certificates and the embedded database are.
    pub data_dir: PathBuf,
    /// `sqlite:PATH` or `postgres://…`.
    pub database: Secret,
    /// The HTTP listener.
    pub listen: SocketAddr,
    /// The metrics listener.
    pub metrics_listen: SocketAddr,
    /// The line listener.
    pub line: LineListener,
    /// Where certificates of clients come from.
    pub mtls: MtlsListener,
    /// The base of links; `None`: the address of the HTTP listener.
    pub public_url: Option<String>,
    /// TLS of the HTTP listener.
    pub tls: Option<CertificateFiles>,
    /// Something in front of the server speaks TLS for it.
    pub tls_terminated_by_proxy: bool,
    /// Whose `Forwarded` and `X-Forwarded-For` count.
    pub trusted_proxies: TrustedProxies,
    /// Document 000.
    pub ouser: SurfaceSettings,
    /// 000: parameters in the query string count too (acceptance decision 3).
    pub ouser_accept_query: bool,
    /// Document 001.
    pub authd: SurfaceSettings,
    /// Document 003.
    pub authv1: SurfaceSettings,
    /// Document 004.
    pub rest: SurfaceSettings,
    /// OAuth and OpenID Connect.
    pub oauth: SurfaceSettings,
    /// Clients that the configuration names.
    pub clients: Vec<ConfiguredClient>,
    /// Bounds of connections and bodies.
    pub bounds: Bounds,
    /// What the operations look up.
    pub operations: countersign_ops::Settings,
    /// The password hash pool.
    pub hasher: HasherSettings,
    /// Mail and SMS.
    pub delivery: DeliverySettings,
    /// Where the master key comes from.
    pub master_key: MasterKeySource,
    /// The log.
    pub log: LogSettings,
}

impl Settings {
    /// The URL of the HTTP listener, if this is its address.
    pub fn own_url(&self, address: SocketAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    }

    /// What the server calls itself, and the base of links, if its HTTP listener has this address.
    pub fn public_url(&self, address: SocketAddr) -> String {
        self.public_url.clone().unwrap_or_else(|| self.own_url(address))
    }
}

/// The listener of document 002.
#[derive(Clone, Debug)]
pub struct LineListener {
    /// Whether there is one.
    pub enabled: bool,
    /// Where.
    pub listen: SocketAddr,
    /// Its certificate; `None`: that of the HTTP listener, else a self-signed one.
    pub certificate: Option<CertificateFiles>,
}

/// PEM files of a certificate chain and its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// How much of everything the listeners take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// HTTP connections.
    pub connections: usize,
    /// HTTP connections of one source.
    pub connections_per_source: usize,
    /// Line connections.
    pub line_connections: usize,
    /// Line connections of one source.
    pub line_connections_per_source: usize,
    /// Bytes of a request body.
    pub body_bytes: usize,
}

/// Where the master key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MasterKeySource {
    /// `master.key` in the data directory, made at first start.
    DataDirectory,
    /// A file of the operator's.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// What a shell command prints.
    Command(String),
}

/// The log.
#[derive(Clone, Copy, Debug)]
pub struct LogSettings {
    /// The least level of our own events.
    pub level: tracing::Level,
    /// As JSON lines.
    pub json: bool,
}

/// A time that a rate limiter or a timer can work with.
pub fn is_positive(duration: &Duration) -> bool {
    !duration.is_zero()
}
