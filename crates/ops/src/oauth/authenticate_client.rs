//! Who a client is (RFC 6749 §2.3).

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use countersign_model::key::Algorithm;
use countersign_model::oauth::{AuthMethod, Client, Jwks};
use countersign_model::secret::Secret;
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;
use countersign_store::oauth::clients::ClientRow;

use super::client_certificate::ClientCertificate;
use crate::audit::audit_repeated;
use crate::jose::verify::{Audience, Expect, named_issuer, verify};
use crate::{Core, Repeated, Source, Unavailable};

/// `client_assertion_type` (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

static REFUSALS: Repeated = Repeated::new();

/// How long an assertion is good.
const LONGEST: Duration = Duration::from_secs(300);

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
    /// The certificate that came with the request (RFC 8705).
    pub certificate: Option<&'a ClientCertificate>,
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
    /// The right secret in the body, of a client that is registered for the header. Libraries differ in what they
    /// do unless told; whoever has the secret learns nothing that they could not try.
    #[error("the client is registered for client_secret_basic")]
    WantsHeader,
    /// The other way round.
    #[error("the client is registered for client_secret_post")]
    WantsBody,
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
    Certificate(&'a ClientCertificate),
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
            (None, None) => Ok(credentials.certificate.map_or(Shown::Nothing, Shown::Certificate)),
        }
    }
}

fn has_certificate(client: &Client) -> bool {
    matches!(
        client.metadata.token_endpoint_auth_method,
        AuthMethod::TlsClientAuth | AuthMethod::SelfSignedTls
    )
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
        // RFC 7521 §4.2: an assertion names the client itself.
        let in_assertion = match (&shown, in_header.or(credentials.client_id)) {
            (Shown::Assertion(jwt), None) => named_issuer(jwt),
            _ => None,
        };
        let id = in_header.or(credentials.client_id).or(in_assertion.as_deref());
        let id = id.ok_or(AuthenticateClientError::Missing)?;
        let found = self.find_or_fetch_client(id, source).await?;
        let is_right = match &found {
            Some((client, row)) => match &shown {
                Shown::Assertion(jwt) => {
                    let is_jwt = credentials.assertion_type == Some(JWT_BEARER);
                    // In a box: what it may have to wait for would be part of every request.
                    is_jwt && Box::pin(self.is_asserted(client, jwt)).await?
                }
                Shown::Certificate(certificate) if has_certificate(client) => {
                    self.is_certified(client, certificate).await
                }
                Shown::Nothing | Shown::Basic(_) | Shown::Post(_) | Shown::Certificate(_) => {
                    self.is_shown(client, row, &shown)
                }
            },
            None => false,
        };
        match found {
            Some((client, _)) if is_right => Ok(client),
            found => {
                audit_repeated(&REFUSALS, ("authenticate_client", "refused"), None, source);
                Err(found.map_or(AuthenticateClientError::Invalid, |(client, row)| {
                    self.why_refused(&client, &row, &shown)
                }))
            }
        }
    }

    /// Whether the client's key has signed this assertion, for this server and none else, just now, and it
    /// was not used before (RFC 7523 §3; that the audience is the issuer as one text is what keeps a token
    /// endpoint of somebody else from using it here).
    async fn is_asserted(&self, client: &Client, jwt: &str) -> Result<bool, Unavailable> {
        let metadata = &client.metadata;
        if metadata.token_endpoint_auth_method != AuthMethod::PrivateKeyJwt {
            return Ok(false);
        }
        let registered = metadata.token_endpoint_auth_signing_alg.as_slice();
        let now = self.clock.now();
        let expect = Expect {
            typ: None,
            algorithms: if registered.is_empty() { &Algorithm::ALL } else { registered },
            issuer: Some(client.id.as_str()),
            audience: Audience::Exactly(&self.settings.public_url),
            now,
            max_age: Some(LONGEST),
        };
        let verified = self.with_client_keys(client, |keys| verify(jwt, keys, &expect).ok());
        let Some(claims) = verified.await else { return Ok(false) };
        let jti = claims["jti"].as_str().filter(|jti| !jti.is_empty());
        let (Some(jti), true) = (jti, claims["sub"] == client.id.as_str() && claims["exp"].is_number())
        else {
            return Ok(false);
        };
        let id = TokenDigest::of(&format!("client assertion\n{}\n{jti}", client.id));
        self.use_once(id, now.after(LONGEST * 2)).await
    }

    /// Whether the certificate is the client's, in the way that it has registered.
    async fn is_certified(&self, client: &Client, certificate: &ClientCertificate) -> bool {
        let now = self.clock.now();
        let authorities = self.settings.oauth.mtls.authorities.as_ref();
        match client.metadata.token_endpoint_auth_method {
            AuthMethod::TlsClientAuth => certificate.is_vouched_for(client, authorities, now),
            AuthMethod::SelfSignedTls => {
                let is_registered = |keys: &Jwks| certificate.is_registered(keys, now).then_some(());
                self.with_client_keys(client, is_registered).await.is_some()
            }
            AuthMethod::None | AuthMethod::Basic | AuthMethod::Post | AuthMethod::PrivateKeyJwt => false,
        }
    }

    fn is_shown(&self, client: &Client, row: &ClientRow, shown: &Shown<'_>) -> bool {
        match (client.metadata.token_endpoint_auth_method, shown) {
            (AuthMethod::None, Shown::Nothing | Shown::Certificate(_)) => true,
            (AuthMethod::Basic, Shown::Basic(secret)) => self.is_secret(row, secret.reveal()),
            (AuthMethod::Post, Shown::Post(secret)) => self.is_secret(row, secret),
            _ => false,
        }
    }

    /// Only who holds the secret is told why.
    fn why_refused(&self, client: &Client, row: &ClientRow, shown: &Shown<'_>) -> AuthenticateClientError {
        match (client.metadata.token_endpoint_auth_method, shown) {
            (AuthMethod::Post, Shown::Basic(secret)) if self.is_secret(row, secret.reveal()) => {
                AuthenticateClientError::WantsBody
            }
            (AuthMethod::Basic, Shown::Post(secret)) if self.is_secret(row, secret) => {
                AuthenticateClientError::WantsHeader
            }
            _ => AuthenticateClientError::Invalid,
        }
    }

    /// Whether it is the client's secret, or the one before while that works on. Digests are compared, in
    /// constant time.
    fn is_secret(&self, row: &ClientRow, secret: &str) -> bool {
        let digest = TokenDigest::of(secret);
        let is = |other: &TokenDigest| verify_slices_are_equal(&digest.0, &other.0).is_ok();
        let is_old = |(old, until): &(TokenDigest, Timestamp)| *until > self.clock.glance() && is(old);
        row.secret.as_ref().is_some_and(is) || row.old_secret.as_ref().is_some_and(is_old)
    }
}
