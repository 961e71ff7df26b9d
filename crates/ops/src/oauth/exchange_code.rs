//! A code for tokens (RFC 6749 §4.1.3).

use countersign_model::oauth::{Client, Scope};
use serde_json::Value;

pub use super::check_dpop::Binding;
use crate::{Core, Source, Unavailable};

/// What the token endpoint hands out.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// How it is presented.
    pub token_type: TokenType,
    /// Seconds.
    pub expires_in: u64,
    /// The refresh token.
    pub refresh: Option<String>,
    /// The ID token.
    pub id_token: Option<String>,
    /// What was granted.
    pub scope: Scope,
    /// `issued_token_type` (RFC 8693).
    pub issued_type: Option<&'static str>,
    /// `authorization_details` (RFC 9396).
    pub details: Option<Value>,
}

/// How an access token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// RFC 6750.
    Bearer,
    /// RFC 9449.
    Dpop,
}

/// A code and what goes with it.
#[derive(Clone, Debug)]
pub struct CodeExchange<'a> {
    /// Who has it.
    pub client: &'a Client,
    /// The code.
    pub code: &'a str,
    /// As in the authorization request.
    pub redirect_uri: Option<&'a str>,
    /// PKCE.
    pub verifier: Option<&'a str>,
    /// RFC 8707.
    pub resource: &'a [String],
    /// What the tokens are bound to.
    pub binding: Binding,
    /// Where it came from.
    pub source: Source,
}

/// Why a code gives nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeCodeError {
    /// Unknown, expired, another client's, with another redirect URI or verifier.
    #[error("the code is not valid")]
    Invalid,
    /// It was redeemed before: what it gave was ended.
    #[error("the code was used before")]
    Reused,
    /// The client may not use codes.
    #[error("the client may not use this grant")]
    Grant,
    /// It asks for an audience that was not granted.
    #[error("the resource was not granted")]
    Target,
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// Redeems a code: of any number of callers at once one gets its tokens.
    ///
    /// # Errors
    /// [`ExchangeCodeError`].
    pub async fn exchange_code(&self, request: CodeExchange<'_>) -> Result<Tokens, ExchangeCodeError> {
        let _ = request;
        Err(Unavailable::Fault.into())
    }
}
