//! Addresses, consents and sessions of whoever is signed in.

use askama::Template;
use countersign_model::ids::SessionId;
use countersign_model::oauth::ClientNo;
use countersign_model::session::{ListedSession, Surface, TokenPurpose};
use countersign_model::stored::Stored;
use countersign_model::time::Timestamp;
use countersign_ops::AdminError;
use countersign_ops::Unavailable;
use countersign_ops::oauth::browser_session::BrowserSession;
use countersign_ops::oauth::consents::{ClientName, Consent};
use countersign_ops::prove_address::OwnAddress;
use countersign_ops::sign_out::{SignOut, SignOutError};
use http::StatusCode;

use super::consent::scope_text;
use super::cookies::{self, Browser};
use super::details::{Detail, readable};
use super::error::Error;
use super::form::Form;
use super::layout::{FlowNotice, Hidden, Shell};
use super::verify_address;
use super::words::{Words, fill};
use crate::http::{Call, Reply};

pub(super) const PATH: &str = "/account";

/// The page.
#[derive(Template)]
#[template(path = "account.html")]
struct Account<'a> {
    shell: &'a Shell<'a>,
    hidden: Hidden,
    lead: String,
    addresses: Vec<AddressRow>,
    /// For the forms that prove one.
    verify: Hidden,
    applications: Vec<Application>,
    sessions: Vec<Row>,
}

/// An address or a number.
struct AddressRow {
    given: String,
    text: &'static str,
    is_proven: bool,
}

/// An application and what it may.
struct Application {
    row: Row,
    details: Vec<Detail>,
}

/// What can be ended.
struct Row {
    /// What the form sends; nothing if it cannot be ended here.
    id: String,
    name: String,
    text: String,
}

/// A form of this page is no form of whoever signs in later in the same browser (R073).
fn about(session: &BrowserSession) -> String {
    format!("{PATH} {}", session.session)
}

/// Whoever types the server's name only.
#[allow(clippy::unused_async)] // As every handler.
pub(super) async fn come(_: &Call<'_>) -> Result<Reply, Error> {
    Ok(Reply::see_other(PATH))
}

pub(super) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let Some(session) = cookies::session(call).await? else {
        return Ok(Reply::see_other("/sign-in"));
    };
    let core = call.core();
    let browser = Browser::of(call);
    let shell = Shell::of(call);
    let words = shell.words;
    let consents = core.list_consents(session.account).await?;
    let sessions = core.list_sessions(session.account).await.map_err(unavailable)?;
    let clients = core.list_clients_of_sessions(session.account).await?;
    let addresses = core.list_addresses(&session).await?;
    let page = Account {
        hidden: Hidden::of(call, &browser, "", &about(&session)),
        addresses: addresses.iter().map(|one| address_row(words, one)).collect(),
        verify: Hidden::of(call, &browser, "", &verify_address::about(&session)),
        lead: fill(words.sign_out_ask, &[("who", session.profile.shown_name())]),
        applications: consents.iter().map(|consent| application(words, consent)).collect(),
        sessions: sessions.iter().map(|one| row(words, one, clients.get(&one.id), session.session)).collect(),
        shell: &shell,
    };
    Ok(browser.mark(shell.show(StatusCode::OK, &page)))
}

fn address_row(words: &Words, own: &OwnAddress) -> AddressRow {
    AddressRow {
        given: own.address.given().to_owned(),
        text: if own.is_proven { words.verified } else { words.unverified },
        is_proven: own.is_proven,
    }
}

/// Who may call themselves anything does not pass for something else of this page.
fn shown_name(words: &Words, client: &ClientName) -> String {
    match (&client.host, &client.name) {
        // The host first: the name may be one that somebody else has.
        (Some(host), Some(name)) => format!("{host} ({name})"),
        (Some(host), None) => host.clone(),
        (None, Some(name)) if client.is_operators => name.clone(),
        (None, Some(name)) => format!("{} ({name})", words.an_application),
        (None, None) => client.id.clone(),
    }
}

fn application(words: &Words, consent: &Consent) -> Application {
    let scopes: Vec<String> = consent.scope.names().map(|name| scope_text(words, name)).collect();
    let since = since(words, consent.given_at);
    let row = Row {
        id: consent.client.0.to_string(),
        name: shown_name(words, &consent.name),
        text: format!("{} ({since})", scopes.join(", ")),
    };
    Application { row, details: consent.details.iter().flat_map(|all| readable(words, all)).collect() }
}

/// The zone goes with the time, wherever a language puts it.
fn since(words: &Words, time: Timestamp) -> String {
    fill(words.since, &[("time", &format!("{} UTC", time.date_and_time()))])
}

/// `client`: whose grant the session is, if it is one.
fn row(words: &Words, session: &ListedSession, client: Option<&ClientName>, this: SessionId) -> Row {
    let name = match session.surface {
        _ if session.id == this => words.this_browser.to_owned(),
        Stored::Known(Surface::Browser) => words.a_browser.to_owned(),
        Stored::Known(Surface::OAuth) => {
            client.map_or_else(|| words.an_application.to_owned(), |client| shown_name(words, client))
        }
        // Who signs in there does not say what it is.
        Stored::Known(Surface::Ouser | Surface::Authd | Surface::Line | Surface::AuthV1 | Surface::Rest)
        | Stored::Unknown(_) => {
            format!("{} ({})", words.an_application, session.surface.name())
        }
    };
    Row {
        id: if session.id == this { String::new() } else { session.id.to_string() },
        name,
        text: since(words, session.started_at),
    }
}

pub(super) async fn submit(call: &Call<'_>) -> Result<Reply, Error> {
    let session = cookies::session(call).await?.ok_or(Error::StartAgain)?;
    let form = Form::read(call, &about(&session))?;
    let core = call.core();
    match form.text("action") {
        "withdraw" => {
            let client = form.text("client").parse().map_err(|_| Error::StartAgain)?;
            core.withdraw_consent(session.account, ClientNo(client)).await?;
        }
        "end_session" => {
            let other = form.text("session").parse().map_err(|_| Error::StartAgain)?;
            match core.end_session(session.account, SessionId(other)).await {
                // One that has ended meanwhile is as good.
                Ok(()) | Err(AdminError::NotFound) => {}
                Err(error) => return Err(unavailable(error)),
            }
        }
        "sign_out" => return sign_out(call, SignOut::This).await,
        "sign_out_everywhere" => return sign_out(call, SignOut::All).await,
        _ => return Err(Error::StartAgain),
    }
    Ok(Reply::see_other(PATH))
}

async fn sign_out(call: &Call<'_>, which: SignOut) -> Result<Reply, Error> {
    let cookie = cookies::session_cookie(call).unwrap_or_default();
    match call.core().sign_out(cookie, TokenPurpose::BrowserSession, which).await {
        Ok(()) | Err(SignOutError::Invalid) => {}
        Err(SignOutError::Unavailable(why)) => return Err(why.into()),
    }
    let shell = Shell::of(call);
    let words = shell.words;
    let notice = FlowNotice::new(&shell, words.signed_out, words.signed_out_text);
    let notice = FlowNotice { links: &[("/sign-in", words.sign_in)], ..notice };
    Ok(cookies::sign_out(shell.show(StatusCode::OK, &notice)))
}

/// What can go wrong with sessions of an account that is there.
fn unavailable(error: AdminError) -> Error {
    match error {
        AdminError::Unavailable(why) => why.into(),
        AdminError::NotFound
        | AdminError::KeyFromFile
        | AdminError::Taken(_)
        | AdminError::Password(_)
        | AdminError::HashUnknown => Unavailable::Fault.into(),
    }
}
