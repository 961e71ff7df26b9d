//! Document 003.

use countersign_model::random::Random;
use serde_json::json;

use super::Person;
use super::guide::Guide;
use crate::failure::Outcome;

/// Registers a member; the account of document 000 signs in.
///
/// # Errors
/// What was not as documented.
pub async fn chapter(guide: &mut Guide<'_>, person: &Person, random: &Random) -> Outcome {
    guide.chapter("authv1 (document 003): members with oauth tokens")?;
    let surface = guide.target().settings.authv1.clone();
    let path = |name: &str| format!("{}/auth/v1/{name}", surface.prefix);
    let other = Person::new("authv1", random);
    let username = format!("member-{}", random.text(super::ALPHABET, 8));
    let member = json!({"email": other.email, "password": other.password, "username": username});
    guide.made.account(&other.email);
    let registered = guide.post(path("registermember"), member, 200, "registered and signed in").await?;
    let token = registered.text(&["oauth_token"])?;
    registered.text(&["oauth_timestamp"])?;
    let old = json!({"oauth_token": token});
    let fresh = guide.post(path("tokenrefresh"), old, 200, "a new token for the old one").await?;
    let fresh = json!({"oauth_token": fresh.text(&["oauth_token"])?});
    guide.post(path("logoff"), fresh.clone(), 200, "logged off").await?;
    guide.post(path("tokenrefresh"), fresh, 401, "the token is gone").await?;
    let login = json!({"username": person.email, "password": person.password});
    let here_too =
        guide.post(path("tokenrequest"), login, 200, "the account of chapter 1 signs in here too").await?;
    here_too.text(&["oauth_token"])?;
    Ok(())
}
