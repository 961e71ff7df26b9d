//! Signs an identity token for Layer (004 `/auth/layer/`).

use std::sync::{Arc, Mutex, PoisonError};

use countersign_model::account::Profile;
use countersign_model::key::{KeyPurpose, KeyState};
use countersign_model::keyring::Place;
use countersign_store::StoreError;
use countersign_store::keys::{self, KeyRow};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::check_session::Principal;
use crate::jose::sign::Signer;
use crate::manage_keys::LayerKeyMaker;
use crate::{Core, Unavailable};

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueLayerTokenError {
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What Layer tokens are signed with.
pub(crate) struct Layer {
    /// `iss`.
    pub(crate) provider: String,
    /// Makes the first key.
    pub(crate) maker: Arc<LayerKeyMaker>,
    /// The last key that signed, opened, with the row that it came from.
    pub(crate) opened: Mutex<Option<(KeyRow, Arc<Signer>)>>,
}

impl Core {
    /// Signs an identity token for Layer (004 `/auth/layer/`).
    ///
    /// # Errors
    /// [`IssueLayerTokenError`].
    pub async fn issue_layer_token(
        &self,
        principal: &Principal,
        nonce: &str,
    ) -> Result<String, IssueLayerTokenError> {
        let (kid, signer) = self.layer_signer().await?;
        let issued = self.clock.now();
        // 004-25: these four and no other.
        let header = json!({ "typ": "JWT", "alg": "RS256", "cty": "layer-eit;v=1", "kid": kid });
        // 004-26: the user's id is text.
        let mut claims = json!({
            "iss": self.layer.provider,
            "prn": principal.account.to_string(),
            "iat": issued.seconds(),
            "exp": issued.after(self.settings.layer.token_lifetime).seconds(),
            "nce": nonce,
        });
        add_names(&mut claims, &principal.profile);
        Ok(signer.sign(&header, &claims).map_err(Unavailable::from)?)
    }

    /// The active key. It is looked up each time, so that a rotation by another process holds at
    /// once; opened only when it changes.
    async fn layer_signer(&self) -> Result<(String, Arc<Signer>), Unavailable> {
        self.layer.maker.make().await?;
        let mut tx = self.store.read().await?;
        let active = |row: &KeyRow| row.purpose == KeyPurpose::Layer && row.state == KeyState::Active;
        let row = keys::list(&mut tx).await?.into_iter().rfind(active);
        let row = row.ok_or_else(|| StoreError::Broken("no Layer key is active".to_owned()))?;
        let mut opened = self.layer.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((from, signer)) = &*opened
            && *from == row
        {
            return Ok((row.kid, Arc::clone(signer)));
        }
        let broken = |_| StoreError::Broken("a Layer key does not open".to_owned());
        let private = Zeroizing::new(self.keyring.open(Place::SigningKey, &row.private).map_err(broken)?);
        let signer = Arc::new(Signer::new(row.algorithm, &private)?);
        *opened = Some((row.clone(), Arc::clone(&signer)));
        Ok((row.kid, signer))
    }
}

fn add_names(claims: &mut Value, profile: &Profile) {
    let display = format!("{} {}", profile.first_name, profile.last_name);
    let names = [
        ("first_name", profile.first_name.as_str()),
        ("last_name", profile.last_name.as_str()),
        ("display_name", display.trim()),
    ];
    for (claim, name) in names.into_iter().filter(|(_, name)| !name.is_empty()) {
        claims[claim] = name.into();
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::path::PathBuf;

    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair};
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use countersign_model::ids::{AccountId, SessionId, Uuid};
    use countersign_model::key::Algorithm;
    use countersign_model::keyring::MasterKey;
    use countersign_model::random::Random;
    use countersign_model::secret::Secret;
    use countersign_model::session::TokenPurpose;
    use countersign_model::time::{Clock, Timestamp};
    use countersign_store::{Store, StoreError, Tx, Work, meta};

    use super::*;
    use crate::AdminError;
    use crate::hasher::{Hasher, HasherSettings};
    use crate::manage_keys::KeyRecord;
    use crate::{CoreParts, LayerSettings, OpenCoreError, Settings};

    const NOW: Timestamp = Timestamp::from_micros(1_500_000_000_000_000);

    /// A new database, removed at the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new() -> Scratch {
            let name = format!("countersign-keys-{}", Uuid::draw(&Random::System));
            let folder = std::env::temp_dir().join(name);
            std::fs::create_dir(&folder).unwrap();
            Scratch(folder)
        }

        async fn store(&self) -> Store {
            let url = format!("sqlite:{}", self.0.join("store.db").display());
            let store = Store::open(&countersign_store::Database::parse(&url).unwrap()).await.unwrap();
            store.migrate(Some(NOW)).await.unwrap();
            store
        }

        async fn try_open(&self, master: u8, layer: LayerSettings) -> Result<Core, OpenCoreError> {
            let hasher =
                HasherSettings { threads: NonZeroUsize::new(1), memory_kib: 64, ..HasherSettings::default() };
            Core::open(CoreParts {
                store: self.store().await,
                clock: Clock::fixed(NOW),
                random: Random::System,
                hasher: Hasher::new(hasher).unwrap(),
                master_key: MasterKey::new([master; 32]),
                settings: Settings { layer, ..Settings::default() },
            })
            .await
        }

        async fn open(&self, layer: LayerSettings) -> Core {
            self.try_open(1, layer).await.unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn by_default() -> LayerSettings {
        Settings::default().layer
    }

    fn with_key(pem: &str) -> LayerSettings {
        LayerSettings { key_pem: Some(Secret::new(pem)), ..by_default() }
    }

    fn principal(first_name: &str, last_name: &str) -> Principal {
        Principal {
            account: AccountId(42),
            uuid: Uuid::draw(&Random::seeded(1)),
            session: SessionId(7),
            purpose: TokenPurpose::RestToken,
            issued_at: NOW,
            expires_at: Timestamp::NEVER,
            profile: Profile {
                first_name: first_name.into(),
                last_name: last_name.into(),
                ..Profile::default()
            },
        }
    }

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    fn verifies(jws: &str, jwk: &Value) -> bool {
        let (signed, signature) = jws.rsplit_once('.').unwrap();
        let number = |name: &str| bytes(jwk[name].as_str().unwrap());
        PublicKeyComponents { n: number("n"), e: number("e") }
            .verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &bytes(signature))
            .is_ok()
    }

    fn part(jws: &str, index: usize) -> Value {
        serde_json::from_slice(&bytes(jws.split('.').nth(index).unwrap())).unwrap()
    }

    async fn layer_keys(core: &Core) -> Vec<KeyRecord> {
        let mut keys = core.list_keys().await.unwrap();
        keys.retain(|key| key.purpose == KeyPurpose::Layer);
        keys
    }

    async fn active(core: &Core) -> KeyRecord {
        let mut keys = layer_keys(core).await;
        keys.retain(|key| key.state == KeyState::Active);
        assert_eq!(keys.len(), 1, "one key signs");
        keys.remove(0)
    }

    async fn token(core: &Core) -> String {
        core.issue_layer_token(&principal("", ""), "n").await.unwrap()
    }

    fn pem(label: &str, der: &[u8]) -> String {
        let body = STANDARD.encode(der);
        let lines: Vec<&str> = body.as_bytes().chunks(64).map(|l| std::str::from_utf8(l).unwrap()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    /// The same new key as PKCS#1 and as PKCS#8.
    fn own_key() -> (String, String) {
        let document: Pkcs8V1Der<'_> = RsaKeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
        // RFC 5208 §5: the PKCS#1 key is the octet string behind version and algorithm, 26 bytes in.
        let pkcs1 = &document.as_ref()[26..];
        (pem("RSA PRIVATE KEY", pkcs1), pem("PRIVATE KEY", document.as_ref()))
    }

    #[tokio::test]
    async fn a_token_is_what_layer_reads_and_its_key_is_listed() {
        let scratch = Scratch::new();
        let core = scratch.open(by_default()).await;
        let jws = core.issue_layer_token(&principal("Ada", "Lovelace"), " a\u{0}b ").await.unwrap();
        let key = active(&core).await;
        assert!(verifies(&jws, &key.jwk));
        assert!(!verifies(&jws.replacen('.', "A.", 1), &key.jwk));
        assert_eq!(
            part(&jws, 0),
            json!({ "typ": "JWT", "alg": "RS256", "cty": "layer-eit;v=1", "kid": key.kid })
        );
        let claims = part(&jws, 1);
        assert!(claims["iss"].as_str().unwrap().starts_with("layer:///providers/"));
        assert_eq!(
            claims,
            json!({
                "iss": claims["iss"], "prn": "42", "iat": 1_500_000_000, "exp": 1_500_000_300,
                "nce": " a\u{0}b ", "first_name": "Ada", "last_name": "Lovelace",
                "display_name": "Ada Lovelace",
            })
        );
        assert_eq!(key.jwk["kid"], key.kid.as_str());
        assert!(part(&token(&core).await, 1).get("display_name").is_none());
    }

    #[tokio::test]
    async fn keys_and_provider_outlive_the_process() {
        let scratch = Scratch::new();
        let first = scratch.open(by_default()).await;
        let jws = token(&first).await;
        let keys = first.list_keys().await.unwrap();
        assert_eq!(keys.len(), 6, "two of OAuth's quick algorithms each, one of RS256 and one for Layer");
        let again = scratch.open(by_default()).await;
        assert_eq!(again.list_keys().await.unwrap(), keys);
        assert_eq!(part(&token(&again).await, 1)["iss"], part(&jws, 1)["iss"]);
    }

    #[tokio::test]
    async fn of_several_processes_on_a_new_store_one_makes_the_keys() {
        let scratch = Scratch::new();
        let named = LayerSettings { key_id: Some("layer:///keys/named".into()), ..by_default() };
        let (a, b) = (scratch.open(by_default()).await, scratch.open(by_default()).await);
        let (of_a, of_b) = tokio::join!(token(&a), token(&b));
        let key = active(&a).await;
        assert!(verifies(&of_a, &key.jwk) && verifies(&of_b, &key.jwk));
        assert_eq!(a.list_keys().await.unwrap().len(), 6);
        let c = scratch.open(named).await;
        assert_eq!(active(&c).await.kid, "layer:///keys/named");
        assert_eq!(part(&token(&a).await, 0)["kid"], "layer:///keys/named");
    }

    #[tokio::test]
    async fn a_rotation_by_another_process_holds_at_once() {
        let scratch = Scratch::new();
        let server = scratch.open(by_default()).await;
        let before = token(&server).await;
        let old = active(&server).await;
        let made =
            scratch.open(by_default()).await.rotate_keys(KeyPurpose::Layer, Algorithm::Rs256).await.unwrap();
        let after = token(&server).await;
        assert_eq!(active(&server).await, made);
        assert!(verifies(&after, &made.jwk) && !verifies(&after, &old.jwk) && verifies(&before, &old.jwk));
        assert_eq!(layer_keys(&server).await.len(), 2, "the retired key stays");

        let oauth = server.rotate_keys(KeyPurpose::OAuth, Algorithm::Es256).await.unwrap();
        assert_eq!(bytes(oauth.jwk["x"].as_str().unwrap()).len(), 32);
        assert_eq!(active(&server).await, made, "Layer's key is not touched");
    }

    #[tokio::test]
    async fn a_key_of_ones_own_signs_in_either_form() {
        let scratch = Scratch::new();
        let (pkcs1, pkcs8) = own_key();
        let set = LayerSettings {
            key_id: Some("layer:///keys/mine".into()),
            provider_id: Some("layer:///providers/mine".into()),
            ..with_key(&pkcs1)
        };
        let core = scratch.open(set).await;
        let first = active(&core).await;
        let jws = token(&core).await;
        assert!(verifies(&jws, &first.jwk));
        assert_eq!(part(&jws, 0)["kid"], "layer:///keys/mine");
        assert_eq!(part(&jws, 1)["iss"], "layer:///providers/mine");
        assert_eq!(core.rotate_keys(KeyPurpose::Layer, Algorithm::Rs256).await, Err(AdminError::KeyFromFile));

        let core = scratch.open(with_key(&pkcs8)).await;
        assert_eq!(active(&core).await, first, "it is the same key");
        assert_eq!(layer_keys(&core).await.len(), 1);
    }

    #[tokio::test]
    async fn another_key_of_ones_own_takes_over() {
        let scratch = Scratch::new();
        let (one, other) = (own_key().1, own_key().1);
        let first = active(&scratch.open(with_key(&one)).await).await;
        let core = scratch.open(with_key(&other)).await;
        let second = active(&core).await;
        assert_ne!(second.kid, first.kid);
        let named = LayerSettings { key_id: Some(second.kid.clone()), ..with_key(&one) };
        let core = scratch.open(named).await;
        assert_eq!(active(&core).await.kid, second.kid);
        assert!(verifies(&token(&core).await, &first.jwk), "the id names the key that is set");
        assert_eq!(active(&scratch.open(with_key(&other)).await).await.jwk["n"], second.jwk["n"]);
    }

    #[tokio::test]
    async fn what_is_no_rsa_key_is_refused() {
        let ec = aws_lc_rs::signature::EcdsaKeyPair::generate_pkcs8(
            &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            &aws_lc_rs::rand::SystemRandom::new(),
        );
        let broken = own_key().1.replacen("\nMII", "\nMIJ", 1);
        for wrong in [String::new(), "key".into(), pem("PRIVATE KEY", ec.unwrap().as_ref()), broken] {
            let refused = Scratch::new().try_open(1, with_key(&wrong)).await;
            assert!(matches!(refused, Err(OpenCoreError::LayerKey)), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn another_master_key_is_refused_and_changes_nothing() {
        let scratch = Scratch::new();
        let keys = scratch.open(by_default()).await.list_keys().await.unwrap();
        let refused = scratch.try_open(2, with_key(&own_key().0)).await;
        assert!(matches!(refused, Err(OpenCoreError::WrongMasterKey)), "{refused:?}");
        assert_eq!(scratch.open(by_default()).await.list_keys().await.unwrap(), keys);
    }

    struct Mark(Timestamp);

    impl Work for Mark {
        type Output = ();
        type Error = StoreError;

        async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
            meta::set(tx, "clock", &self.0.micros().to_be_bytes()).await
        }
    }

    #[tokio::test]
    async fn the_clock_goes_on_from_its_mark() {
        let scratch = Scratch::new();
        let mark = NOW.after(std::time::Duration::from_secs(3600));
        scratch.store().await.write(Mark(mark)).await.unwrap();
        assert_eq!(scratch.open(by_default()).await.clock.now(), mark);
    }
}
