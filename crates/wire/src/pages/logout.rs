//! Signing out at a client's wish. The wish alone signs nobody out: a picture on any site could make it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_model::oauth::{Parameters, RedirectUri};
use countersign_ops::oauth::plan_logout::{LogoutPlan, PlanLogoutError};
use http::StatusCode;

use super::consent::host_of;
use super::cookies::{self, Browser};
use super::error::Error;
use super::form::Form;
use super::layout::{Button, FlowAsk, FlowNotice, Hidden, Shell, address};
use super::respond;
use super::words::fill;
use crate::http::{Call, Reply};

const PATH: &str = "/oauth2/logout";

impl From<PlanLogoutError> for Error {
    fn from(error: PlanLogoutError) -> Error {
        match error {
            PlanLogoutError::Refused(code, reason) => Error::Refused { code, reason },
            PlanLogoutError::Unavailable(why) => Error::Unavailable(why),
        }
    }
}

/// Asks whoever is signed in; who is not, is sent on.
pub(super) async fn ask(call: &Call<'_>) -> Result<Reply, Error> {
    let wish = call.query_parameters().map_err(respond::unreadable)?;
    let plan = call.core().plan_logout(&wish).await?;
    let Some(session) = cookies::session(call).await? else { return Ok(unasked(call, &plan, &wish)) };
    let browser = Browser::of(call);
    // The wish travels in the form, and the form's proof is for this wish only.
    let wish = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&wish).unwrap_or_default());
    let destination = plan.redirect.as_deref().and_then(|uri| RedirectUri::register(uri).ok());
    let origin = destination.map(|uri| uri.form_action()).unwrap_or_default();
    let shell = Shell::of(call).leading_to(origin);
    let words = shell.words;
    let button = |value, text: &str| Button { name: "decision", value, text: text.to_owned() };
    let page = FlowAsk {
        hidden: Hidden::of(call, &browser, &wish, PATH),
        action: PATH,
        heading: words.sign_out_title,
        text: &fill(words.sign_out_ask, &[("who", session.profile.shown_name())]),
        buttons: vec![button("sign_out", words.sign_out), button("stay", words.stay)],
        shell: &shell,
    };
    Ok(browser.mark(shell.show(StatusCode::OK, &page)))
}

/// Takes the answer of that page. A client's own form comes without our cookies: the browser goes on by a
/// GET of its own.
pub(super) async fn logout(call: &Call<'_>) -> Result<Reply, Error> {
    let posted = call.form_parameters().map_err(respond::unreadable)?;
    if posted.get("csrf").is_none() {
        call.core().plan_logout(&posted).await?;
        return Ok(Reply::see_other(&format!("{PATH}?{}", respond::query_of(&posted))));
    }
    let form = Form::read(call, PATH)?;
    if form.text("decision") != "sign_out" {
        return Ok(Reply::see_other("/account"));
    }
    let wish = URL_SAFE_NO_PAD.decode(&form.flow).map_err(|_| Error::StartAgain)?;
    let wish: Parameters = serde_json::from_slice(&wish).map_err(|_| Error::StartAgain)?;
    let plan = call.core().plan_logout(&wish).await?;
    if let Some(cookie) = cookies::session_cookie(call) {
        call.core().end_browser(cookie).await?;
    }
    Ok(cookies::sign_out(go(&plan, &wish)))
}

/// Tells that it is done.
pub(super) async fn signed_out(call: &Call<'_>) -> Result<Reply, Error> {
    let shell = Shell::of(call);
    let words = shell.words;
    Ok(shell.show(StatusCode::OK, &FlowNotice::new(&shell, words.signed_out, words.signed_out_text)))
}

/// Sends on who is not signed in, or lets them go on themselves: they did nothing yet.
fn unasked(call: &Call<'_>, plan: &LogoutPlan, wish: &Parameters) -> Reply {
    let Some(uri) = plan.redirect.as_deref().filter(|_| !plan.is_known) else { return go(plan, wish) };
    let shell = Shell::of(call);
    let words = shell.words;
    let notice = FlowNotice::new(&shell, words.signed_out, words.signed_out_text);
    shell.show(StatusCode::OK, &FlowNotice { links: &[(uri, &host_of(uri))], ..notice }).no_store()
}

/// Where the client wants it, or to a page of ours in the language of the wish.
fn go(plan: &LogoutPlan, wish: &Parameters) -> Reply {
    let locales = wish.get("ui_locales").unwrap_or_default();
    let own = || address("/signed-out", &[("ui_locales", locales)]);
    Reply::see_other(&plan.redirect.clone().unwrap_or_else(own)).no_store()
}
