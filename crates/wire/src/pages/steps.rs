//! The pages of a flow that ask somebody for something.

use countersign_ops::Unavailable;
use countersign_ops::oauth::advance_flow::ScopeLine;
use serde_json::Value;

use super::error::Error;
use super::flowing::Flowing;
use crate::http::{Call, Reply};

/// Asks who it is. `again`: they are signed in, but the client wants them to do it anew.
pub(super) fn sign_in(
    call: &Call<'_>,
    flowing: &Flowing,
    login_hint: Option<&str>,
    again: bool,
) -> Result<Reply, Error> {
    let _ = (call, flowing, login_hint, again);
    Err(Unavailable::Fault.into())
}

/// Asks whether to go on as who is signed in.
pub(super) fn select_account(call: &Call<'_>, flowing: &Flowing, who: &str) -> Result<Reply, Error> {
    let _ = (call, flowing, who);
    Err(Unavailable::Fault.into())
}

/// Asks for consent; its form goes to `/consent` with `flow`, `csrf`, `decision` and `scope`.
pub(super) fn consent(
    call: &Call<'_>,
    flowing: &Flowing,
    scopes: &[ScopeLine],
    details: Option<&Value>,
) -> Result<Reply, Error> {
    let _ = (call, flowing, scopes, details);
    Err(Unavailable::Fault.into())
}
