//! A provider in this process that inputs are sent to: what reads the parameters of OAuth knows clients, and clients are
//! in a store.

pub mod authority;

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use countersign_model::keyring::MasterKey;
use countersign_model::limit::Rate;
use countersign_model::oauth::{ClientOrigin, Metadata};
use countersign_model::random::Random;
use countersign_model::secret::Secret;
use countersign_model::time::{Clock, Timestamp};
use countersign_ops::hasher::{Hasher, HasherSettings};
use countersign_ops::oauth::client_authorities::ClientAuthorities;
use countersign_ops::oauth::manage_clients::NewClient;
use countersign_ops::{Core, CoreParts, MtlsSettings, Settings};
use countersign_store::{Database, Store};
use countersign_wire::http::TrustedProxies;
use countersign_wire::{App, WireSettings, router};
use http::{HeaderMap, HeaderName, Request};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// The issuer.
pub const ISSUER: &str = "http://127.0.0.1:8080";
/// The one redirect URI of the clients.
pub const REDIRECT_URI: &str = "https://app.example.com/callback";
/// A client with a secret.
pub const CLIENT: &str = "client-with-secret";
/// Its secret.
pub const SECRET: &str = "a-secret-of-the-fuzz-targets-0123456789";
/// A client that shows who it is by a JWT of [`Provider::sign`].
pub const SIGNING_CLIENT: &str = "client-with-key";
/// The header by which a proxy tells of certificates.
pub const CLIENT_CERTIFICATE: &str = "client-cert";
/// A client with the same secret whose tokens are bound to its certificate.
pub const BOUND_CLIENT: &str = "client-bound";
/// What is signed of the certificate that `by-certificate` has registered, of the key that `by-key` has.
pub const LEAF: &[u8] = include_bytes!("../seeds/client_certificate/leaf");
/// Clients that show who they are by a certificate.
pub const CERTIFIED_CLIENTS: [&str; 7] =
    ["by-certificate", "by-key", "by-subject", "by-host", "by-uri", "by-email", "by-address"];
/// When it always is, in seconds.
pub const NOW: i64 = 1_800_000_000;

/// The provider.
pub struct Provider {
    runtime: Runtime,
    app: App,
    key: EcdsaKeyPair,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Made at the first input.
pub static PROVIDER: LazyLock<Provider> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let app = runtime.block_on(open(&public_jwk(key.public_key().as_ref())));
    Provider { runtime, app, key }
});

impl Provider {
    /// Sends a request. Whatever it holds, the server is not at fault.
    pub fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(target).header("host", "127.0.0.1:8080");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        // What is no request of HTTP does not come as far as this.
        let request = request.body(Full::new(Bytes::copy_from_slice(body))).ok()?;
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (parts, body) = self.runtime.block_on(self.app.respond(peer, request)).into_parts();
        let body = self.runtime.block_on(body.collect()).expect("it is in memory").to_bytes();
        assert!(parts.status.as_u16() < 500, "{method} {target} {headers:?}: {}", parts.status);
        Some(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    /// Sends a form.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], form: &[u8]) -> Option<Answer> {
        let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
        all.extend_from_slice(headers);
        self.send("POST", path, &all, form)
    }

    /// A JWT whose signature is right. In header and claims `JWK` stands for the public key.
    pub fn sign(&self, header: &str, claims: &str) -> String {
        let jwk = public_jwk(self.key.public_key().as_ref()).to_string();
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text.replace("JWK", &jwk));
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The header by which [`CLIENT`] shows who it is.
pub fn basic() -> String {
    format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}")))
}

/// The point of the key of [`LEAF`], uncompressed.
pub fn leaf_point() -> &'static [u8] {
    // A bit string without unused bits (RFC 5480 §2.2).
    let start = LEAF.windows(4).position(|part| part == [0x03, 0x42, 0x00, 0x04]).expect("a key of P-256");
    &LEAF[start + 3..start + 68]
}

