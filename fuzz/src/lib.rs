//! A provider in this process that inputs are sent to: what reads the parameters of OAuth knows clients, and clients are
//! in a store.

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
use countersign_ops::oauth::manage_clients::NewClient;
use countersign_ops::{Core, CoreParts, Settings};
use countersign_store::{Database, Store};
use countersign_wire::{App, WireSettings, router};
use http::{HeaderMap, Request};
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
    let app = runtime.block_on(open(&public_jwk(&key)));
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
        let jwk = public_jwk(&self.key).to_string();
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

fn public_jwk(key: &EcdsaKeyPair) -> Value {
    let point = key.public_key().as_ref();
    let coordinate = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    json!({ "kty": "EC", "crv": "P-256", "x": coordinate(&point[1..33]), "y": coordinate(&point[33..]) })
}

async fn open(jwk: &Value) -> App {
    let file = std::env::temp_dir().join(format!("countersign-fuzz-{}.db", std::process::id()));
    let database = Database::parse(&format!("sqlite:{}", file.display())).expect("a database");
    let store = Store::open(&database).await.expect("a store");
    store.migrate(true).await.expect("its tables");
    let hasher = HasherSettings { threads: NonZeroUsize::new(1), memory_kib: 64, ..HasherSettings::default() };
    let mut settings = Settings { public_url: ISSUER.to_owned(), ..Settings::default() };
    // Every input is a try from one address.
    settings.limits.sign_in_per_source = Rate { burst: u32::MAX, interval: Duration::from_nanos(1) };
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
        let secret = (id == CLIENT).then(|| Secret::new(SECRET));
        let client = NewClient { id: Some(id.to_owned()), metadata, secret, origin: ClientOrigin::CommandLine };
        core.add_client(client).await.expect("a client");
    }
    router(Arc::new(core), WireSettings::default()).expect("the surfaces")
}

fn clients(jwk: &Value) -> [(&'static str, Value); 2] {
    let by_key = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [jwk] } });
    [(CLIENT, json!({})), (SIGNING_CLIENT, by_key)]
}
