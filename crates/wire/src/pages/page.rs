//! What every page bears, and the one that needs no request.

use std::sync::LazyLock;

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign_model::session::TokenDigest;
use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};

use super::layout::CSS;
use crate::http::{Refusal, Reply};

/// A refusal that comes before a language is known.
#[derive(Template)]
#[template(path = "refusal.html")]
pub(super) struct Refused {
    pub(super) heading: &'static str,
    pub(super) text: &'static str,
}

/// Nothing may be loaded, run or framed; the one style sheet is named by its hash (R123).
static CONTENT_SECURITY_POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(TokenDigest::of(CSS).0);
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// Headers of pages besides that policy.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    // The URL holds a secret: it must not travel on in a Referer.
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex")),
];

/// A refusal of the plumbing, as a page.
pub fn refuse(refusal: Refusal<'_>) -> Reply {
    let page = Refused { heading: "This did not work", text: refusal.message() };
    render(refusal.status(), &page).header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY.clone())
}

/// What a page takes, with its style and the flow that it stands in: so it does not grow while it is written.
const PAGE_BYTES: usize = 12 * 1024;

/// The reply that shows a page. The caller adds a policy.
pub(super) fn render(status: StatusCode, page: &impl Template) -> Reply {
    // Rendering into a string fails only if a value's own `Display` does.
    let mut html = String::with_capacity(PAGE_BYTES);
    if page.render_into(&mut html).is_err() {
        return Reply::empty(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let reply = Reply::html(status, html).no_store();
    HEADERS.into_iter().fold(reply, |reply, (name, value)| reply.header(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_that_the_policy_names_is_the_one_in_the_page() {
        let page = Refused { heading: "", text: "" }.render().unwrap();
        let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let hash = STANDARD.encode(TokenDigest::of(style).0);
        assert!(CONTENT_SECURITY_POLICY.to_str().unwrap().contains(&format!("'sha256-{hash}'")));
    }

    #[test]
    fn what_is_shown_is_escaped() {
        let page = Refused { heading: "", text: "<b>\"x\"" }.render().unwrap();
        assert!(!page.contains("<b>") && page.contains("&#60;b&#62;"), "{page}");
    }
}
