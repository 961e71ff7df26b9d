//! The authorization endpoint, seen from the browser: each step of a request is worked out anew from the
//! sealed flow and the browser's session.

use countersign_model::oauth::{ErrorCode, Scope};
use countersign_ops::oauth::advance_flow::{AdvanceFlowError, Step};
use countersign_ops::oauth::browser_session::BrowserSession;
use countersign_ops::oauth::start_authorization::{Flow, StartAuthorizationError};
use http::Method;

use super::consent as consent_page;
use super::cookies::{self, Browser};
use super::error::Error;
use super::form::{Form, flow_of_query};
use super::respond;
use super::sign_in::{self, Given};
use super::sign_in_code;
use crate::http::{Call, Reply};

const CONSENT: &str = "/consent";

/// Takes a client's request. A request that was posted comes from another site, so no `Lax` cookie came
/// along: the browser goes on by a GET of its own, which brings them. So it does with a pushed or a signed
/// request, which works once, so that the page can be loaded anew.
pub(super) async fn authorize(call: &Call<'_>) -> Result<Reply, Error> {
    let is_post = call.method() == Method::POST;
    let parameters = match is_post {
        // What is in both is nowhere (R107).
        true if call.query_parameters().is_ok_and(|query| query.size() > 0) => {
            return Err(refused("The parameters of a POST belong into its body."));
        }
        true => call.form_parameters(),
        false => call.query_parameters(),
    };
    let parameters = parameters.map_err(respond::unreadable)?;
    let browser = Browser::of(call);
    let flow = match call.core().start_authorization(&parameters, call.source()).await {
        Ok(flow) => flow,
        Err(StartAuthorizationError::Show(code, reason)) => return Err(Error::Refused { code, reason }),
        Err(StartAuthorizationError::Redirect(answer)) => return Ok(respond::answer(call, &answer)),
        Err(StartAuthorizationError::Unavailable(why)) => return Err(why.into()),
    };
    let sealed = call.core().seal_flow(&flow, &browser.digest);
    if is_post || flow.pushed.is_some() || parameters.get("request").is_some() {
        return Ok(browser.mark(Reply::see_other(&continue_at(&sealed))));
    }
    step(call, &browser, &sealed, &flow).await
}

/// Goes on with a flow.
pub(super) async fn go_on(call: &Call<'_>) -> Result<Reply, Error> {
    let browser = Browser::known(call).ok_or(Error::StartAgain)?;
    let sealed = flow_of_query(call);
    let flow = call.core().open_flow(&sealed, &browser.digest).await?.ok_or(Error::StartAgain)?;
    step(call, &browser, &sealed, &flow).await
}

/// Takes the decision of the consent page.
pub(super) async fn consent(call: &Call<'_>) -> Result<Reply, Error> {
    let form = Form::read(call, CONSENT)?;
    let flow = form.open_flow(call).await?.ok_or(Error::StartAgain)?;
    let granted = match form.text("decision") {
        "allow" => Some(Scope::parse(form.text("scope")).map_err(|_| Error::StartAgain)?),
        "deny" => None,
        _ => return Err(Error::StartAgain),
    };
    // Whoever signs in later in the same browser was shown nothing yet (R073).
    let is_theirs = |session: &BrowserSession| form.text("session") == session.session.to_string();
    let Some(session) = cookies::session(call).await?.filter(is_theirs) else {
        return Ok(Reply::see_other(&continue_at(&form.flow)));
    };
    match call.core().consent(&flow, &session, granted).await {
        Ok(answer) => Ok(respond::answer(call, &answer)),
        Err(AdvanceFlowError::SignedOut) => Ok(Reply::see_other(&continue_at(&form.flow))),
        Err(AdvanceFlowError::Unavailable(why)) => Err(why.into()),
    }
}

/// Where a step leads when it is done.
pub(super) fn continue_at(sealed: &str) -> String {
    // A sealed flow is base64url.
    format!("/oauth2/continue?flow={sealed}")
}

async fn step(call: &Call<'_>, browser: &Browser, sealed: &str, flow: &Flow) -> Result<Reply, Error> {
    let session = cookies::session(call).await?;
    let signed_in = session.as_ref().map(|session| session.profile.shown_name());
    Ok(match call.core().advance_flow(flow, session.as_ref()).await? {
        Step::SignIn { by_code: true, .. } => {
            browser.mark(Reply::see_other(&format!("{}?flow={sealed}", sign_in_code::PATH)))
        }
        Step::SignIn { login_hint, again, by_code: false } => {
            let identifier = login_hint.as_deref().unwrap_or_default();
            let given = Given { identifier, again, signed_in, ..Given::default() };
            sign_in::page(call, browser, sealed, Some(flow), given)
        }
        Step::SelectAccount { who } => sign_in::choose(call, browser, sealed, flow, &who),
        Step::Consent { scopes, details } => {
            let Some(session) = &session else { return Err(Error::StartAgain) };
            consent_page::page(call, browser, sealed, flow, session, &scopes, &details)
        }
        Step::Answer(answer) => respond::answer(call, &answer),
        Step::Refused { code, reason } => return Err(Error::Refused { code, reason }),
    })
}

fn refused(reason: &'static str) -> Error {
    Error::Refused { code: ErrorCode::InvalidRequest, reason }
}
