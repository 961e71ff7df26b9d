//! Document 004.

use countersign_model::random::Random;
use reqwest::Method;
use serde_json::json;

use super::Person;
use super::guide::{Body, Guide, Step};
use crate::failure::Outcome;

/// Registers; the account of document 000 signs in, reads its profile and gets an identity token. The
/// token goes on.
///
/// # Errors
/// What was not as documented.
pub async fn chapter(guide: &mut Guide<'_>, person: &Person, random: &Random) -> Outcome<String> {
    guide.chapter("rest (document 004): profiles and Layer identity tokens")?;
    let surface = guide.target().settings.rest.clone();
    let path = |name: &str| format!("{}/auth/{name}/", surface.prefix);
    let other = Person::new("rest", random);
    let registration = json!({
        "email": other.email, "password": other.password, "first_name": "Ada", "last_name": "Example",
    });
    guide.made.account(&other.email);
    let registered = guide.post(path("register"), registration, 201, "registered").await?;
    registered.must("the account's number", |body| body["id"].is_i64())?;
    let login = json!({"username": person.email, "password": person.password});
    let signed_in =
        guide.post(path("login"), login, 200, "the account of chapter 1 signs in here too").await?;
    let token = signed_in.text(&["token"])?;
    let authorization = Some(format!("Token {token}"));
    let profile = Step {
        method: Method::GET,
        path: path("profile"),
        authorization: authorization.clone(),
        body: Body::Empty,
        expect: 200,
        shows: "its profile",
    };
    let profile = guide.step(profile).await?;
    profile.must("its address", |body| body["email"] == person.email.as_str())?;
    let rename = Step {
        method: Method::PATCH,
        path: path("profile"),
        authorization: authorization.clone(),
        body: Body::Json(json!({"first_name": "Grace"})),
        expect: 200,
        shows: "its name is changed",
    };
    guide.step(rename).await?.must("the new name", |body| body["first_name"] == "Grace")?;
    let layer = Step {
        method: Method::POST,
        path: path("layer"),
        authorization,
        body: Body::Json(json!({"nonce": random.text(super::ALPHABET, 20)})),
        expect: 201,
        shows: "a signed token for Layer",
    };
    guide.step(layer).await?.text(&["identity_token"])?;
    Ok(token)
}
