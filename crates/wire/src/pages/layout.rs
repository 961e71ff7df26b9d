//! What surrounds every page of a flow: language, name and colours, and what the browser may do with it.

use std::borrow::Cow;
use std::fmt;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_model::oauth::RedirectUri;
use countersign_ops::PageSettings;
use countersign_ops::oauth::start_authorization::Flow;
use http::StatusCode;
use http::header::{self, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::cookies::Browser;
use super::form::ui_locales;
use super::page;
use super::words::{self, Words};
use crate::http::{Call, Reply};

/// The style sheet, part of every page.
pub(super) const CSS: &str = include_str!("../../templates/flow.css");

/// What is the same on every page of a request.
pub(super) struct Shell<'a> {
    /// Names the style, and the script where there is one: nothing else is applied or run (R123).
    pub(super) nonce: String,
    pub(super) words: &'static Words,
    pub(super) brand: &'a PageSettings,
    /// Where the browser may be sent after a form: Chromium holds redirects to `form-action` too.
    form_action: String,
}

impl<'a> Shell<'a> {
    /// For a page outside of flows.
    pub(super) fn of(call: &Call<'a>) -> Shell<'a> {
        Shell::in_language(call, &ui_locales(call))
    }

    /// For a page of this flow.
    pub(super) fn of_flow(call: &Call<'a>, flow: &Flow) -> Shell<'a> {
        let shell = Shell::in_language(call, &flow.request.ui_locales);
        Shell { form_action: form_action(flow), ..shell }
    }

    /// For a page of this flow, if there is one.
    pub(super) fn of_some(call: &Call<'a>, flow: Option<&Flow>) -> Shell<'a> {
        flow.map_or_else(|| Shell::of(call), |flow| Shell::of_flow(call, flow))
    }

    /// The same, where forms may lead to `origin` too.
    pub(super) fn leading_to(self, origin: String) -> Shell<'a> {
        Shell { form_action: origin, ..self }
    }

    fn in_language(call: &Call<'a>, ui_locales: &[String]) -> Shell<'a> {
        let core = call.core();
        let brand = &core.settings.pages;
        Shell {
            nonce: URL_SAFE_NO_PAD.encode(core.random.bytes::<16>()),
            words: words::pick(ui_locales, call.headers(), &brand.language),
            brand,
            form_action: String::new(),
        }
    }

    /// The style sheet with the operator's colours.
    pub(super) fn css(&self) -> Cow<'static, str> {
        let mut css = Cow::Borrowed(CSS);
        for (colour, front, variable) in
            [(&self.brand.accent, "on-accent", "accent"), (&self.brand.background, "on-back", "back")]
        {
            if let Some(colour) = colour.as_deref().and_then(long_colour) {
                let text = readable_on(&colour);
                css.to_mut().push_str(&format!(":root {{ --{variable}: {colour}; --{front}: {text}; }}\n"));
            }
        }
        css
    }

    /// The reply with this page.
    pub(super) fn show(&self, status: StatusCode, page: &impl Template) -> Reply {
        let Shell { nonce, form_action, .. } = self;
        let logo = self.brand.logo_url.as_deref().map(origin_of).unwrap_or_default();
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src 'self' data: {logo}; \
             form-action 'self' {form_action}; base-uri 'none'; frame-ancestors 'none'"
        );
        let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
        page::render(status, page).header(header::CONTENT_SECURITY_POLICY, policy)
    }
}

/// Where the answer of this flow will lead the browser.
fn form_action(flow: &Flow) -> String {
    let metadata = &flow.client.metadata;
    let asked = flow.request.redirect_uri.as_deref().and_then(|uri| RedirectUri::register(uri).ok());
    asked.or_else(|| metadata.redirect_uris.first().cloned()).map(|uri| uri.form_action()).unwrap_or_default()
}

/// The scheme, host and port of an https URL.
fn origin_of(url: &str) -> &str {
    let rest = url.strip_prefix("https://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_host = !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'));
    if is_host { url.get(..8 + host.len()).unwrap_or_default() } else { "" }
}

/// `#rgb` and `#rrggbb`, as the latter: nothing else gets into the style sheet.
fn long_colour(text: &str) -> Option<String> {
    let hex = text.strip_prefix('#').filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))?;
    match hex.len() {
        3 => Some(std::iter::once('#').chain(hex.chars().flat_map(|c| [c, c])).collect()),
        6 => Some(text.to_owned()),
        _ => None,
    }
}

/// Black or white, whichever has more contrast (WCAG 2.2, relative luminance).
fn readable_on(colour: &str) -> &'static str {
    let channel = |at: usize| {
        let byte = colour.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or(0);
        let value = f64::from(byte) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
    // Where the contrasts with black and with white are equal.
    if luminance > 0.179 { "#000000" } else { "#ffffff" }
}

/// What every form of a flow carries.
pub(super) struct Hidden {
    pub(super) csrf: String,
    /// The sealed flow, or nothing.
    pub(super) flow: Plain,
    /// The code of a device that somebody signs in for, or nothing.
    pub(super) device: String,
    /// The languages that were asked for outside of a flow, or nothing.
    pub(super) locales: String,
}

