//! People who follow a link in a message to a path that its document answers with JSON.

use http::header;

use super::Call;

/// The page for whoever has confirmed an address.
pub(crate) const CONFIRMED: &str = "/confirmed";
/// The page for whoever followed a link that does not work.
pub(crate) const LINK_INVALID: &str = "/link-invalid";

impl Call<'_> {
    /// Whether a person's browser asks: it names HTML, which clients of the documents do not.
    pub(crate) fn is_visit(&self) -> bool {
        let names_html = |range: &str| {
            range.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("text/html"))
        };
        self.header(header::ACCEPT).is_some_and(|accept| accept.split(',').any(names_html))
    }
}
