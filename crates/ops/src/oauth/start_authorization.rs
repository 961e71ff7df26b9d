//! An authorization request comes in (RFC 6749 §4.1.1).

use std::sync::Arc;

use countersign_model::ids::AccountId;
use countersign_model::oauth::{AuthorizationRequest, Client, ErrorCode, Parameters, ResponseMode};
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;

use crate::{Core, Source, Unavailable};

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
    /// The account that is expected.
    pub hint: Option<AccountId>,
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

impl Core {
    /// Reads an authorization request.
    ///
    /// # Errors
    /// [`StartAuthorizationError`].
    pub async fn start_authorization(
        &self,
        parameters: &Parameters,
        source: Source,
    ) -> Result<Flow, StartAuthorizationError> {
        let _ = (parameters, source);
        Err(Unavailable::Fault.into())
    }

    /// The flow as a text that only this browser can hand in again.
    pub fn seal_flow(&self, flow: &Flow, browser: &TokenDigest) -> String {
        let _ = (flow, browser);
        String::new()
    }

    /// Reads what [`Core::seal_flow`] wrote, if it was for this browser, is not too old and its client is
    /// still served.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn open_flow(&self, sealed: &str, browser: &TokenDigest) -> Result<Option<Flow>, Unavailable> {
        let _ = (sealed, browser);
        Err(Unavailable::Fault)
    }
}
