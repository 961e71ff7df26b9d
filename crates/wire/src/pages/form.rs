//! A form that a page of ours sent.

use countersign_ops::oauth::start_authorization::Flow;

use super::cookies::Browser;
use super::error::Error;
use crate::http::{Accept, Call, Fields, is_cross_site};

const UI_LOCALES: &str = "ui_locales";

/// A form of which is known that this server gave it to this browser.
pub(super) struct Form {
    fields: Fields,
    pub(super) browser: Browser,
    /// The sealed flow, or nothing.
    pub(super) flow: String,
}

impl Form {
    /// Reads the form that was sent to `path`.
    ///
    /// # Errors
    /// [`Error::CrossSite`], and [`Error::StartAgain`] for a form that is not this browser's.
    pub(super) fn read(call: &Call<'_>, path: &str) -> Result<Form, Error> {
        if is_cross_site(call.headers(), &call.core().settings.public_url) {
            return Err(Error::CrossSite);
        }
        let browser = Browser::known(call).ok_or(Error::StartAgain)?;
        let fields = call.fields(Accept::FORM).map_err(|_| Error::StartAgain)?;
        let flow = fields.text("flow").unwrap_or_default().to_owned();
        let about = if flow.is_empty() { path } else { &flow };
        let brought = fields.text("csrf").unwrap_or_default();
        if !browser.is_own_form(call, about, brought) {
            return Err(Error::StartAgain);
        }
        Ok(Form { fields, browser, flow })
    }

    /// A field; empty if it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.fields.text(name).unwrap_or_default()
    }

    /// The flow that it belongs to; `None` outside of flows.
    ///
    /// # Errors
    /// [`Error::StartAgain`] for one that is too old.
    pub(super) async fn open_flow(&self, call: &Call<'_>) -> Result<Option<Flow>, Error> {
        open_flow(call, &self.browser, &self.flow).await
    }
}

/// The flow that a page is asked for in `?flow=`, sealed.
pub(super) fn flow_of_query(call: &Call<'_>) -> String {
    text_of_query(call, "flow")
}

/// The code of a device that somebody is to sign in for, in `?device=`.
pub(super) fn device_of_query(call: &Call<'_>) -> String {
    text_of_query(call, "device").chars().take(40).collect()
}

/// A field of the query; empty if it is not there.
pub(super) fn text_of_query(call: &Call<'_>, name: &str) -> String {
    call.query().ok().and_then(|query| query.text(name).map(str::to_owned).ok()).unwrap_or_default()
}

/// The languages that a page outside of flows is asked for in `ui_locales`, by its query or by the form before it.
pub(super) fn ui_locales(call: &Call<'_>) -> Vec<String> {
    let of_query = text_of_query(call, UI_LOCALES);
    let of_form = || {
        let fields = call.fields(Accept::FORM).ok()?;
        fields.text(UI_LOCALES).map(str::to_owned).ok()
    };
    let text = if of_query.is_empty() { of_form().unwrap_or_default() } else { of_query };
    // What goes on to the next page is short, and tags only (RFC 5646 section 2.1).
    let is_tag = |tag: &&str| tag.len() <= 35 && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    text.split_whitespace().filter(is_tag).take(10).map(str::to_owned).collect()
}

/// Opens a flow; `None` if there is none to open.
///
/// # Errors
/// [`Error::StartAgain`] for one that is too old or another browser's.
pub(super) async fn open_flow(
    call: &Call<'_>,
    browser: &Browser,
    sealed: &str,
) -> Result<Option<Flow>, Error> {
    if sealed.is_empty() {
        return Ok(None);
    }
    let flow = call.core().open_flow(sealed, &browser.digest).await?;
    flow.map(Some).ok_or(Error::StartAgain)
}
