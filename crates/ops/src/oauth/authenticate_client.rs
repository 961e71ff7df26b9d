//! Who a client is (RFC 6749 §2.3).

use std::sync::Arc;

use countersign_model::oauth::Client;
use countersign_model::secret::Secret;

use crate::{Core, Source, Unavailable};

/// What a client has shown.
#[derive(Clone, Debug, Default)]
pub struct Credentials<'a> {
    /// Id and secret of the header.
    pub basic: Option<(String, Secret)>,
    /// `client_id` of the body.
    pub client_id: Option<&'a str>,
    /// `client_secret` of the body.
    pub secret: Option<&'a str>,
    /// `client_assertion_type`.
    pub assertion_type: Option<&'a str>,
    /// `client_assertion`.
    pub assertion: Option<&'a str>,
    /// The certificate of the connection (RFC 8705), DER.
    pub certificate: Option<&'a [u8]>,
}

/// Why a client is not taken for itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticateClientError {
    /// It shows nothing.
    #[error("no client is named")]
    Missing,
    /// It shows more than one thing.
    #[error("several ways of authentication in one request")]
    Several,
    /// Unknown, a wrong secret, another way than the registered one, an assertion that was used: all alike.
    #[error("the client is not authenticated")]
    Invalid,
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// The client, if it shows what it registered to show and nothing else.
    ///
    /// # Errors
    /// [`AuthenticateClientError`].
    pub async fn authenticate_client(
        &self,
        credentials: &Credentials<'_>,
        source: Source,
    ) -> Result<Arc<Client>, AuthenticateClientError> {
        let _ = (credentials, source);
        Err(Unavailable::Fault.into())
    }
}
