//! A request of a client on its way through the pages, as they hand it to each other.

use countersign_model::oauth::RedirectUri;
use countersign_ops::Unavailable;
use countersign_ops::oauth::browser_session::BrowserSession;
use countersign_ops::oauth::start_authorization::Flow;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::cookies::{self, Browser};
use super::error::Error;
use crate::http::{Call, is_cross_site};

/// A flow, the browser it is bound to and who is signed in there.
pub(super) struct Flowing {
    /// What is asked for.
    pub(super) flow: Flow,
    /// The same, for the hidden field `flow`.
    pub(super) sealed: String,
    /// The browser.
    pub(super) browser: Browser,
    /// Who is signed in.
    pub(super) session: Option<BrowserSession>,
}

impl Flowing {
    /// Opens the `flow` that a query or a form brought along. A flow of another browser, one that is too
    /// old and one whose client is gone are none (R073).
    pub(super) async fn open(call: &Call<'_>, sealed: &str) -> Result<Flowing, Error> {
        let browser = Browser::known(call).ok_or(Error::FlowLost)?;
        let flow = call.core().open_flow(sealed, &browser.digest).await?.ok_or(Error::FlowLost)?;
        let session = cookies::session(call).await?;
        Ok(Flowing { flow, sealed: sealed.to_owned(), browser, session })
    }

    /// Opens the flow of a form that this server gave to this browser: nobody else can have it sent
    /// (R125).
    pub(super) async fn of_form(call: &Call<'_>, sealed: &str, csrf: &str) -> Result<Flowing, Error> {
        check_form(call, sealed, csrf)?;
        Flowing::open(call, sealed).await
    }

    /// Seals a flow for this browser.
    pub(super) async fn begin(call: &Call<'_>, flow: Flow) -> Result<Flowing, Unavailable> {
        let browser = Browser::of(call);
        let sealed = call.core().seal_flow(&flow, &browser.digest);
        let session = cookies::session(call).await?;
        Ok(Flowing { flow, sealed, browser, session })
    }

    /// The proof that goes into each form of the flow.
    pub(super) fn csrf(&self, call: &Call<'_>) -> String {
        self.browser.csrf(call, &self.sealed)
    }

    /// Where a step that succeeded leads.
    pub(super) fn next(&self) -> String {
        continue_at(&self.sealed)
    }

    /// Where the flow ends, for the policy of its pages: Chromium asks it of redirects after a form too.
    pub(super) fn form_action(&self) -> Option<String> {
        let uri = match self.flow.request.redirect_uri.as_deref() {
            Some(asked) => self.flow.client.redirect(asked),
            None => self.flow.client.metadata.redirect_uris.first(),
        };
        uri.map(RedirectUri::form_action)
    }
}

/// `/oauth2/continue` with a flow.
pub(super) fn continue_at(sealed: &str) -> String {
    format!("/oauth2/continue?flow={}", utf8_percent_encode(sealed, NON_ALPHANUMERIC))
}

/// Refuses a form that is not one of ours: `about` is its flow, or its path where it has none.
pub(super) fn check_form(call: &Call<'_>, about: &str, csrf: &str) -> Result<(), Error> {
    let is_ours = !is_cross_site(call.headers(), &call.core().settings.public_url)
        && Browser::known(call).is_some_and(|browser| browser.is_own_form(call, about, csrf));
    if is_ours { Ok(()) } else { Err(Error::FlowLost) }
}