fn public_jwk(point: &[u8]) -> Value {
    let coordinate = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    json!({ "kty": "EC", "crv": "P-256", "x": coordinate(&point[1..33]), "y": coordinate(&point[33..]) })
}

async fn open(jwk: &Value) -> App {
    let file = std::env::temp_dir().join(format!("countersign-fuzz-{}.db", std::process::id()));
    let database = Database::parse(&format!("sqlite:{}", file.display())).expect("a database");
    let store = Store::open(&database).await.expect("a store");
    store.migrate(Some(Timestamp::from_micros(NOW * 1_000_000))).await.expect("its tables");
    let hasher = HasherSettings { threads: NonZeroUsize::new(1), memory_kib: 64, ..HasherSettings::default() };
    let mut settings = Settings { public_url: ISSUER.to_owned(), ..Settings::default() };
    // Every input is a try from one address.
    settings.limits.sign_in_per_source = Rate { burst: u32::MAX, interval: Duration::from_nanos(1) };
    let authorities = ClientAuthorities::read(authority::CERTIFICATE, &[authority::LIST.to_vec()]).expect("authorities");
    settings.oauth.mtls = MtlsSettings { enabled: true, authorities: Some(authorities), url: None };
    let core = Core::open(CoreParts {
        store,
        clock: Clock::fixed(Timestamp::from_micros(NOW * 1_000_000)),
        random: Random::System,
        hasher: Hasher::new(hasher).expect("a pool"),
        master_key: MasterKey::new([1; 32]),
        settings,
    });
    let core = core.await.expect("the operations");
    for (id, more) in clients(jwk) {
        let mut metadata = json!({
            "redirect_uris": [REDIRECT_URI],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "scope": "openid email read",
            "audience": ["https://api.example.com"],
        });
        metadata.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        let metadata = Metadata::from_json(&metadata).expect("metadata");
        let secret = [CLIENT, BOUND_CLIENT].contains(&id).then(|| Secret::new(SECRET));
        let client = NewClient { id: Some(id.to_owned()), metadata, secret, origin: ClientOrigin::CommandLine };
        core.add_client(client).await.expect("a client");
    }
    let wire = WireSettings {
        trusted_proxies: TrustedProxies(vec!["127.0.0.1".parse().expect("an address")]),
        client_certificate_header: Some(HeaderName::from_static(CLIENT_CERTIFICATE)),
        ..WireSettings::default()
    };
    router(Arc::new(core), wire).expect("the surfaces")
}

fn clients(jwk: &Value) -> Vec<(&'static str, Value)> {
    let by_key = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [jwk] } });
    let bound = json!({
        "token_endpoint_auth_method": "client_secret_post",
        "tls_client_certificate_bound_access_tokens": true,
        "access_token_format": "jwt",
    });
    let certified = CERTIFIED_CLIENTS.map(|id| (id, certified(id)));
    [(CLIENT, json!({})), (SIGNING_CLIENT, by_key), (BOUND_CLIENT, bound)].into_iter().chain(certified).collect()
}

/// How the client of this name shows who it is.
fn certified(id: &str) -> Value {
    let mut key = public_jwk(leaf_point());
    let named = |name: &str, value: &str| json!({ "token_endpoint_auth_method": "tls_client_auth", name: value });
    let self_signed = |key: Value| {
        json!({ "token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": { "keys": [key] } })
    };
    match id {
        "by-certificate" => {
            key["x5c"] = json!([STANDARD.encode(authority::certify(LEAF))]);
            self_signed(key)
        }
        "by-key" => self_signed(key),
        "by-subject" => named("tls_client_auth_subject_dn", "CN=app,O=Example\\, Inc.,C=DE"),
        "by-host" => named("tls_client_auth_san_dns", "app.example.com"),
        "by-uri" => named("tls_client_auth_san_uri", "urn:app:1"),
        "by-email" => named("tls_client_auth_san_email", "app@example.com"),
        "by-address" => named("tls_client_auth_san_ip", "192.0.2.7"),
        _ => unreachable!("{id}"),
    }
}
