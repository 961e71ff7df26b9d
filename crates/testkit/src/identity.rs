//! Certificates of clients: signed by themselves, or by an authority.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationList, CertificateRevocationListParams, DnType,
    IsCa, Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::{scratch, tls};

/// A certificate with its key, and what leads to its authority.
#[derive(Debug)]
pub struct Identity {
    key: KeyPair,
    number: u64,
    /// DER, the own certificate first.
    pub chain: Vec<Vec<u8>>,
}

/// An authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    chain: Vec<Vec<u8>>,
    file: PathBuf,
}

/// The number of the next certificate, by which an authority revokes it.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// What a certificate says unless it is told otherwise: nothing.
fn nameless() -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
}

impl Identity {
    /// Signed by itself.
    pub fn self_signed(describe: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let mut params = nameless();
        describe(&mut params);
        let certificate = params.self_signed(&key).expect("a certificate");
        Identity { key, number: 0, chain: vec![certificate.der().to_vec()] }
    }

    /// The point of its key, of the curve P-256.
    pub fn public_key(&self) -> &[u8] {
        self.key.public_key_raw()
    }

    /// What a client with it connects with; any server will do.
    pub fn config(&self) -> Arc<ClientConfig> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let chain = self.chain.iter().cloned().map(CertificateDer::from).collect();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("the versions of the provider")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(tls::AnyCertificate(provider)))
            .with_client_auth_cert(chain, key)
            .expect("a key of the certificate");
        Arc::new(config)
    }
}

impl Authority {
    /// A new one.
    pub fn new(name: &str) -> Authority {
        let (params, key) = authority_params(name);
        let certificate = params.self_signed(&key).expect("a certificate");
        let file = scratch::directory("authority").join("ca.pem");
        std::fs::write(&file, certificate.pem()).expect("a file of our own");
        Authority { issuer: Issuer::new(params, key), chain: Vec::new(), file }
    }

    /// One that this one vouches for.
    pub fn intermediate(&self, name: &str) -> Authority {
        let (params, key) = authority_params(name);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let chain = vec![certificate.der().to_vec()];
        Authority { issuer: Issuer::new(params, key), chain, file: self.file.clone() }
    }

    /// The root's certificate, PEM.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// A certificate of a client.
    pub fn issue(&self, describe: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let mut params = nameless();
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        params.serial_number = Some(SerialNumber::from(number));
        describe(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let own = vec![certificate.der().to_vec()];
        Identity { key, number, chain: own.into_iter().chain(self.chain.clone()).collect() }
    }

    /// The list of what it has revoked, good until a year begins.
    pub fn revoked(&self, identities: &[&Identity], until: i32) -> CertificateRevocationList {
        let revoked = |identity: &&Identity| RevokedCertParams {
            serial_number: SerialNumber::from(identity.number),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            // The more it has revoked, the later it says so.
            this_update: date_time_ymd(2000 + i32::try_from(identities.len()).expect("few"), 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: identities.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).expect("a list")
    }
}

fn authority_params(name: &str) -> (CertificateParams, KeyPair) {
    let mut params = nameless();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params, KeyPair::generate().expect("a key"))
}
