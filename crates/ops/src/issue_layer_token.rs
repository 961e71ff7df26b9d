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
use crate::manage_keys::LayerKeyMaker;
use crate::signing::RsaSigner;
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
    pub(crate) opened: Mutex<Option<(KeyRow, Arc<RsaSigner>)>>,
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
    async fn layer_signer(&self) -> Result<(String, Arc<RsaSigner>), Unavailable> {
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
        let signer = Arc::new(RsaSigner::new(&private)?);
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
