//! Document 000.

use countersign_model::message::Template;
use serde_json::json;

use super::Person;
use super::guide::Guide;
use crate::failure::{Failure, Outcome};

/// Registers with a code from a message, signs in, refreshes; the session goes on.
///
/// # Errors
/// What was not as documented.
pub async fn chapter(guide: &mut Guide<'_>, person: &Person) -> Outcome<String> {
    guide.chapter("ouser (document 000): a code by mail, an account, a session")?;
    let surface = guide.target().settings.ouser.clone();
    let path = |name: &str| format!("{}{name}", surface.prefix);
    let Person { email, password } = person;
    let send = json!({"identifier": email, "identifier_type": "email", "message": "register"});
    guide.post(path("/send"), send, 202, "a code is sent, whether the address is known or not").await?;
    let contents = guide.message(email, Template::Register).await?;
    let code = contents.code.ok_or_else(|| Failure::failed("the message has no code"))?;
    let register = json!({"verification_code": code.reveal(), "password": password});
    guide.made.account(email);
    guide.post(path("/register"), register.clone(), 201, "the code makes the account").await?;
    guide.post(path("/register"), register, 410, "a code works once").await?;
    let login = json!({"identifier": email, "identifier_type": "email", "password": password});
    let signed_in = guide.post(path("/login"), login.clone(), 200, "signed in").await?;
    let refresh = json!({"session_token": signed_in.text(&["session_token"])?});
    let fresh = guide.post(path("/refresh"), refresh.clone(), 200, "a new token for the old one").await?;
    fresh.text(&["session_token"])?;
    guide.post(path("/refresh"), refresh, 410, "the old token is gone").await?;
    // A token that comes back after its refresh may end its session, as two parties hold it; the rest of
    // the tour goes on with another one.
    let second = guide.post(path("/login"), login, 200, "signed in on a second device").await?;
    second.text(&["session_token"])
}