impl Hidden {
    /// For a form in this flow, which is base64url, or, without one, for a form of this path.
    pub(super) fn of(call: &Call<'_>, browser: &Browser, flow: &str, path: &str) -> Hidden {
        let about = if flow.is_empty() { path } else { flow };
        let locales = if flow.is_empty() { ui_locales(call).join(" ") } else { String::new() };
        Hidden { csrf: browser.csrf(call, about), flow: Plain::of(flow), device: String::new(), locales }
    }

    /// The same on the way to a device's page.
    pub(super) fn for_device(self, code: &str) -> Hidden {
        Hidden { device: code.to_owned(), ..self }
    }

    /// What links to other pages of the flow end in.
    pub(super) fn query(&self) -> Plain {
        match self.flow.is_empty() {
            false => Plain(format!("?flow={}", self.flow)),
            true => Plain(address("", &[("device", &self.device), ("ui_locales", &self.locales)])),
        }
    }
}

/// A text of which nothing means anything in HTML. A sealed flow is long and stands on its page several times: to look
/// for what must be escaped took a quarter of the time of the page.
#[derive(Clone, Debug, Default)]
pub(super) struct Plain(String);

impl Plain {
    /// A text in base64url, as sealed flows are; of any other nothing.
    fn of(text: &str) -> Plain {
        // Without a branch for each byte.
        let is_plain = |b: u8| b.is_ascii_alphanumeric() | (b == b'-') | (b == b'_');
        let is_plain = text.bytes().fold(true, |all, b| all & is_plain(b));
        if is_plain { Plain(text.to_owned()) } else { Plain::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Plain {}

/// A text as part of a query.
fn in_query(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A path, and those of the fields in its query that are not empty.
pub(super) fn address(path: &str, fields: &[(&str, &str)]) -> String {
    let fields = fields.iter().filter(|(_, value)| !value.is_empty());
    let pairs: Vec<String> = fields.map(|(name, value)| format!("{name}={}", in_query(value))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// A heading and a sentence.
#[derive(Template)]
#[template(path = "flow_notice.html")]
pub(super) struct FlowNotice<'a> {
    pub(super) shell: &'a Shell<'a>,
    pub(super) heading: &'a str,
    pub(super) text: &'a str,
    /// For developers: an error code and its reason; both may be empty.
    pub(super) code: &'a str,
    pub(super) reason: &'a str,
    /// Where to go on, and what each link says.
    pub(super) links: &'a [(&'a str, &'a str)],
}

impl<'a> FlowNotice<'a> {
    /// Without anything for developers, and without links.
    pub(super) fn new(shell: &'a Shell<'a>, heading: &'a str, text: &'a str) -> FlowNotice<'a> {
        FlowNotice { shell, heading, text, code: "", reason: "", links: &[] }
    }
}

/// A button that sends the form.
pub(super) struct Button {
    pub(super) name: &'static str,
    pub(super) value: &'static str,
    pub(super) text: String,
}

/// A sentence and buttons.
#[derive(Template)]
#[template(path = "flow_ask.html")]
pub(super) struct FlowAsk<'a> {
    pub(super) shell: &'a Shell<'a>,
    pub(super) hidden: Hidden,
    pub(super) action: &'static str,
    pub(super) heading: &'a str,
    pub(super) text: &'a str,
    pub(super) buttons: Vec<Button>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_on_the_operators_colours_is_readable() {
        assert_eq!(readable_on("#ffffff"), "#000000");
        assert_eq!(readable_on("#ffcc00"), "#000000");
        assert_eq!(readable_on("#1a56b0"), "#ffffff");
        assert_eq!(long_colour("#1aF").as_deref(), Some("#11aaFF"));
        assert_eq!(long_colour("#1a56b0").as_deref(), Some("#1a56b0"));
        for bad in ["red", "#12345}", "#12345", ""] {
            assert_eq!(long_colour(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_not_escaped_needs_it_not() {
        assert_eq!(Plain::of("aZ09-_").to_string(), "aZ09-_");
        for bad in ["a\"b", "<", "&", "a b", "'", "ä", "a=b"] {
            assert!(Plain::of(bad).is_empty(), "{bad}");
        }
        let (flow, device, locales) = (Plain::default(), "\"><b>".to_owned(), "de en".to_owned());
        let hidden = Hidden { csrf: String::new(), flow, device, locales };
        assert_eq!(hidden.query().to_string(), "?device=%22%3E%3Cb%3E&ui_locales=de%20en");
        assert_eq!(address("/account", &[("device", "")]), "/account");
    }

    #[test]
    fn only_an_origin_gets_into_the_policy() {
        assert_eq!(origin_of("https://cdn.example.com/logo.svg"), "https://cdn.example.com");
        assert_eq!(origin_of("https://cdn.example.com:8443"), "https://cdn.example.com:8443");
        for bad in ["http://a.example/x", "https://a; script-src *", "https:///x", ""] {
            assert_eq!(origin_of(bad), "", "{bad}");
        }
    }
}
