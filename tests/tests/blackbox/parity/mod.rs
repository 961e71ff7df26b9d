//! One account store behind all surfaces: what is done through one holds on every other.

mod effects;
mod lifetime;
mod many;
mod matrix;
mod model;
mod random;
mod stolen;

use countersign_testkit::Response;
use serde_json::json;

use crate::case::Case;
use crate::{authd, authv1, line, ouser, rest};

/// One of the five documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// 000
    Ouser,
    /// 001
    Authd,
    /// 002
    Line,
    /// 003
    AuthV1,
    /// 004
    Rest,
}

impl Surface {
    /// All of them.
    pub const ALL: [Surface; 5] =
        [Surface::Ouser, Surface::Authd, Surface::Line, Surface::AuthV1, Surface::Rest];
}

/// Somebody with an account.
#[derive(Clone, Debug)]
pub struct Person {
    /// Verified where the surface verifies.
    pub email: String,
    /// Where the surface knows usernames.
    pub username: Option<String>,
    /// The password.
    pub password: String,
}

/// What a sign-in gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Opens the profile.
    pub access: String,
    /// What is to be refreshed: the same token, but another one for 001, and none for 002 and 004.
    pub refresh: Option<String>,
}

/// Makes an account as the surface's document says, with everything verified that it verifies.
pub fn register(case: &Case, surface: Surface) -> Person {
    match surface {
        Surface::Ouser => {
            let member = ouser::register(case);
            Person { email: member.email, username: None, password: member.password }
        }
        Surface::Authd => {
            let member = authd::register(case);
            Person { email: member.email, username: None, password: member.password }
        }
        Surface::Line => {
            let who = line::Registration::with_email(case).verified(case);
            let email = who.email.expect("registered with e-mail");
            Person { email, username: Some(who.username), password: who.password }
        }
        Surface::AuthV1 => {
            let member = authv1::Member::register(case);
            Person { email: member.email, username: Some(member.username), password: member.password }
        }
        Surface::Rest => {
            let user = rest::User::new(case);
            Person { email: user.email, username: None, password: user.password }
        }
    }
}

/// Signs in; `None` when the surface says that the credentials are wrong.
#[track_caller]
pub fn sign_in(case: &Case, surface: Surface, name: &str, password: &str) -> Option<Tokens> {
    let refreshed_by_itself = |access: String| Tokens { refresh: Some(access.clone()), access };
    match surface {
        Surface::Ouser => {
            let response = ok_or_refused(ouser::login(case, name, password), 401)?;
            Some(refreshed_by_itself(response.string("session_token")))
        }
        Surface::Authd => {
            let response = ok_or_refused(authd::login(case, name, password), 401)?;
            Some(Tokens { access: response.string("access"), refresh: Some(response.string("refresh")) })
        }
        Surface::Line => {
            let reply = line::login(&mut case.line(), name, password);
            let refused = reply == "nop credentials";
            (!refused).then(|| Tokens { access: line::token_of(&reply).0, refresh: None })
        }
        Surface::AuthV1 => {
            let response = ok_or_refused(authv1::request_token(case, name, password), 401)?;
            Some(refreshed_by_itself(response.string("oauth_token")))
        }
        Surface::Rest => {
            let response = ok_or_refused(rest::login(case, name, password), 400)?;
            Some(Tokens { access: response.string("token"), refresh: None })
        }
    }
}

/// Exchanges a refresh token; `None` when it is refused.
#[track_caller]
pub fn refresh(case: &Case, surface: Surface, token: &str) -> Option<Tokens> {
    match surface {
        Surface::Ouser => {
            let access = ok_or_refused(ouser::refresh(case, token), 410)?.string("session_token");
            Some(Tokens { refresh: Some(access.clone()), access })
        }
        Surface::Authd => {
            let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
            let response = ok_or_refused(case.http().post("/v1/tokens/").form(&form).send(), 400)?;
            let (access, refresh) = (response.string("access_token"), response.string("refresh_token"));
            Some(Tokens { access, refresh: Some(refresh) })
        }
        Surface::AuthV1 => {
            let access = ok_or_refused(authv1::refresh(case, token), 401)?.string("oauth_token");
            Some(Tokens { refresh: Some(access.clone()), access })
        }
        Surface::Line | Surface::Rest => panic!("{surface:?} refreshes nothing"),
    }
}

/// Whether a token opens the profile of 004, as one of any surface does.
#[track_caller]
pub fn is_live(case: &Case, access: &str) -> bool {
    let value = format!("Token {access}");
    ok_or_refused(rest::authorized(case, "GET", "/auth/profile/", &value).send(), 401).is_some()
}

/// Sets a new password by way of a message to the owner.
pub fn reset(case: &Case, surface: Surface, email: &str, password: &str) {
    match surface {
        Surface::Ouser => {
            let code = ouser::code_for(case, email);
            ouser::reset(case, &code, password).expect(204);
        }
        Surface::Authd => {
            let id = authd::reset_id(case, email);
            authd::reset(case, &id, password).expect(204);
        }
        Surface::AuthV1 => {
            let before = case.server().messages_to(email).len();
            case.post("/auth/v1/passwordreset", json!({ "email": email })).expect(200);
            let messages = case.server().await_messages(email, before + 1);
            let link = messages.last().expect("a message").link_path();
            case.http().post(&link).form(&[("password", password)]).send().expect(200);
        }
        Surface::Line | Surface::Rest => panic!("{surface:?} resets nothing"),
    }
}

/// Runs an operator's command on an account.
pub fn operate(case: &Case, command: &str, name: &str) {
    let done = case.server().command(&["account", command, name]);
    assert!(done.status.success(), "account {command}: {}", String::from_utf8_lossy(&done.stderr));
}

#[track_caller]
fn ok_or_refused(response: Response, refusal: u16) -> Option<Response> {
    match response.status {
        200 => Some(response),
        status if status == refusal => None,
        other => panic!("{other}: {}", response.text()),
    }
}
