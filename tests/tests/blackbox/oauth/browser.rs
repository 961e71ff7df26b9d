//! A browser without scripts: it keeps cookies, follows redirects on its own site and fills in forms by the names of
//! their fields. What leads to another site it does not open: that is where a test looks.

use std::collections::BTreeMap;

use countersign_testkit::http::{Client, urlencoded};
use countersign_testkit::{Response, Server};

use super::html::{self, Form};
use super::provider::User;
use crate::case::Case;

/// One person's browser.
#[derive(Clone, Debug)]
pub struct Browser {
    http: Client,
    /// The scheme, host and port of the server.
    origin: String,
    /// Names and values. Kept although they are `Secure` and this is plain HTTP, as browsers do for 127.0.0.1.
    pub cookies: BTreeMap<String, String>,
    /// Every `Set-Cookie` that came, as it came.
    pub set_cookies: Vec<String>,
    /// What a browser prefers, e.g. `de`.
    pub language: Option<String>,
    target: String,
    page: Option<Response>,
    away: Option<String>,
}

/// What an application gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The URL without query and fragment.
    pub url: String,
    /// `code`, `state`, `iss`, `error` …
    pub parameters: BTreeMap<String, String>,
}

impl Answer {
    /// A parameter; panics when it is not there.
    #[track_caller]
    pub fn get(&self, name: &str) -> &str {
        self.parameters.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// The error code, if it is an error.
    pub fn error(&self) -> Option<&str> {
        self.parameters.get("error").map(String::as_str)
    }
}

impl Browser {
    /// A browser that has never been here.
    pub fn new(case: &Case) -> Browser {
        Browser::of(case.http(), case.server())
    }

    fn of(http: Client, server: &Server) -> Browser {
        Browser {
            http,
            origin: format!("http://{}", server.http_address()),
            cookies: BTreeMap::new(),
            set_cookies: Vec::new(),
            language: None,
            target: String::new(),
            page: None,
            away: None,
        }
    }

    /// Opens a path of the server, or a URL of it.
    pub fn open(&mut self, target: &str) -> &mut Self {
        self.go("GET", target, None)
    }

    /// Opens a path with these parameters.
    pub fn open_with(&mut self, path: &str, pairs: &[(&str, &str)]) -> &mut Self {
        self.open(&format!("{path}?{}", urlencoded(pairs)))
    }

    /// Fills in the fields (or presses the buttons) of the form that has them all, and sends it.
    #[track_caller]
    pub fn submit(&mut self, fields: &[(&str, &str)]) -> &mut Self {
        let form = self.form_with(fields);
        let pairs = form.filled(fields);
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let action = if form.action.is_empty() { self.target.clone() } else { form.action.clone() };
        match form.method.as_str() {
            "post" => self.post(&action, &pairs),
            _ => self.open_with(action.split('?').next().unwrap_or_default(), &pairs),
        }
    }

    /// Sends a form of the test's own making, as from a page of the server.
    pub fn post(&mut self, target: &str, pairs: &[(&str, &str)]) -> &mut Self {
        self.go("POST", target, Some(urlencoded(pairs)))
    }

    /// Signs in with a password on the page that asks for it.
    #[track_caller]
    pub fn sign_in(&mut self, user: &User) -> &mut Self {
        let both = [("identifier", user.email.as_str()), ("password", user.password.as_str())];
        self.submit(&both)
    }

    /// Allows what an application asks for, if a page asks.
    #[track_caller]
    pub fn allow(&mut self) -> &mut Self {
        match self.asks_for_consent() {
            true => self.submit(&[("decision", "allow")]),
            false => self,
        }
    }

    /// Whether it shows the page that asks whether an application may.
    pub fn asks_for_consent(&self) -> bool {
        self.has_form(&[("decision", "allow")])
    }

    /// Whether it shows the page that asks for a password.
    pub fn asks_for_password(&self) -> bool {
        self.has_form(&[("password", "")])
    }

    /// Whether the page has a form with these fields or buttons.
    pub fn has_form(&self, fields: &[(&str, &str)]) -> bool {
        self.forms().iter().any(|form| fields.iter().all(|(name, value)| form.has(name, value)))
    }

