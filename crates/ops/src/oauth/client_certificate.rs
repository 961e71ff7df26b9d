//! Certificates of clients (RFC 8705): what shows who a client is, and what tokens are bound to.

use std::net::IpAddr;
use std::str::FromStr;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_model::oauth::{Client, Jwks, Metadata, MetadataFault};
use countersign_model::time::Timestamp;
use rustls_pki_types::CertificateDer;
use serde_json::Value;
use x509_cert::Certificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{Ia5StringRef, PrintableStringRef, UintRef, Utf8StringRef};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::RdnSequence;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::client_authorities::{ClientAuthorities, NotVouchedFor};
use crate::jose::jwk;
use crate::repeated::Repeated;

/// Keys of certificates (RFC 3279 §2.3, RFC 5480 §2.1, RFC 8410 §3).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Certificates that were refused, by reason: who has one that was revoked can show it as often as they like, which
/// must not hide that a list is missing or out of date.
static REVOKED: Repeated = Repeated::new();
static WITHOUT_LIST: Repeated = Repeated::new();
static WITH_OLD_LIST: Repeated = Repeated::new();

/// The certificate that a client has shown, with whatever it sent to lead to an authority. That the client has
/// the private key was seen where the connection ends; nothing else is known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    own: CertificateDer<'static>,
    others: Vec<CertificateDer<'static>>,
}

impl ClientCertificate {
    /// The client's own certificate first, DER each; none if there is none.
    pub fn from_chain(chain: impl IntoIterator<Item = Vec<u8>>) -> Option<ClientCertificate> {
        let mut chain = chain.into_iter().map(CertificateDer::from);
        Some(ClientCertificate { own: chain.next()?, others: chain.collect() })
    }

    /// `x5t#S256` (RFC 8705 §3.1).
    pub(crate) fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &self.own))
    }

    /// Whether an authority vouches for it, and for the name that the client has registered (RFC 8705 §2.1).
    pub(crate) fn is_vouched_for(
        &self,
        client: &Client,
        authorities: Option<&ClientAuthorities>,
        now: Timestamp,
    ) -> bool {
        let Some(authorities) = authorities else { return false };
        match authorities.vouch_for(&self.own, &self.others, now) {
            Ok(()) => self.read().is_some_and(|certificate| has_name(&certificate, &client.metadata)),
            Err(reason) => {
                if let Some((lines, tell)) = told(reason)
                    && lines.may_write(tell)
                {
                    tracing::warn!(%reason, client = client.id.as_str(), "a client's certificate was refused");
                }
                false
            }
        }
    }

    /// Whether it is one of those that the client has registered, or of a key that it has (RFC 8705 §2.2). The
    /// signature on it means nothing; when it ends does.
    pub(crate) fn is_registered(&self, keys: &Jwks, now: Timestamp) -> bool {
        let Some(certificate) = self.read() else { return false };
        let validity = &certificate.tbs_certificate.validity;
        let start = Timestamp::from_micros(0);
        let begins = start.after(validity.not_before.to_unix_duration());
        let ends = start.after(validity.not_after.to_unix_duration());
        let is_this = |jwk: &Value| match jwk.get("x5c") {
            Some(chain) => {
                let first = chain[0].as_str().and_then(|text| STANDARD.decode(text).ok());
                first.is_some_and(|first| first == self.own.as_ref())
            }
            None => is_of_key(&certificate.tbs_certificate.subject_public_key_info, jwk),
        };
        begins <= now && now < ends && keys.keys.iter().any(is_this)
    }

    fn read(&self) -> Option<Certificate> {
        Certificate::from_der(&self.own).ok()
    }
}

