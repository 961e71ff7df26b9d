//! An authorization request comes in (RFC 6749 §4.1.1).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_model::ids::AccountId;
use countersign_model::keyring::Place;
use countersign_model::oauth::{
    AuthorizationRequest, Client, ClientNo, ConfiguredClaims, ErrorCode, Parameters, ResponseMode,
};
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::read_request::{self, Destination, Fault, MAX_BYTES};
use super::request_object::RequestObjectError;
use crate::audit::audit_repeated;
use crate::{Core, Repeated, Source, Unavailable};

static REFUSALS: Repeated = Repeated::new();

/// How long somebody may take from an application's request to its answer.
pub(crate) const FLOW_LIFETIME: Duration = Duration::from_secs(1800);

/// A request on its way: sealed in every page of it, stored nowhere.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Who asks.
    pub client: Arc<Client>,
    /// What for.
    pub request: AuthorizationRequest,
    /// Since when.
    pub started_at: Timestamp,
    /// The account that was chosen on a page.
    pub chosen: Option<AccountId>,
    /// The subject that is expected, as the client knows it.
    pub hint: Option<String>,
    /// Where the request is stored, if it was pushed.
    pub pushed: Option<TokenDigest>,
    /// Claims that the operator adds.
    pub configured: Arc<ConfiguredClaims>,
}

/// What goes back to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Where.
    pub redirect_uri: String,
    /// How.
    pub mode: ResponseMode,
    /// `code` or `error`, `state`, `iss`; with JARM one `response`.
    pub parameters: Vec<(&'static str, String)>,
}

