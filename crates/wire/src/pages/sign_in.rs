//! Signing in with a password.

use askama::Template;
use countersign_model::identifier::Identifier;
use countersign_model::password::Password;
use countersign_model::session::Surface;
use countersign_ops::SignedIn;
use countersign_ops::oauth::start_authorization::Flow;
use countersign_ops::sign_in::{SignIn as Request, SignInError};
use http::StatusCode;

use super::authorize::continue_at;
use super::consent::client_name;
use super::cookies::{self, Browser};
use super::error::Error;
use super::form::{Form, device_of_query, flow_of_query, open_flow};
use super::layout::{Button, FlowAsk, Hidden, Shell};
use super::new_password;
use super::words::fill;
use crate::http::{Call, Reply};

const PATH: &str = "/sign-in";
const SELECT: &str = "/select-account";

/// The form.
#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    shell: &'a Shell<'a>,
    hidden: Hidden,
    lead: String,
    notes: Vec<String>,
    faults: Vec<&'static str>,
    identifier: &'a str,
}

/// What the page shows besides the form.
#[derive(Clone, Copy, Default)]
pub(super) struct Given<'a> {
    /// What stands in the field.
    pub(super) identifier: &'a str,
    /// They are signed in and must do it again.
    pub(super) again: bool,
    /// Who is signed in.
    pub(super) signed_in: Option<&'a str>,
    /// What was wrong.
    pub(super) fault: Option<&'static str>,
    /// The code of the device that they sign in for.
    pub(super) device: &'a str,
}

/// The page; `flow` is what is sealed in `sealed`. Its form goes to `/sign-in`.
pub(super) fn page(
    call: &Call<'_>,
    browser: &Browser,
    sealed: &str,
    flow: Option<&Flow>,
    given: Given<'_>,
) -> Reply {
    show_page(call, browser, sealed, flow, given, StatusCode::OK)
}

fn show_page(
    call: &Call<'_>,
    browser: &Browser,
    sealed: &str,
    flow: Option<&Flow>,
    given: Given<'_>,
    status: StatusCode,
) -> Reply {
    let shell = Shell::of_some(call, flow);
    let words = shell.words;
    let again = given.again.then(|| words.again.to_owned());
    let other = given.signed_in.map(|who| fill(words.signed_in_as, &[("who", who)]));
    let page = SignIn {
        hidden: Hidden::of(call, browser, sealed, PATH).for_device(given.device),
        lead: flow
            .map(|flow| fill(words.to_continue, &[("app", client_name(&flow.client))]))
            .unwrap_or_default(),
        notes: again.into_iter().chain(other).collect(),
        faults: given.fault.into_iter().collect(),
        identifier: given.identifier,
        shell: &shell,
    };
    browser.mark(shell.show(status, &page))
}

pub(super) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let browser = Browser::of(call);
    let sealed = flow_of_query(call);
    let flow = open_flow(call, &browser, &sealed).await?;
    let session = cookies::session(call).await?;
    let device = device_of_query(call);
    let hint = flow.as_ref().and_then(|flow| flow.request.login_hint.as_deref());
    let given = Given {
        identifier: hint.unwrap_or_default(),
        signed_in: session.as_ref().map(|session| session.profile.shown_name()),
        device: &device,
        ..Given::default()
    };
    Ok(page(call, &browser, &sealed, flow.as_ref(), given))
}

