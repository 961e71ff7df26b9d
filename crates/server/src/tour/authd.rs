//! Document 001.

use countersign_model::message::Template;
use countersign_model::random::Random;
use reqwest::Method;
use serde_json::json;

use super::Person;
use super::guide::{Body, Guide, Step};
use crate::failure::{Failure, Outcome};

/// Registers by a link in a mail; the account of document 000 signs in and refreshes.
///
/// # Errors
/// What was not as documented.
pub async fn chapter(guide: &mut Guide<'_>, person: &Person, random: &Random) -> Outcome {
    guide.chapter("authd (document 001): a confirmation link, access and refresh tokens")?;
    let surface = guide.target().settings.authd.clone();
    let path = |name: &str| format!("{}{name}", surface.prefix);
    let other = Person::new("authd", random);
    let account = json!({"email": other.email, "password": other.password});
    guide.made.account(&other.email);
    let created =
        guide.post(path("/v1/requests/accounts"), account, 201, "registered, not yet active").await?;
    created.must("`\"active\": false`", |body| body["user"]["active"] == false)?;
    let contents = guide.message(&other.email, Template::ConfirmAccount).await?;
    let link = contents.link.ok_or_else(|| Failure::failed("the message has no link"))?;
    let id = link.reveal().rsplit('/').next().unwrap_or_default().to_owned();
    let confirm = Step {
        method: Method::GET,
        path: path(&format!("/v1/requests/accounts/{id}")),
        authorization: None,
        body: Body::Empty,
        expect: 200,
        shows: "the link makes it active and signs in",
    };
    let confirmed = guide.step(confirm).await?;
    confirmed.must("`\"active\": true`", |body| body["user"]["active"] == true)?;
    confirmed.text(&["token", "access"])?;
    let login = json!({"email": person.email, "password": person.password});
    let tokens =
        guide.post(path("/v1/tokens/"), login, 200, "the account of chapter 1 signs in here too").await?;
    let refresh = tokens.text(&["refresh"])?;
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let refreshed = Step {
        method: Method::POST,
        path: path("/v1/tokens/"),
        authorization: None,
        body: Body::Form(&form),
        expect: 200,
        shows: "refreshed, in the form of OAuth 2.0",
    };
    guide.step(refreshed).await?.text(&["access_token"])?;
    Ok(())
}
