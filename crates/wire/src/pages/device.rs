//! A code that a device shows. Somebody who was sent the code by a stranger would give that stranger
//! access: the page says which application asks, from where and since when (RFC 8628 section 5.4).

use askama::Template;
use countersign_model::code::Code;
use countersign_ops::oauth::browser_session::BrowserSession;
use countersign_ops::oauth::device::{FindDeviceError, WaitingDevice};
use http::StatusCode;

use super::consent::{Consent, Line, client_name, links, scope_text, warning};
use super::cookies::{self, Browser};
use super::details::readable;
use super::error::Error;
use super::form::{Form, text_of_query};
use super::layout::{FlowNotice, Hidden, Shell};
use super::words::fill;
use crate::http::{Call, Reply};

const PATH: &str = "/device";

/// Asks for the code.
#[derive(Template)]
#[template(path = "device_code.html")]
struct DeviceCode<'a> {
    shell: &'a Shell<'a>,
    hidden: Hidden,
    faults: Vec<&'static str>,
    user_code: &'a str,
}

/// What a form of this page is for: it is no form of whoever signs in later in the same browser (R073).
fn about(session: Option<&BrowserSession>) -> String {
    session.map_or_else(|| PATH.to_owned(), |session| format!("{PATH} {}", session.session))
}

/// What somebody typed as the device shows it, to be compared; a text that is no code as it was typed.
fn as_shown(typed: &str) -> String {
    Code::parse(typed).map_or_else(|| typed.to_owned(), |code| code.display().reveal().to_owned())
}

pub(super) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let session = cookies::session(call).await?;
    let browser = Browser::of(call);
    let hidden = Hidden::of(call, &browser, "", &about(session.as_ref()));
    let user_code = as_shown(&text_of_query(call, "user_code"));
    Ok(ask(call, &browser, hidden, &user_code, None))
}

fn ask(
    call: &Call<'_>,
    browser: &Browser,
    hidden: Hidden,
    user_code: &str,
    fault: Option<(&'static str, StatusCode)>,
) -> Reply {
    let shell = Shell::of(call);
    let faults = fault.iter().map(|(text, _)| *text).collect();
    let page = DeviceCode { hidden, faults, user_code, shell: &shell };
    browser.mark(shell.show(fault.map_or(StatusCode::OK, |(_, status)| status), &page))
}

pub(super) async fn submit(call: &Call<'_>) -> Result<Reply, Error> {
    let session = cookies::session(call).await?;
    let form = Form::read(call, &about(session.as_ref()))?;
    let user_code = &as_shown(form.text("user_code"));
    let Some(session) = session else {
        let hidden = Hidden::of(call, &form.browser, "", PATH).for_device(user_code);
        return Ok(Reply::see_other(&format!("/sign-in{}", hidden.query())));
    };
    let core = call.core();
    let outcome = match form.text("decision") {
        "" => core.find_device(user_code, call.source()).await.map(Some),
        decision => {
            let allow = decision == "allow";
            core.decide_device(user_code, &session, allow, call.source()).await.map(|()| None)
        }
    };
    let again = |fault| {
        let hidden = Hidden::of(call, &form.browser, "", &about(Some(&session)));
        ask(call, &form.browser, hidden, user_code, Some(fault))
    };
    let words = Shell::of(call).words;
    match outcome {
        Ok(Some(device)) => Ok(confirm(call, &form, &session, &device, user_code)),
        Ok(None) => Ok(decided(call, form.text("decision") == "allow")),
        Err(FindDeviceError::Invalid) => Ok(again((words.device_wrong, StatusCode::NOT_FOUND))),
        Err(FindDeviceError::TooMany(after)) => {
            Ok(again((words.too_many, StatusCode::TOO_MANY_REQUESTS)).retry_after(after))
        }
        Err(FindDeviceError::Unavailable(why)) => Err(why.into()),
    }
}

fn confirm(
    call: &Call<'_>,
    form: &Form,
    session: &BrowserSession,
    device: &WaitingDevice,
    user_code: &str,
) -> Reply {
    let shell = Shell::of(call);
    let words = shell.words;
    let (app, who) = (client_name(&device.client), session.profile.shown_name());
    let unchecked = warning(words, &device.client);
    let time = device.started_at.date_and_time() + " UTC";
    let from = [("source", device.source.as_str()), ("time", &time)];
    let page = Consent {
        hidden: Hidden::of(call, &form.browser, "", &about(Some(session))),
        action: PATH,
        heading: fill(words.device_ask_title, &[("app", app)]),
        lead: fill(words.device_ask, &[("app", app), ("who", who), ("code", user_code)]),
        warning: [words.device_warning, &unchecked].join(" ").trim_end().to_owned(),
        scopes: device
            .scope
            .names()
            .map(|name| Line { text: scope_text(words, name), known: false })
            .collect(),
        details: readable(words, &device.details),
        notes: vec![fill(words.device_from, &from)],
        fields: vec![("user_code", user_code.to_owned())],
        links: links(words, &device.client),
        shell: &shell,
    };
    shell.show(StatusCode::OK, &page)
}

fn decided(call: &Call<'_>, allowed: bool) -> Reply {
    let shell = Shell::of(call);
    let words = shell.words;
    let (heading, text) = match allowed {
        true => (words.device_allowed, words.device_allowed_text),
        false => (words.device_denied, words.device_denied_text),
    };
    shell.show(StatusCode::OK, &FlowNotice::new(&shell, heading, text))
}
