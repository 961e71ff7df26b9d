//! Proving an address of the account that is signed in: a code goes there, and comes back in the same browser
//! (decision 0006).

use countersign_model::code::CodePurpose;
use countersign_model::identifier::Identifier;
use countersign_ops::oauth::browser_session::BrowserSession;
use countersign_ops::prove_address::{ProveAddress, ProveAddressError};
use countersign_ops::send_code::SendCodeError;
use http::StatusCode;

use super::account;
use super::coded::{Coded, Step};
use super::cookies;
use super::error::Error;
use super::form::Form;
use super::layout::Shell;
use crate::http::{Call, Reply};

/// Where the forms go.
pub(super) const PATH: &str = "/verify-address";

const PAGE: Coded = Coded {
    path: PATH,
    heading: |words| words.verify_title,
    button: |words| words.confirm,
    purpose: CodePurpose::ProveAddress,
    asks_password: false,
};

/// The forms are no forms of whoever signs in later in the same browser (R073).
pub(super) fn about(session: &BrowserSession) -> String {
    format!("{PATH} {}", session.session)
}

/// Addresses are chosen on the account's page, and so is another code.
#[allow(clippy::unused_async)] // As every handler.
pub(super) async fn show(_: &Call<'_>) -> Result<Reply, Error> {
    Ok(Reply::see_other(account::PATH))
}

/// Sends the code; with a code, takes it.
pub(super) async fn submit(call: &Call<'_>) -> Result<Reply, Error> {
    let session = cookies::session(call).await?.ok_or(Error::StartAgain)?;
    let form = Form::read(call, &about(&session))?;
    let core = call.core();
    let given = form.text("identifier");
    if !form.text("code").is_empty() {
        return match core.unproven_address(&session, given).await? {
            Some(address) => prove(call, step(call, &session, form, address)).await,
            None => Ok(Reply::see_other(account::PATH)),
        };
    }
    match core.send_proof(&session, given, &form.browser.digest, call.source()).await {
        Ok(Some(address)) => {
            Ok(step(call, &session, form, address).ask_code(call, Vec::new(), StatusCode::OK))
        }
        // Proven or given up meanwhile: that page says what there is now.
        Ok(None) => Ok(Reply::see_other(account::PATH)),
        Err(SendCodeError::TooMany(after)) => Err(Error::TooMany(after)),
        Err(SendCodeError::Unavailable(why)) => Err(why.into()),
    }
}

fn step(call: &Call<'_>, session: &BrowserSession, form: Form, identifier: Identifier) -> Step {
    let words = Shell::of(call).words;
    Step { page: &PAGE, about: about(session), form, flow: None, words, identifier }
}

async fn prove(call: &Call<'_>, step: Step) -> Result<Reply, Error> {
    let request = ProveAddress {
        cookie: cookies::session_cookie(call).unwrap_or_default(),
        address: &step.identifier,
        code: step.form.text("code"),
        code_use: step.code_use(),
        source: call.source(),
    };
    match call.core().prove_address(request).await {
        Ok(()) => Ok(Reply::see_other(account::PATH)),
        Err(ProveAddressError::CodeInvalid) => {
            Ok(step.refuse(call, step.words.code_wrong, StatusCode::BAD_REQUEST))
        }
        Err(ProveAddressError::SignedOut) => Err(Error::StartAgain),
        Err(ProveAddressError::TooMany(after)) => Ok(step.too_many(call, after)),
        Err(ProveAddressError::Unavailable(why)) => Err(why.into()),
    }
}
