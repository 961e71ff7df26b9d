//! The pages of a flow that ask somebody for something.

use countersign_ops::oauth::advance_flow::ScopeLine;
use serde_json::Value;

use super::error::Error;
use super::flowing::Flowing;
use super::sign_in::Given;
use super::{consent, sign_in};
use crate::http::{Call, Reply};

/// Asks who it is. `again`: they are signed in, but the client wants them to do it anew.
pub(super) fn sign_in(
    call: &Call<'_>,
    flowing: &Flowing,
    login_hint: Option<&str>,
    again: bool,
) -> Result<Reply, Error> {
    let Flowing { flow, sealed, browser, session } = flowing;
    let signed_in = session.as_ref().map(|session| consent::name_of(&session.profile));
    // Who has to sign in again is expected to be the same person.
    let identifier = login_hint.or(signed_in.filter(|_| again)).unwrap_or_default();
    let signed_in = signed_in.filter(|_| !again);
    let given = Given { identifier, again, signed_in, fault: None };
    Ok(sign_in::page(call, browser, sealed, Some(flow), given))
}

/// Asks whether to go on as who is signed in.
pub(super) fn select_account(call: &Call<'_>, flowing: &Flowing, who: &str) -> Result<Reply, Error> {
    Ok(sign_in::choose(call, &flowing.browser, &flowing.sealed, &flowing.flow, who))
}

/// Asks for consent; its form goes to `/consent` with `flow`, `csrf`, `decision` and `scope`.
pub(super) fn consent(
    call: &Call<'_>,
    flowing: &Flowing,
    scopes: &[ScopeLine],
    details: Option<&Value>,
) -> Result<Reply, Error> {
    let Flowing { flow, sealed, browser, session } = flowing;
    let session = session.as_ref().ok_or(Error::FlowLost)?;
    Ok(consent::page(call, browser, sealed, flow, &session.profile, scopes, details))
}