/// Why there is no flow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartAuthorizationError {
    /// Shown on a page: nobody knows where an answer would go.
    #[error("{1}")]
    Show(ErrorCode, &'static str),
    /// Answered to the client.
    #[error("the request is refused")]
    Redirect(Box<Answer>),
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<Fault> for StartAuthorizationError {
    fn from(Fault(code, why): Fault) -> StartAuthorizationError {
        StartAuthorizationError::Show(code, why)
    }
}

impl From<RequestObjectError> for StartAuthorizationError {
    fn from(error: RequestObjectError) -> StartAuthorizationError {
        match error {
            // Where its answer goes is in the object, and that is not believed.
            RequestObjectError::Refused(fault) => fault.into(),
            RequestObjectError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

/// Requests travel in URLs: what came, and what goes on sealed.
fn check_size(bytes: usize) -> Result<(), Fault> {
    let refused = Fault(ErrorCode::InvalidRequest, "The request is longer than 4 KiB; push it (RFC 9126).");
    if bytes > MAX_BYTES { Err(refused) } else { Ok(()) }
}

/// A flow as it is sealed.
#[derive(Serialize, Deserialize)]
struct Sealed {
    /// In base64url: numbers in a list would be three times as long.
    browser: String,
    client: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<AuthorizationRequest>,
    started_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chosen: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pushed: Option<[u8; 32]>,
}

impl Core {
    /// Reads an authorization request. Until its client and its redirect URI are known to belong together,
    /// whatever is wrong is shown to whoever sits in front of the browser.
    ///
    /// # Errors
    /// [`StartAuthorizationError`].
    pub async fn start_authorization(
        &self,
        parameters: &Parameters,
        source: Source,
    ) -> Result<Flow, StartAuthorizationError> {
        let invalid = |why| Fault(ErrorCode::InvalidRequest, why);
        let object = parameters.get("request");
        check_size(parameters.size() - object.map_or(0, str::len))?;
        let id = parameters.get("client_id").ok_or(invalid("The client_id is missing."))?;
        let client = self.find_or_fetch_client(id, source).await?.map(|(client, _)| client);
        let client = client.ok_or(Fault(ErrorCode::InvalidClient, self.why_no_client(id)))?;
        let pushed = parameters.get("request_uri").filter(|uri| self.is_pushed(uri));
        if let Some(uri) = pushed.filter(|_| object.is_none()) {
            let (digest, request) = self.use_pushed(&client, uri).await?;
            return self.flow(client, request, Some(digest)).await;
        }
        let asked = self.signed_parameters(&client, parameters).await?;
        check_size(asked.size())?;
        let destination = read_request::destination(&client, &asked)?;
        let is_right = match client.metadata.require_pushed_authorization_requests {
            true => Err(invalid("The client must push its requests (RFC 9126).")),
            false => read_request::check_signed(&client, parameters),
        };
        let types = &self.settings.oauth.authorization_details_types;
        match is_right.and_then(|()| read_request::read(&client, &asked, types)) {
            Ok(request) => self.flow(client, request, None).await,
            Err(fault) => {
                let what = ("authorize", fault.0.text());
                audit_repeated(&REFUSALS, what, Some(client.id.as_str()), source);
                Err(self.refuse_request(&client, destination, fault).await)
            }
        }
    }

    /// A hint that is none is answered like anything else that is wrong: the client and its redirect URI are known.
    async fn flow(
        &self,
        client: Arc<Client>,
        request: AuthorizationRequest,
        pushed: Option<TokenDigest>,
    ) -> Result<Flow, StartAuthorizationError> {
        let hint = request.id_token_hint.as_deref().and_then(|token| self.read_hint(token));
        let hint = hint.filter(|hint| hint.client_id == client.id.as_str()).map(|hint| hint.subject);
        let is_no_hint = request.id_token_hint.is_some() && hint.is_none();
        let started_at = self.clock.now();
        // The hint has been read: it need not travel on.
        let request = AuthorizationRequest { id_token_hint: None, ..request };
        let configured = Arc::clone(&self.settings.oauth.claims);
        let flow = Flow { client, request, started_at, chosen: None, hint, pushed, configured };
        if is_no_hint {
            let why = "The id_token_hint is no ID token of this client.";
            let fault = Fault(ErrorCode::InvalidRequest, why);
            return Err(self.refuse_request(&flow.client, flow.destination(), fault).await);
        }
        Ok(flow)
    }

    /// Tells the client what is wrong. One that nobody has looked at could make this server send browsers
    /// wherever it likes by asking for something wrong (RFC 9700 §4.11.2): there it is shown instead.
    async fn refuse_request(
        &self,
        client: &Client,
        destination: Destination,
        fault: Fault,
    ) -> StartAuthorizationError {
        if !client.is_operators() {
            return fault.into();
        }
        match self.refusal(client, destination, fault).await {
            Ok(answer) => StartAuthorizationError::Redirect(Box::new(answer)),
            Err(unavailable) => unavailable.into(),
        }
    }

    /// The flow as a text that only this browser can hand in again.
    pub fn seal_flow(&self, flow: &Flow, browser: &TokenDigest) -> String {
        let sealed = Sealed {
            browser: URL_SAFE_NO_PAD.encode(browser.0),
            client: flow.client.no.0,
            request: flow.pushed.is_none().then(|| flow.request.clone()),
            started_at: flow.started_at.micros(),
            chosen: flow.chosen.map(|account| account.0),
            hint: flow.hint.clone(),
            pushed: flow.pushed.map(|digest| digest.0),
        };
        // Texts and numbers only: always written.
        let plain = serde_json::to_vec(&sealed).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(self.keyring.seal(Place::Flow, &plain, &self.random))
    }

    /// Reads what [`Core::seal_flow`] wrote, if it was for this browser, is not too old and its client is
    /// still served.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn open_flow(&self, sealed: &str, browser: &TokenDigest) -> Result<Option<Flow>, Unavailable> {
        let plain = URL_SAFE_NO_PAD.decode(sealed).ok();
        let plain = plain.and_then(|bytes| self.keyring.open(Place::Flow, &bytes).ok());
        let Some(sealed) = plain.and_then(|plain| serde_json::from_slice::<Sealed>(&plain).ok()) else {
            return Ok(None);
        };
        let started_at = Timestamp::from_micros(sealed.started_at);
        if sealed.browser != URL_SAFE_NO_PAD.encode(browser.0)
            || self.clock.now() >= started_at.after(FLOW_LIFETIME)
        {
            return Ok(None);
        }
        let pushed = sealed.pushed.map(TokenDigest);
        let request = match (sealed.request, &pushed) {
            (Some(request), None) => Some(request),
            (None, Some(digest)) => self.find_pushed(ClientNo(sealed.client), digest).await?,
            (Some(_), Some(_)) | (None, None) => None,
        };
        let client = self.find_client_by_no(ClientNo(sealed.client)).await?;
        let Some((client, request)) = client.zip(request) else { return Ok(None) };
        // What was registered may have changed since.
        let is_still_registered =
            request.redirect_uri.as_deref().is_none_or(|uri| client.redirect(uri).is_some());
        let chosen = sealed.chosen.map(AccountId);
        let configured = Arc::clone(&self.settings.oauth.claims);
        let flow = Flow { client, request, started_at, chosen, hint: sealed.hint, pushed, configured };
        Ok(is_still_registered.then_some(flow))
    }
}
