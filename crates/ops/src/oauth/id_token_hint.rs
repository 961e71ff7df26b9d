//! An ID token of ours as a hint of who is meant.

use countersign_model::key::Algorithm;
use serde_json::Value;

use crate::Core;
use crate::jose::verify::verify_signature;

/// What a hint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    /// The client that it was issued to.
    pub client_id: String,
    /// Who, as that client knows them.
    pub subject: String,
}

impl Core {
    /// Reads a hint. It may have expired, since it proves nothing (OpenID Connect RP-Initiated Logout §4), but
    /// it is an ID token of this server and no other kind of token.
    pub(crate) fn read_hint(&self, token: &str) -> Option<Hint> {
        let keys = self.oauth_keys();
        let claims = verify_signature(token, &keys.public, None, &Algorithm::ALL).ok()?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let is_id_token = claims.get("client_id").is_none() && claims.get("events").is_none();
        if !is_id_token || text("iss")? != self.settings.public_url {
            return None;
        }
        Some(Hint { client_id: text("aud")?, subject: text("sub")? })
    }
}
