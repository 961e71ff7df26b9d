//! People who follow a link in a message to a path that its document answers with JSON.

use http::header::{self, HeaderName};

use super::Call;

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The page for whoever has confirmed an address.
pub(crate) const CONFIRMED: &str = "/confirmed";
/// The page for whoever followed a link that does not work.
pub(crate) const LINK_INVALID: &str = "/link-invalid";

impl Call<'_> {
    /// Whether a person's browser navigates here. Whoever merely names HTML, as libraries do by default, gets the
    /// document's answer: the link works once, and the page does not have what the answer has (001-08).
    pub(crate) fn is_visit(&self) -> bool {
        match self.header(SEC_FETCH_MODE) {
            Some(mode) => mode == "navigate",
            None => self.header(header::ACCEPT).is_some_and(prefers_pages),
        }
    }
}

/// Whether this `Accept` is one of a browser that navigates: all of them name XHTML too, and none prefers JSON.
fn prefers_pages(accept: &str) -> bool {
    let mut ranges: Vec<(f32, &str)> = accept.split(',').map(weigh).collect();
    ranges.retain(|(weight, _)| *weight > 0.0);
    ranges.sort_by(|a, b| b.0.total_cmp(&a.0));
    let place = |media: &str| ranges.iter().position(|(_, range)| range.eq_ignore_ascii_case(media));
    let Some(html) = place("text/html") else { return false };
    let json_is_later = place("application/json").is_none_or(|json| json > html);
    json_is_later && place("application/xhtml+xml").is_some()
}

/// A range of `Accept` and how much it is wanted (RFC 9110 section 12.5.1).
fn weigh(item: &str) -> (f32, &str) {
    let mut parts = item.split(';');
    let range = parts.next().unwrap_or_default().trim();
    let weight =
        parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    (weight.map_or(1.0, |(_, weight)| weight.trim().parse().unwrap_or(0.0)), range)
}

#[cfg(test)]
mod tests {
    use super::prefers_pages;

    #[test]
    fn browsers_prefer_pages() {
        for browser in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            "text/html, application/xhtml+xml, */*",
            "application/xml,application/xhtml+xml,text/html;q=0.9,text/plain;q=0.8,image/png,*/*;q=0.5",
            "text/html, text/plain, application/xhtml+xml, */*;q=0.01",
            "Text/HTML; Q=0.9, application/xhtml+xml;q=0.9, application/json;q=0.8",
        ] {
            assert!(prefers_pages(browser), "{browser}");
        }
    }

    #[test]
    fn programs_that_name_html_do_not() {
        for program in [
            "",
            "*/*",
            "application/json",
            "application/json, text/html;q=0.1",
            "text/html;q=0, application/json",
            "text/html;q=0, application/xhtml+xml",
            "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
            "text/html",
            "application/json, text/html, application/xhtml+xml",
            "text/html;q=0.9, application/xhtml+xml, application/json",
            "text/html;q=high, application/xhtml+xml",
        ] {
            assert!(!prefers_pages(program), "{program}");
        }
    }
}