pub(super) async fn submit(call: &Call<'_>) -> Result<Reply, Error> {
    let form = Form::read(call, PATH)?;
    let flow = form.open_flow(call).await?;
    let words = Shell::of_some(call, flow.as_ref()).words;
    let identifier = form.text("identifier");
    let again = |status, fault| {
        let given = Given { identifier, fault: Some(fault), device: form.text("device"), ..Given::default() };
        show_page(call, &form.browser, &form.flow, flow.as_ref(), given, status)
    };
    if identifier.is_empty() || form.text("password").is_empty() {
        return Ok(again(StatusCode::BAD_REQUEST, words.fill_in));
    }
    // No scheme of HTTP: browsers show the page, as they do not know it.
    let wrong = || again(StatusCode::UNAUTHORIZED, words.wrong_password).challenge("Form");
    let Ok(password) = Password::new(form.text("password")) else { return Ok(wrong()) };
    let request = Request {
        identifier: Identifier::any(identifier, call.core().settings.phone_region),
        password: &password,
        surface: Surface::Browser,
        source: call.source(),
    };
    match call.sign_in(request).await {
        Ok(signed_in) => {
            let is_weak = call.core().is_weak(&password, &signed_in.profile).await;
            enter(call, &form, flow, &signed_in, is_weak).await
        }
        Err(SignInError::Credentials) => Ok(wrong()),
        Err(SignInError::UnverifiedNumber) => Ok(again(StatusCode::FORBIDDEN, words.unverified_number)),
        Err(SignInError::UnverifiedEmail) => Ok(again(StatusCode::FORBIDDEN, words.unverified_email)),
        Err(SignInError::TooMany(after)) => {
            Ok(again(StatusCode::TOO_MANY_REQUESTS, words.too_many).retry_after(after))
        }
        Err(SignInError::Unavailable(why)) => Err(why.into()),
    }
}

/// Lets in who has signed in, and back to the flow or to the account's page. The cookie is a new one each
/// time (R062). If it was somebody else's before, that session ends (R073).
pub(super) async fn welcome(
    call: &Call<'_>,
    form: &Form,
    flow: Option<Flow>,
    signed_in: &SignedIn,
) -> Result<Reply, Error> {
    enter(call, form, flow, signed_in, false).await
}

/// The same; who came with a password that is weak is asked for another one first.
async fn enter(
    call: &Call<'_>,
    form: &Form,
    flow: Option<Flow>,
    signed_in: &SignedIn,
    is_weak: bool,
) -> Result<Reply, Error> {
    if let Some(cookie) = cookies::session_cookie(call) {
        call.core().end_session_before(cookie, signed_in.account).await?;
    }
    let sealed = flow.map(|flow| {
        let flow = Flow { chosen: Some(signed_in.account), ..flow };
        call.core().seal_flow(&flow, &form.browser.digest)
    });
    let (sealed, device) = (sealed.unwrap_or_default(), form.text("device"));
    let location = if is_weak && !cookies::has_put_off(call, signed_in.account) {
        let hidden = Hidden::of(call, &form.browser, &sealed, PATH).for_device(device);
        new_password::location(call, &form.browser, &hidden, signed_in.tokens.session)
    } else {
        new_password::next(call, &sealed, device)
    };
    Ok(cookies::sign_in(call, Reply::see_other(&location), &signed_in.tokens.access))
}

/// The page that asks which account. Its form goes to `/select-account` with `action` = `continue` or
/// `other`.
pub(super) fn choose(call: &Call<'_>, browser: &Browser, sealed: &str, flow: &Flow, who: &str) -> Reply {
    let shell = Shell::of_flow(call, flow);
    let words = shell.words;
    let button = |value, text| Button { name: "action", value, text };
    let page = FlowAsk {
        hidden: Hidden::of(call, browser, sealed, SELECT),
        action: SELECT,
        heading: words.select_account,
        text: &fill(words.to_continue, &[("app", client_name(&flow.client))]),
        buttons: vec![
            button("continue", fill(words.continue_as, &[("who", who)])),
            button("other", words.another_account.to_owned()),
        ],
        shell: &shell,
    };
    browser.mark(shell.show(StatusCode::OK, &page))
}

pub(super) async fn select_account(call: &Call<'_>) -> Result<Reply, Error> {
    let form = Form::read(call, SELECT)?;
    let flow = form.open_flow(call).await?.ok_or(Error::StartAgain)?;
    let session = cookies::session(call).await?;
    match (form.text("action"), session) {
        ("continue", Some(session)) => {
            let flow = Flow { chosen: Some(session.account), ..flow };
            Ok(Reply::see_other(&continue_at(&call.core().seal_flow(&flow, &form.browser.digest))))
        }
        _ => Ok(Reply::see_other(&format!("/sign-in?flow={}", form.flow))),
    }
}
