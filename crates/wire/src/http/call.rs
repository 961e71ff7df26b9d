//! One request, as a handler sees it.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use countersign_model::oauth::Parameters;
use countersign_ops::oauth::client_certificate::ClientCertificate;
use countersign_ops::sign_in::{SignIn, SignInError};
use countersign_ops::sign_in_with_code::{SignInWithCode, SignInWithCodeError};
use countersign_ops::{Core, SignedIn, Source};
use http::request::Parts;
use http::{HeaderMap, HeaderName};

use super::client_cert;
use super::{Accept, BodyError, Encoding, Fields, body, form};
use crate::metrics::Metrics;
use crate::openapi::Description;
use crate::settings::WireSettings;

/// A request whose body has been read, within its limit.
pub struct Call<'a> {
    pub(crate) core: &'a Core,
    pub(crate) settings: &'a WireSettings,
    pub(crate) metrics: &'a Metrics,
    pub(crate) openapi: &'a Description,
    pub(crate) parts: &'a Parts,
    pub(crate) body: Bytes,
    pub(crate) peer: IpAddr,
    pub(crate) source: Source,
    pub(crate) parameter: Option<&'a str>,
}

impl<'a> Call<'a> {
    /// The operations.
    pub fn core(&self) -> &'a Core {
        self.core
    }

    /// How the surfaces are set up.
    pub fn settings(&self) -> &'a WireSettings {
        self.settings
    }

    /// Signs in with a password, and counts it.
    ///
    /// # Errors
    /// [`SignInError`].
    pub(crate) async fn sign_in(&self, request: SignIn<'_>) -> Result<SignedIn, SignInError> {
        self.metrics.sign_in(self.core, request).await
    }

    /// Signs in with a code, and counts it.
    ///
    /// # Errors
    /// [`SignInWithCodeError`].
    pub(crate) async fn sign_in_with_code(
        &self,
        request: SignInWithCode<'_>,
    ) -> Result<SignedIn, SignInWithCodeError> {
        self.metrics.sign_in_with_code(self.core, request).await
    }

    /// Whom the limits hold to account for it.
    pub fn source(&self) -> Source {
        self.source
    }

    /// The certificate that the client has shown (RFC 8705): to a trusted proxy, which tells of it in a header
    /// (RFC 9440), else on its connection. A header of anybody else is nobody's word, and the certificate of a
    /// proxy is not its client's (R141).
    pub fn certificate(&self) -> Option<Arc<ClientCertificate>> {
        if !self.settings.trusted_proxies.trusts(self.peer.to_canonical()) {
            return self.parts.extensions.get::<Arc<ClientCertificate>>().cloned();
        }
        let name = self.settings.client_certificate_header.as_ref()?;
        let own = self.header(name.clone())?;
        let chain = HeaderName::try_from(format!("{name}-chain")).ok()?;
        let chain = match self.parts.headers.contains_key(&chain) {
            true => self.header(chain)?,
            false => "",
        };
        client_cert::read(own, chain).map(Arc::new)
    }

    /// The method, for a handler that serves several.
    pub fn method(&self) -> &http::Method {
        &self.parts.method
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// A header that must stand once: `None` if it is absent, repeated or not ASCII.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        let mut values = self.parts.headers.get_all(name).iter();
        let first = values.next()?;
        values.next().is_none().then(|| first.to_str().ok()).flatten()
    }

    /// The last segment of the path where the route has a `{parameter}`, as it was sent. Empty
    /// elsewhere. It may be a secret: never log it.
    pub fn parameter(&self) -> &'a str {
        self.parameter.unwrap_or_default()
    }

    /// The fields of the body.
    ///
    /// # Errors
    /// [`BodyError`] says what is wrong with it.
    pub fn fields(&self, accept: Accept) -> Result<Fields, BodyError> {
        accept.read(self.content_type()?, &self.body)
    }

    /// The fields of the query string.
    ///
    /// # Errors
    /// [`BodyError::Form`], as for a form in the body.
    pub fn query(&self) -> Result<Fields, BodyError> {
        form::parse(self.parts.uri.query().unwrap_or_default().as_bytes()).map_err(BodyError::Form)
    }

    /// The query string as parameters of OAuth.
    ///
    /// # Errors
    /// [`BodyError::Form`], also for a parameter that is given twice (R107).
    pub fn query_parameters(&self) -> Result<Parameters, BodyError> {
        form::parameters(self.parts.uri.query().unwrap_or_default().as_bytes()).map_err(BodyError::Form)
    }

    /// The body as parameters of OAuth: a form and nothing else (RFC 6749 §4.1.3).
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn form_parameters(&self) -> Result<Parameters, BodyError> {
        match self.encoding() {
            Some(Encoding::Form) => form::parameters(&self.body).map_err(BodyError::Form),
            _ => Err(BodyError::UnsupportedType(String::new())),
        }
    }

    /// A cookie. One that is given twice counts as none: nobody knows who set the other.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let headers = self.parts.headers.get_all(http::header::COOKIE).iter();
        let pairs = headers.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
        let mut found = pairs
            .filter_map(|pair| pair.trim().split_once('='))
            .filter_map(|(key, value)| (key == name).then_some(value));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// How the body says that it is encoded; `None` if it says nothing, or nothing of ours.
    pub fn encoding(&self) -> Option<Encoding> {
        body::encoding_of(self.content_type().ok()??)
    }

    /// Whether there is no body at all.
    pub fn body_is_empty(&self) -> bool {
        self.body.is_empty()
    }

    fn content_type(&self) -> Result<Option<&str>, BodyError> {
        match self.parts.headers.contains_key(http::header::CONTENT_TYPE) {
            false => Ok(None),
            true => match self.header(http::header::CONTENT_TYPE) {
                Some(value) => Ok(Some(value)),
                None => Err(BodyError::UnsupportedType(String::new())),
            },
        }
    }
}
