//! The picture of the site in a browser's tabs, which browsers ask for at `/favicon.ico`.

use http::StatusCode;
use http::header::{self, HeaderValue};

use super::error::Error;
use crate::http::{Call, Reply};

/// A check mark on the accent colour of the pages.
const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1a56b0"/><path d="M8 16.5l5.5 5.5L24 10.5" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/></svg>"##;
const SVG: HeaderValue = HeaderValue::from_static("image/svg+xml");
/// A picture that is opened as a page runs nothing either (R123).
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");
/// A day, in seconds.
const AGE: u32 = 86_400;

/// The operator's picture, or one of ours.
pub(super) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let reply = match &call.core().settings.pages.logo_url {
        Some(logo) => Reply::found(logo),
        None => Reply::bytes(StatusCode::OK, SVG, ICON).header(header::CONTENT_SECURITY_POLICY, POLICY),
    };
    Ok(reply.cached(AGE))
}
