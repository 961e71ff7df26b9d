//! Certificates for tests, and a client configuration that takes any certificate and keeps what it saw.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};

use crate::source;

/// The files of a server that a small certificate authority vouches for.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate of the authority, to be trusted by clients (`SSL_CERT_FILE`).
    pub authority: PathBuf,
    /// The certificate of the server.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Makes an authority and a certificate for `localhost` and 127.0.0.1 in `directory`.
pub fn certificate_for_localhost(directory: &Path) -> Certificate {
    certificate_for(directory, &["localhost", "127.0.0.1"])
}

/// Makes an authority and a certificate for `names` in `directory`.
pub fn certificate_for(directory: &Path, names: &[&str]) -> Certificate {
    let mut authority = CertificateParams::new(Vec::new()).expect("no names");
    // Were both names alike, OpenSSL would take the server's certificate for a self-signed one.
    authority.distinguished_name.push(DnType::CommonName, "Countersign test authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().expect("a key");
    let authority_certificate = authority.self_signed(&authority_key).expect("a certificate");
    let issuer = Issuer::new(authority, authority_key);
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let key = KeyPair::generate().expect("a key");
    let certificate =
        CertificateParams::new(names).expect("names").signed_by(&key, &issuer).expect("a certificate");
    let write = |name: &str, text: String| {
        let path = directory.join(name);
        fs::write(&path, text).expect("a file in the run's directory");
        path
    };
    Certificate {
        authority: write("authority.pem", authority_certificate.pem()),
        certificate: write("certificate.pem", certificate.pem()),
        key: write("key.pem", key.serialize_pem()),
    }
}

/// Bytes over TLS to and from `server`, once both have agreed on `protocol` (ALPN).
pub fn connect(
    source: Ipv4Addr,
    server: SocketAddr,
    protocol: &str,
) -> io::Result<impl io::Read + io::Write> {
    let mut config = (*trusting_client()).clone();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let name = ServerName::try_from("localhost").expect("a name");
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let mut socket = source::connect(source, server)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket)?;
    }
    assert_eq!(connection.alpn_protocol(), Some(protocol.as_bytes()), "the protocol that was agreed on");
    Ok(StreamOwned::new(connection, socket))
}

/// A client that accepts whatever certificate the server shows, since tests meet self-signed ones.
pub fn trusting_client() -> Arc<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the versions of the provider")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    Arc::new(config)
}

#[derive(Debug)]
pub(crate) struct AnyCertificate(pub(crate) Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
