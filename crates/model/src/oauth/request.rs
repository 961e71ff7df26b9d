//! An authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::details::AuthorizationDetails;
use super::names::{ResponseMode, ResponseType};
use super::pkce::Challenge;
use super::scope::Scope;

/// The parameters of a request as they came. One that was given twice is in none of these, but for those
/// that may repeat (R107): who reads the request refuses it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Parameters(BTreeMap<String, Vec<String>>);

/// The parameters that may be given more than once (RFC 8707 §2, RFC 8693 §2.1).
pub const REPEATABLE: [&str; 2] = ["resource", "audience"];

/// A parameter was given twice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a parameter was given twice")]
pub struct Repeated;

impl Parameters {
    /// Collects them.
    ///
    /// # Errors
    /// [`Repeated`].
    pub fn collect(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Parameters, Repeated> {
        let mut all = Parameters::default();
        for (name, value) in pairs {
            all.add(name, value)?;
        }
        Ok(all)
    }

    /// Adds one.
    ///
    /// # Errors
    /// [`Repeated`].
    pub fn add(&mut self, name: String, value: String) -> Result<(), Repeated> {
        let may_repeat = REPEATABLE.contains(&name.as_str());
        let values = self.0.entry(name).or_default();
        if !values.is_empty() && !may_repeat {
            return Err(Repeated);
        }
        values.push(value);
        Ok(())
    }

    /// The value; an empty one counts as none (RFC 6749 §3.1).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All values of one that may repeat.
    pub fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Takes one out.
    pub fn remove(&mut self, name: &str) -> Option<Vec<String>> {
        self.0.remove(name)
    }

    /// Each with its values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// The sum of the lengths of all values.
    pub fn size(&self) -> usize {
        self.0.values().flatten().map(String::len).sum()
    }
}

/// What `prompt` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompts {
    /// No page may be shown.
    pub none: bool,
    /// They must sign in anew.
    pub login: bool,
    /// They must be asked anew.
    pub consent: bool,
    /// They must choose an account.
    pub select_account: bool,
}

/// What `claims` asks for (OpenID Connect Core §5.5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsRequest {
    /// From the userinfo endpoint.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub userinfo: BTreeMap<String, Option<ClaimDemand>>,
    /// In the ID token.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub id_token: BTreeMap<String, Option<ClaimDemand>>,
}

/// How a claim is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimDemand {
    /// It is needed.
    #[serde(default)]
    pub essential: bool,
    /// The value it must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The values it may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
}

/// An authorization request that was read. What it does not say is not written: it travels in every page of its flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: String,
    /// Where the answer goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// What the answer is.
    pub response_type: ResponseType,
    /// How it travels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_mode: Option<ResponseMode>,
    /// What is asked for.
    pub scope: Scope,
    /// Given back as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Put into the ID token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// PKCE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    /// Which pages are wanted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub prompt: Prompts,
    /// How long ago they may have signed in, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u32>,
    /// How they are to sign in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acr_values: Vec<String>,
    /// Single claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<ClaimsRequest>,
    /// Who is expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// Who is expected, as an ID token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_hint: Option<String>,
    /// The languages of the pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ui_locales: Vec<String>,
    /// How pages are shown; every one here suits all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// Whom tokens are for (RFC 8707).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource: Vec<String>,
    /// RFC 9396.
    #[serde(default)]
    pub authorization_details: AuthorizationDetails,
    /// The key that the code is bound to (RFC 9449 §10).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<String>,
}

fn is_default(prompt: &Prompts) -> bool {
    *prompt == Prompts::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_parameters_may_repeat() {
        let pair = |name: &str| (name.to_owned(), "x".to_owned());
        assert_eq!(Parameters::collect([pair("scope"), pair("scope")]), Err(Repeated));
        let two = Parameters::collect([pair("resource"), pair("resource"), pair("scope")]).unwrap();
        assert_eq!((two.all("resource").len(), two.get("scope"), two.size()), (2, Some("x"), 3));
    }
}
