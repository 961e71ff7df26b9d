//! What the browser of a person does: it follows pages, keeps cookies and sends forms.

use std::collections::BTreeMap;

use http::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::Method;

use super::guide::{Guide, unreachable_server};
use super::shorten;
use crate::cli::output::say;
use crate::failure::{Failure, Outcome};

/// A browser with the cookies of one server.
#[derive(Default)]
pub struct Browser(BTreeMap<String, String>);

/// What it shows.
pub struct Page {
    text: String,
    /// Where it leads by itself.
    location: Option<String>,
}

impl Page {
    /// Where it leads by itself.
    ///
    /// # Errors
    /// If it stays.
    pub fn location(&self) -> Outcome<&str> {
        self.location.as_deref().ok_or_else(|| Failure::failed("the answer leads nowhere"))
    }

    fn title(&self) -> &str {
        between(&self.text, "<title>", "</title>").unwrap_or_default().trim()
    }

    /// Where its form goes, and what the form brings along.
    fn form(&self) -> Outcome<(&str, Vec<(&str, &str)>)> {
        let action = between(&self.text, "action=\"", "\"");
        let action = action.ok_or_else(|| Failure::failed("the page has no form"))?;
        let hidden = self.text.split("<input type=\"hidden\" ").skip(1);
        let fields = hidden
            .filter_map(|input| Some((between(input, "name=\"", "\"")?, between(input, "value=\"", "\"")?)));
        Ok((action, fields.collect()))
    }
}

impl Browser {
    /// Opens a path.
    ///
    /// # Errors
    /// If the answer is not as expected.
    pub async fn open(
        &mut self,
        guide: &mut Guide<'_>,
        path: &str,
        expect: u16,
        shows: &str,
    ) -> Outcome<Page> {
        let request = guide.client.get(format!("{}{path}", guide.target().base));
        say("")?;
        // What is sealed in it is for nobody to read.
        let shown = path.split_once("flow=").map_or_else(
            || path.to_owned(),
            |(before, flow)| format!("{before}flow={}", shorten::field("token", flow)),
        );
        say(&format!("  → {} {}{shown}", Method::GET, guide.target().base))?;
        self.send(guide, request, expect, shows).await
    }

    /// Fills the form of a page in and sends it.
    ///
    /// # Errors
    /// If the answer is not as expected.
    pub async fn submit(
        &mut self,
        guide: &mut Guide<'_>,
        page: &Page,
        filled: &[(&str, &str)],
        expect: u16,
        shows: &str,
    ) -> Outcome<Page> {
        let (action, mut fields) = page.form()?;
        fields.extend(filled);
        let base = &guide.target().base;
        let request = guide.client.post(format!("{base}{action}")).header(ORIGIN, base).form(&fields);
        say("")?;
        say(&format!("  → {} {base}{action}", Method::POST))?;
        say(&format!("    {}", shorten::form(filled)))?;
        self.send(guide, request, expect, shows).await
    }

    async fn send(
        &mut self,
        guide: &mut Guide<'_>,
        request: reqwest::RequestBuilder,
        expect: u16,
        shows: &str,
    ) -> Outcome<Page> {
        let base = &guide.target().base;
        let cookies: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let response = request.header(COOKIE, cookies.join("; ")).send().await;
        let response = response.map_err(|error| unreachable_server(base, error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        for cookie in headers.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok()) {
            let pair = cookie.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
        let location = headers.get(LOCATION).and_then(|location| location.to_str().ok()).map(str::to_owned);
        let text = response.text().await.map_err(|error| unreachable_server(base, error))?;
        let page = Page { text, location };
        let what = page.location.as_ref().map_or_else(
            || format!("the page “{}”", page.title()),
            |location| format!("on to {}", location.split('?').next().unwrap_or_default()),
        );
        say(&format!("  ← {status}, {what}"))?;
        guide.check_status(status, expect, shows)?;
        Ok(page)
    }
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}
