//! What an authorization request needs next. Nothing is remembered between the steps: what is missing
//! follows from the request, the browser's session and the consent, so no step can be left out (R074).

use countersign_model::oauth::Scope;
use serde_json::Value;

use super::browser_session::BrowserSession;
pub use super::start_authorization::{Answer, Flow};
use crate::{Core, Unavailable};

/// What comes next.
#[derive(Clone, Debug)]
pub enum Step {
    /// The sign-in page.
    SignIn {
        /// What to put into the field.
        login_hint: Option<String>,
        /// They are signed in and must do it again.
        again: bool,
    },
    /// The page that asks which account.
    SelectAccount {
        /// Who is signed in.
        who: String,
    },
    /// The page that asks for consent.
    Consent {
        /// What is asked for.
        scopes: Vec<ScopeLine>,
        /// RFC 9396.
        details: Option<Value>,
    },
    /// Back to the client.
    Answer(Answer),
}

/// A scope on the consent page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeLine {
    /// Its name.
    pub name: String,
    /// It was allowed before.
    pub known: bool,
}

/// Why a flow cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdvanceFlowError {
    /// The session has ended meanwhile.
    #[error("nobody is signed in")]
    SignedOut,
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Core {
    /// What the flow needs next; with everything there, a code.
    ///
    /// # Errors
    /// [`AdvanceFlowError`].
    pub async fn advance_flow(
        &self,
        flow: &Flow,
        session: Option<&BrowserSession>,
    ) -> Result<Step, AdvanceFlowError> {
        let _ = (flow, session);
        Err(Unavailable::Fault.into())
    }

    /// What they decided: `None` is no. Remembered, and answered with a code.
    ///
    /// # Errors
    /// [`AdvanceFlowError`].
    pub async fn consent(
        &self,
        flow: &Flow,
        session: &BrowserSession,
        granted: Option<Scope>,
    ) -> Result<Answer, AdvanceFlowError> {
        let _ = (flow, session, granted);
        Err(Unavailable::Fault.into())
    }
}