    /// The forms of the page.
    pub fn forms(&self) -> Vec<Form> {
        self.page.as_ref().map(|page| html::forms(page.text())).unwrap_or_default()
    }

    /// The form of the page that has these fields or buttons.
    #[track_caller]
    pub fn form_with(&self, fields: &[(&str, &str)]) -> Form {
        let mut forms = self.forms();
        forms.retain(|form| fields.iter().all(|(name, value)| form.has(name, value)));
        let names: Vec<_> = fields.iter().map(|(name, _)| name).collect();
        assert!(!forms.is_empty(), "no form with {names:?} at {}: {self}", self.target);
        forms.swap_remove(0)
    }

    /// The page it shows.
    #[track_caller]
    pub fn page(&self) -> &Response {
        self.page.as_ref().unwrap_or_else(|| panic!("no page, but {self}"))
    }

    /// The path and query of the page it shows.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Where it was sent on another site.
    pub fn away(&self) -> Option<&str> {
        self.away.as_deref()
    }

    /// What came to the application, by redirect (query or fragment) or by a form (`form_post`).
    #[track_caller]
    pub fn answer(&self) -> Answer {
        if let Some(url) = &self.away {
            let (base, parameters) = url.split_once(['?', '#']).unwrap_or((url, ""));
            let pairs = form_urlencoded::parse(parameters.as_bytes()).into_owned();
            return Answer { url: base.to_owned(), parameters: pairs.collect() };
        }
        let form = self.forms().into_iter().find(|form| !self.is_own(&form.action));
        let form = form.unwrap_or_else(|| panic!("no answer to an application, but {self}"));
        Answer { url: form.action, parameters: form.fields.into_iter().collect() }
    }

    fn is_own(&self, target: &str) -> bool {
        let behind = target.strip_prefix(&self.origin);
        (target.starts_with('/') && !target.starts_with("//")) || target.is_empty() || behind.is_some()
    }

    fn go(&mut self, method: &str, target: &str, body: Option<String>) -> &mut Self {
        let (mut method, mut target, mut body) = (method.to_owned(), target.to_owned(), body);
        self.away = None;
        for _ in 0..12 {
            target = target.strip_prefix(&self.origin).unwrap_or(&target).to_owned();
            let response = self.send(&method, &target, body.take());
            self.keep_cookies(&response);
            let location = response.header("location").map(str::to_owned);
            match (response.status, location) {
                // 307 and 308 would send the password on (RFC 9700 section 4.12).
                (302 | 303, Some(location)) if self.is_own(&location) => {
                    (method, target) = ("GET".to_owned(), location);
                }
                (302 | 303, Some(location)) => {
                    self.page = None;
                    self.target = target;
                    self.away = Some(location);
                    return self;
                }
                _ => {
                    self.page = Some(response);
                    self.target = target;
                    return self;
                }
            }
        }
        panic!("redirected in circles, at last to {target}");
    }

    fn send(&self, method: &str, target: &str, body: Option<String>) -> Response {
        let mut request = self.http.request(method, target);
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header("Cookie", &cookies.join("; "));
        }
        if let Some(language) = &self.language {
            request = request.header("Accept-Language", language);
        }
        if let Some(body) = body {
            // As Chromium sends them from a page whose policy is `no-referrer`.
            request = request.header("Origin", "null").header("Sec-Fetch-Site", "same-origin");
            request = request.body("application/x-www-form-urlencoded", body);
        }
        request.send()
    }

    fn keep_cookies(&mut self, response: &Response) {
        for (_, line) in response.headers.iter().filter(|(name, _)| name == "set-cookie") {
            self.set_cookies.push(line.clone());
            let (cookie, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = cookie.split_once('=').expect("a cookie has a value");
            let ended = attributes.split(';').any(|part| part.trim().eq_ignore_ascii_case("max-age=0"));
            if ended || value.is_empty() {
                self.cookies.remove(name.trim());
            } else {
                self.cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }
}

impl std::fmt::Display for Browser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.page, &self.away) {
            (_, Some(url)) => write!(f, "on its way to {url}"),
            (Some(page), None) => write!(f, "a page with status {}: {}", page.status, page.text()),
            (None, None) => write!(f, "nothing opened yet"),
        }
    }
}
