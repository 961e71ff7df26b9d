//! Document 002: one request per line over TLS.

mod connection;
mod login;
mod register;
mod stored;
mod validatephone;

use countersign_testkit::{LineClient, Server};

use crate::case::{Case, password};

/// A code that has the right form and belongs to nobody.
pub const NO_CODE: &str = "AAAAA-AAAAA";

/// What somebody gives to `register`.
pub struct Registration {
    /// `u:`
    pub username: String,
    /// `p:`
    pub password: String,
    /// `n:`
    pub phone: String,
    /// `e:`
    pub email: Option<String>,
}

impl Registration {
    /// Without an e-mail address.
    pub fn new(case: &Case) -> Self {
        Self { username: case.username(), password: password(), phone: case.phone(), email: None }
    }

    /// With one.
    pub fn with_email(case: &Case) -> Self {
        Self { email: Some(case.email()), ..Self::new(case) }
    }

    /// The request line.
    pub fn request(&self) -> String {
        let email = self.email.as_ref().map(|email| format!(" e:{email}")).unwrap_or_default();
        format!("register u:{} p:{} n:{}{email}", self.username, self.password, self.phone)
    }

    /// Sends it and expects `ok`.
    #[track_caller]
    pub fn registered(self, case: &Case) -> Self {
        assert_eq!(case.line().ask(&self.request()), "ok", "{}", self.request());
        self
    }

    /// Sends it and proves the number.
    #[track_caller]
    pub fn validated(self, case: &Case) -> Self {
        let this = self.registered(case);
        let code = this.code(case.server());
        assert_eq!(case.line().ask(&format!("validatephone p:{} c:{code}", this.phone)), "ok");
        this
    }

    /// Sends it, proves the number and the e-mail address.
    #[track_caller]
    pub fn verified(self, case: &Case) -> Self {
        let this = self.validated(case);
        let link = this.link(case.server());
        case.http().post(&link).form(&[]).send().expect(200);
        this
    }

    /// The newest code sent to the number.
    pub fn code(&self, server: &Server) -> String {
        server.latest_to(&self.phone).code()
    }

    /// The path of the newest link sent to the e-mail address.
    pub fn link(&self, server: &Server) -> String {
        server.latest_to(self.email.as_deref().expect("a registration with e-mail")).link_path()
    }

    /// The reply to a login with this username and password.
    pub fn login(&self, case: &Case) -> String {
        login(&mut case.line(), &self.username, &self.password)
    }
}

/// The reply to a login.
pub fn login(line: &mut LineClient, name: &str, password: &str) -> String {
    line.ask(&format!("login u:{name} p:{password}"))
}

/// The token and the expiration date of a good login.
#[track_caller]
pub fn token_of(reply: &str) -> (String, jiff::Timestamp) {
    let fields: Vec<&str> = reply.split(' ').collect();
    let [ok, token, date] = fields[..] else { panic!("not three fields: {reply:?}") };
    assert_eq!(ok, "ok", "{reply:?}");
    assert!(!token.is_empty() && date.ends_with('Z') && date.len() == 20, "{reply:?}");
    (token.to_owned(), date.parse().expect("an RFC 3339 date"))
}