/// Lines of one kind, and what sums them up.
type Told = (&'static Repeated, fn(u64));

/// Which lines of the log tell that a certificate was refused for this reason, if any do: only who has one of an
/// authority gets there. A list that is missing or late keeps all of its clients out until an operator hears of it.
fn told(reason: NotVouchedFor) -> Option<Told> {
    match reason {
        NotVouchedFor::Revoked => Some((&REVOKED, |more| {
            tracing::warn!(more, "revoked: and {more} more certificates were refused");
        })),
        NotVouchedFor::NoList => Some((&WITHOUT_LIST, |more| {
            tracing::warn!(more, "a list is missing: and {more} more certificates were refused");
        })),
        NotVouchedFor::OldList => Some((&WITH_OLD_LIST, |more| {
            tracing::warn!(more, "a list is out of date: and {more} more certificates were refused");
        })),
        NotVouchedFor::Stranger => None,
    }
}

/// Whether what a client registers of certificates can be compared with one.
///
/// # Errors
/// [`MetadataFault`].
pub(crate) fn check_names(metadata: &Metadata) -> Result<(), MetadataFault> {
    let is_name = |text: &String| RdnSequence::from_str(text).is_ok_and(|name| attributes(&name).is_some());
    let is_address = |text: &String| text.parse::<IpAddr>().is_ok();
    let checks = [
        (
            "tls_client_auth_subject_dn",
            "a distinguished name, as in CN=app,O=example",
            metadata.tls_client_auth_subject_dn.as_ref().is_none_or(is_name),
        ),
        (
            "tls_client_auth_san_ip",
            "an IP address",
            metadata.tls_client_auth_san_ip.as_ref().is_none_or(is_address),
        ),
    ];
    match checks.into_iter().find(|(_, _, is_good)| !is_good) {
        Some((name, allowed, _)) => Err(MetadataFault::Unsupported(name, allowed)),
        None => Ok(()),
    }
}

/// Whether the certificate bears the one name that is registered.
fn has_name(certificate: &Certificate, metadata: &Metadata) -> bool {
    let tbs = &certificate.tbs_certificate;
    if let Some(wanted) = &metadata.tls_client_auth_subject_dn {
        let wanted = RdnSequence::from_str(wanted).ok();
        let wanted = wanted.as_ref().and_then(attributes);
        return wanted.is_some() && wanted == attributes(&tbs.subject);
    }
    let Ok(Some((_, SubjectAltName(names)))) = tbs.get::<SubjectAltName>() else { return false };
    let is = |wanted: &Option<String>, name: &str| wanted.as_deref() == Some(name);
    names.iter().any(|name| match name {
        GeneralName::DnsName(name) => {
            let wanted = metadata.tls_client_auth_san_dns.as_ref();
            wanted.is_some_and(|wanted| wanted.eq_ignore_ascii_case(name.as_str()))
        }
        GeneralName::UniformResourceIdentifier(uri) => is(&metadata.tls_client_auth_san_uri, uri.as_str()),
        GeneralName::Rfc822Name(email) => is(&metadata.tls_client_auth_san_email, email.as_str()),
        GeneralName::IpAddress(octets) => {
            let wanted = metadata.tls_client_auth_san_ip.as_ref().and_then(|ip| ip.parse().ok());
            wanted.is_some_and(|wanted| match wanted {
                IpAddr::V4(v4) => octets.as_bytes() == v4.octets(),
                IpAddr::V6(v6) => octets.as_bytes() == v6.octets(),
            })
        }
        GeneralName::OtherName(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EdiPartyName(_)
        | GeneralName::RegisteredId(_) => false,
    })
}

/// The attributes of a name, in their order, as texts: one text may be encoded in several ways. `None` for what
/// is no text.
fn attributes(name: &RdnSequence) -> Option<Vec<Vec<(ObjectIdentifier, String)>>> {
    let text = |attribute: &AttributeTypeAndValue| {
        let value = &attribute.value;
        let text = Utf8StringRef::try_from(value).map(|text| text.as_str().to_owned());
        let text = text.or_else(|_| PrintableStringRef::try_from(value).map(|text| text.as_str().to_owned()));
        let text = text.or_else(|_| Ia5StringRef::try_from(value).map(|text| text.as_str().to_owned()));
        text.ok().map(|text| (attribute.oid, text))
    };
    let mut all = Vec::new();
    for relative in &name.0 {
        let mut set = relative.0.iter().map(text).collect::<Option<Vec<_>>>()?;
        set.sort();
        all.push(set);
    }
    (!all.is_empty()).then_some(all)
}

/// Whether a certificate's key is this one (RFC 7518 §6).
fn is_of_key(spki: &SubjectPublicKeyInfoOwned, key: &Value) -> bool {
    let Some(bits) = spki.subject_public_key.as_bytes() else { return false };
    let curve = spki.algorithm.parameters.as_ref().and_then(|curve| curve.decode_as().ok());
    match key["kty"].as_str() {
        Some("EC") if spki.algorithm.oid == EC && curve == Some(P256) && key["crv"] == "P-256" => {
            jwk::coordinates(key).is_some_and(|point| point == bits)
        }
        Some("OKP") if spki.algorithm.oid == ED25519 && key["crv"] == "Ed25519" => {
            jwk::number(key, "x").is_some_and(|x| x == bits)
        }
        Some("RSA") if spki.algorithm.oid == RSA => {
            let numbers = jwk::number(key, "n").zip(jwk::number(key, "e"));
            numbers.is_some() && numbers == rsa_numbers(bits)
        }
        _ => false,
    }
}

/// Modulus and exponent (RFC 8017 appendix A.1.1).
fn rsa_numbers(bits: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut reader = SliceReader::new(bits).ok()?;
    let read = reader.sequence(|inner| Ok((UintRef::decode(inner)?, UintRef::decode(inner)?)));
    let (n, e) = read.ok()?;
    Some((n.as_bytes().to_vec(), e.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Option<Vec<Vec<(ObjectIdentifier, String)>>> {
        RdnSequence::from_str(text).ok().as_ref().and_then(attributes)
    }

    #[test]
    fn a_name_is_read_as_rfc_4514_writes_it() {
        let plain = name("CN=app,O=Example\\, Inc.,C=DE").unwrap();
        assert_eq!(plain.len(), 3);
        assert_eq!(plain[0][0].1, "DE", "the string begins at the end");
        assert_eq!(plain[1][0].1, "Example, Inc.");
        assert_eq!(name("cn=app,o=Example\\2c Inc.,c=DE"), Some(plain.clone()));
        assert_eq!(name("2.5.4.3=app,O=Example\\, Inc.,C=DE"), Some(plain.clone()));
        for other in [
            "CN=app",
            "CN=App,O=Example\\, Inc.,C=DE",
            "O=Example\\, Inc.,CN=app,C=DE",
            "CN=app,O=Example,C=DE",
        ] {
            assert_ne!(name(other), Some(plain.clone()), "{other}");
        }
        assert_eq!(name("OU=b+CN=a"), name("CN=a+OU=b"));
        for bad in ["", "app", "CN=a, O=b", "NOSUCH=a"] {
            assert_eq!(name(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn a_revoked_certificate_hides_no_missing_list() {
        let may_write = |reason| told(reason).is_some_and(|(lines, _)| lines.may_write(|_| ()));
        assert_eq!((0..100).filter(|_| may_write(NotVouchedFor::Revoked)).count(), 20);
        assert!(may_write(NotVouchedFor::NoList) && may_write(NotVouchedFor::OldList));
        assert!(!may_write(NotVouchedFor::Stranger));
    }
}
