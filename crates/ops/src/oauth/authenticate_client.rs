//! Who a client is (RFC 6749 §2.3).

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use countersign_model::oauth::{AuthMethod, Client};
use countersign_model::secret::Secret;
use countersign_model::session::TokenDigest;
use countersign_store::oauth::clients::ClientRow;

use crate::audit::audit;
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

/// The one way of authentication that a request uses.
enum Shown<'a> {
    Nothing,
    Basic(&'a Secret),
    Post(&'a str),
    Assertion(&'a str),
    Certificate,
}

impl<'a> Shown<'a> {
    /// RFC 6749 §2.3: one way in a request and no more. A certificate may come with every one: it may be
    /// there to bind tokens to it.
    fn of(credentials: &'a Credentials<'_>) -> Result<Shown<'a>, AuthenticateClientError> {
        if credentials.assertion.is_some() != credentials.assertion_type.is_some() {
            return Err(AuthenticateClientError::Invalid);
        }
        let basic = credentials.basic.as_ref().map(|(_, secret)| Shown::Basic(secret));
        let post = credentials.secret.map(Shown::Post);
        let assertion = credentials.assertion.map(Shown::Assertion);
        let mut shown = [basic, post, assertion].into_iter().flatten();
        match (shown.next(), shown.next()) {
            (_, Some(_)) => Err(AuthenticateClientError::Several),
            (Some(one), None) => Ok(one),
            (None, None) if credentials.certificate.is_some() => Ok(Shown::Certificate),
            (None, None) => Ok(Shown::Nothing),
        }
    }
}

impl Core {
    /// The client, if it shows what it registered to show and nothing else. Nothing is counted: a secret
    /// has 256 random bits, or 32 characters at least, so nobody can try them all, and a client must not be
    /// kept out by strangers who try (R022).
    ///
    /// # Errors
    /// [`AuthenticateClientError`].
    pub async fn authenticate_client(
        &self,
        credentials: &Credentials<'_>,
        source: Source,
    ) -> Result<Arc<Client>, AuthenticateClientError> {
        let shown = Shown::of(credentials)?;
        let in_header = credentials.basic.as_ref().map(|(id, _)| id.as_str());
        if in_header.is_some_and(|id| credentials.client_id.is_some_and(|other| other != id)) {
            return Err(AuthenticateClientError::Several);
        }
        let id = match (in_header.or(credentials.client_id), &shown) {
            (Some(id), _) => id,
            (None, _) => return Err(AuthenticateClientError::Missing),
        };
        let found = self.find_client_row(id).await?;
        let is_right = found.as_ref().is_some_and(|(client, row)| self.is_shown(client, row, &shown));
        match found {
            Some((client, _)) if is_right => Ok(client),
            _ => {
                audit("authenticate_client", "refused", None, source);
                Err(AuthenticateClientError::Invalid)
            }
        }
    }

    fn is_shown(&self, client: &Client, row: &ClientRow, shown: &Shown<'_>) -> bool {
        match (client.metadata.token_endpoint_auth_method, shown) {
            (AuthMethod::None, Shown::Nothing | Shown::Certificate) => true,
            (AuthMethod::Basic, Shown::Basic(secret)) => self.is_secret(row, secret.reveal()),
            (AuthMethod::Post, Shown::Post(secret)) => self.is_secret(row, secret),
            _ => false,
        }
    }

    /// Whether it is the client's secret, or the one before while that works on. Digests are compared, in
    /// constant time.
    fn is_secret(&self, row: &ClientRow, secret: &str) -> bool {
        let digest = TokenDigest::of(secret);
        let is = |other: &TokenDigest| verify_slices_are_equal(&digest.0, &other.0).is_ok();
        let now = self.clock.now();
        row.secret.as_ref().is_some_and(is)
            || row.old_secret.as_ref().is_some_and(|(old, until)| *until > now && is(old))
    }
}
