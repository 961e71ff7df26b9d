//! The authorities whose certificates name clients (RFC 8705 §2.1), and which of these they have revoked (RFC 5280 §5).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign_model::time::Timestamp;
use rustls::crypto::aws_lc_rs as provider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{CertificateError, Error, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use x509_cert::crl::CertificateList;
use x509_cert::der::Decode;

/// Authorities and their lists; clones are one, and change together.
#[derive(Clone)]
pub struct ClientAuthorities(Arc<ArcSwap<Loaded>>);

struct Loaded {
    verifier: Arc<dyn ClientCertVerifier>,
    lists_end: Option<Timestamp>,
}

/// Why files make no authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthoritiesError {
    /// A file that holds no certificates of authorities.
    #[error("no certificates of authorities in PEM form")]
    NoAuthorities,
    /// The file of this number holds no list of revoked certificates.
    #[error("no list of revoked certificates in PEM or DER form")]
    NoList(usize),
}

/// Why no authority vouches for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotVouchedFor {
    /// Its authority, or one between, has revoked it or what it comes from.
    #[error("it is revoked")]
    Revoked,
    /// There are lists, and none of its authority or of one between.
    #[error("no list of revoked certificates speaks of it: one of its authority is missing")]
    NoList,
    /// The list that speaks of it is from before.
    #[error("the list of revoked certificates that speaks of it is out of date")]
    OldList,
    /// It comes from nobody who counts, is not good now, or is not for clients.
    #[error("no authority vouches for it")]
    Stranger,
}

impl ClientAuthorities {
    /// Reads certificates in PEM form, one at least, and files with lists of revoked certificates, one at least in
    /// each. With a list, every certificate below an authority must be on a list that says that it is good: one
    /// that no list speaks of, or only one that should have been replaced by now, is refused. Whoever could hold a
    /// list back could otherwise use what it revokes.
    ///
    /// # Errors
    /// [`AuthoritiesError`].
    pub fn read(authorities: &[u8], lists: &[Vec<u8>]) -> Result<ClientAuthorities, AuthoritiesError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authorities) {
            let certificate = certificate.map_err(|_| AuthoritiesError::NoAuthorities)?;
            roots.add(certificate).map_err(|_| AuthoritiesError::NoAuthorities)?;
        }
        let crypto = Arc::new(provider::default_provider());
        let builder = || {
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots.clone()), Arc::clone(&crypto))
                .enforce_revocation_expiration()
        };
        builder().build().map_err(|_| AuthoritiesError::NoAuthorities)?;
        let mut all = Vec::new();
        for (number, file) in lists.iter().enumerate() {
            let read = lists_in(file).filter(|lists| builder().with_crls(lists.clone()).build().is_ok());
            all.extend(read.ok_or(AuthoritiesError::NoList(number))?);
        }
        // Of several of one authority the first counts.
        all.sort_by_key(|list| std::cmp::Reverse(this_update(list)));
        let lists_end = all.iter().filter_map(next_update).min();
        let verifier = builder().with_crls(all).build().map_err(|_| AuthoritiesError::NoAuthorities)?;
        Ok(ClientAuthorities(Arc::new(ArcSwap::from_pointee(Loaded { verifier, lists_end }))))
    }

    /// Takes the authorities and lists of another one.
    pub fn replace(&self, other: &ClientAuthorities) {
        self.0.store(other.0.load_full());
    }

    /// When the first list should have been replaced.
    pub fn lists_end(&self) -> Option<Timestamp> {
        self.0.load().lists_end
    }

    /// Whether one of them vouches for the certificate at this time, and for a client's.
    ///
    /// # Errors
    /// [`NotVouchedFor`].
    pub(crate) fn vouch_for(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<(), NotVouchedFor> {
        let seconds = u64::try_from(now.seconds()).unwrap_or(0);
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        match self.0.load().verifier.verify_client_cert(own, others, now) {
            Ok(_) => Ok(()),
            Err(Error::InvalidCertificate(CertificateError::Revoked)) => Err(NotVouchedFor::Revoked),
            Err(Error::InvalidCertificate(CertificateError::UnknownRevocationStatus)) => {
                Err(NotVouchedFor::NoList)
            }
            Err(Error::InvalidCertificate(
                CertificateError::ExpiredRevocationList
                | CertificateError::ExpiredRevocationListContext { .. },
            )) => Err(NotVouchedFor::OldList),
            Err(_) => Err(NotVouchedFor::Stranger),
        }
    }
}

impl fmt::Debug for ClientAuthorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientAuthorities").finish_non_exhaustive()
    }
}

/// The lists of a file: those in PEM form, or the one that it is.
fn lists_in(file: &[u8]) -> Option<Vec<CertificateRevocationListDer<'static>>> {
    let in_pem = CertificateRevocationListDer::pem_slice_iter(file).collect::<Result<Vec<_>, _>>().ok()?;
    // DER begins with the tag of a sequence.
    let in_der = (file.first() == Some(&0x30)).then(|| CertificateRevocationListDer::from(file.to_vec()));
    let all: Vec<_> = if in_pem.is_empty() { in_der.into_iter().collect() } else { in_pem };
    (!all.is_empty()).then_some(all)
}

/// [`CertificateRevocationListDer`] was read before; what cannot be read again is as old as can be.
fn this_update(list: &CertificateRevocationListDer<'_>) -> Option<Duration> {
    CertificateList::from_der(list).ok().map(|list| list.tbs_cert_list.this_update.to_unix_duration())
}

fn next_update(list: &CertificateRevocationListDer<'_>) -> Option<Timestamp> {
    let list = CertificateList::from_der(list).ok()?;
    Some(Timestamp::from_micros(0).after(list.tbs_cert_list.next_update?.to_unix_duration()))
}
