//! A password that signs in, but that nobody could choose today: its owner is asked for a better one on the way
//! (acceptance decision 2), and may put it off.

use askama::Template;
use countersign_model::ids::SessionId;
use countersign_ops::replace_password::{ReplacePassword, ReplacePasswordError};
use http::StatusCode;

use super::authorize::continue_at;
use super::coded::{RULE, password_hint};
use super::cookies::{self, Browser};
use super::error::Error;
use super::form::{Form, device_of_query, flow_of_query, open_flow, text_of_query, ui_locales};
use super::layout::{Hidden, Shell, address};
use super::words;
use crate::http::{Call, Reply};

const PATH: &str = "/new-password";

/// The page.
#[derive(Template)]
#[template(path = "new_password.html")]
struct NewPassword<'a> {
    shell: &'a Shell<'a>,
    hidden: Hidden,
    proof: &'a str,
    password_hint: String,
    faults: Vec<String>,
}

/// What whoever has just signed in is given, and nobody else: with it the password need not be typed again.
fn proof_for(session: SessionId) -> String {
    format!("{PATH} {session}")
}

/// Where a browser is sent that has just signed in with a weak password.
pub(super) fn location(call: &Call<'_>, browser: &Browser, hidden: &Hidden, session: SessionId) -> String {
    let proof = browser.csrf(call, &proof_for(session));
    let query = hidden.query();
    let mark = if query.is_empty() { '?' } else { '&' };
    // A proof is base64url.
    format!("{PATH}{query}{mark}proof={proof}")
}

/// Where it goes on from there.
pub(super) fn next(call: &Call<'_>, flow: &str, device: &str) -> String {
    if !flow.is_empty() {
        return continue_at(flow);
    }
    let path = if device.is_empty() { "/account" } else { "/device" };
    address(path, &[("user_code", device), ("ui_locales", &ui_locales(call).join(" "))])
}

pub(super) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let browser = Browser::known(call).ok_or(Error::StartAgain)?;
    let (sealed, proof) = (flow_of_query(call), text_of_query(call, "proof"));
    let hidden = Hidden::of(call, &browser, &sealed, PATH).for_device(&device_of_query(call));
    let Some(session) = cookies::session(call).await? else {
        return Ok(Reply::see_other(&format!("/sign-in{}", hidden.query())));
    };
    if !browser.is_own_form(call, &proof_for(session.session), &proof) {
        return Err(Error::StartAgain);
    }
    ask(call, &browser, hidden, &proof, Vec::new()).await
}

async fn ask(
    call: &Call<'_>,
    browser: &Browser,
    hidden: Hidden,
    proof: &str,
    faults: Vec<String>,
) -> Result<Reply, Error> {
    let flow = open_flow(call, browser, &hidden.flow.to_string()).await?;
    let shell = Shell::of_some(call, flow.as_ref());
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let password_hint = password_hint(call, shell.words);
    Ok(shell.show(status, &NewPassword { hidden, proof, password_hint, faults, shell: &shell }))
}

pub(super) async fn submit(call: &Call<'_>) -> Result<Reply, Error> {
    let form = Form::read(call, PATH)?;
    let (proof, device) = (form.text("proof"), form.text("device"));
    let hidden = Hidden::of(call, &form.browser, &form.flow, PATH).for_device(device);
    let Some(session) = cookies::session(call).await? else {
        return Ok(Reply::see_other(&format!("/sign-in{}", hidden.query())));
    };
    if !form.browser.is_own_form(call, &proof_for(session.session), proof) {
        return Err(Error::StartAgain);
    }
    let on = Reply::see_other(&next(call, &form.flow, device));
    if form.text("action") == "later" {
        return Ok(cookies::put_off(call, on, session.account));
    }
    let words = Shell::of_some(call, form.open_flow(call).await?.as_ref()).words;
    let new = match words::chosen_password(words, form.text("new_password")) {
        Ok(new) => new,
        Err(fault) => return ask(call, &form.browser, hidden, proof, vec![fault.to_owned()]).await,
    };
    let cookie = cookies::session_cookie(call).unwrap_or_default();
    let request = ReplacePassword { cookie, new: &new, rule: RULE, source: call.source() };
    match call.core().replace_password(request).await {
        Ok(()) => Ok(on),
        Err(ReplacePasswordError::Password(faults)) => {
            let faults = faults.iter().map(|fault| words::password_fault(words, fault)).collect();
            ask(call, &form.browser, hidden, proof, faults).await
        }
        Err(ReplacePasswordError::SignedOut) => Err(Error::StartAgain),
        Err(ReplacePasswordError::Unavailable(why)) => Err(why.into()),
    }
}
