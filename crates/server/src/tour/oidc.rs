//! OAuth 2 and OpenID Connect.

use countersign_model::oauth::{ClientOrigin, Metadata};
use countersign_ops::oauth::manage_clients::NewClient;
use reqwest::Method;
use serde_json::json;

use super::guide::{Body, Guide, Step};
use crate::cli::output::say;
use crate::failure::{Failure, Outcome};

/// A client made as `client add` makes it gets a token of its own, and learns whose the session of document
/// 000 is. What needs a browser is told and not walked.
///
/// # Errors
/// What was not as documented.
pub async fn chapter(guide: &mut Guide<'_>, session: &str) -> Outcome {
    guide.chapter("oauth: an authorization server and OpenID provider for the same accounts")?;
    let discovery = get(guide, "/.well-known/openid-configuration", None, "what the server can do").await?;
    discovery.must("where people sign in", |body| body["authorization_endpoint"].is_string())?;
    let client = new_client(guide).await?;
    let own = [("grant_type", "client_credentials")];
    let token = post(guide, "/oauth2/token", &client, &own, "a client gets a token for itself").await?;
    let token = token.text(&["access_token"])?;
    let told = introspect(guide, &client, &token, "the token is active").await?;
    told.must("that it is active", |body| body["active"] == true)?;
    let told =
        introspect(guide, &client, session, "so is the session of chapter 1: any surface's is").await?;
    told.must("that it is active", |body| body["active"] == true)?;
    let bearer = Some(format!("Bearer {session}"));
    let who = get(guide, "/oauth2/userinfo", bearer, "and userinfo says whose it is").await?;
    who.must("whose it is", |body| body["sub"].is_string())?;
    post(guide, "/oauth2/revoke", &client, &[("token", &token)], "the client's token is revoked").await?;
    let told = introspect(guide, &client, &token, "it is not active any more").await?;
    told.must("that it is not active", |body| body["active"] == false)?;
    say("  Sign-in pages are for browsers: `countersign client add --spa http://localhost:5173/callback`")?;
    say("  makes a client for an application and prints the settings that it needs.")
}

/// A client's id and secret.
struct Credentials {
    id: String,
    secret: String,
}

async fn new_client(guide: &mut Guide<'_>) -> Outcome<Credentials> {
    let metadata = json!({
        "client_name": "Tour",
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["client_credentials"],
        "response_types": [],
        "introspect_documents": true,
    });
    let failed = |error: &dyn std::fmt::Display| Failure::failed(format!("no client was made: {error}"));
    let metadata = Metadata::from_json(&metadata).map_err(|error| failed(&error))?;
    let request = NewClient { id: None, metadata, secret: None, origin: ClientOrigin::CommandLine };
    let made = guide.target().core.add_client(request).await.map_err(|error| failed(&error))?;
    let secret = made.secret.ok_or_else(|| failed(&"it has no secret"))?;
    guide.made.client(made.client.id.as_str());
    guide.passed("`client add --service --introspect-documents` makes a client")?;
    Ok(Credentials { id: made.client.id.as_str().to_owned(), secret: secret.reveal().to_owned() })
}

async fn introspect(
    guide: &mut Guide<'_>,
    client: &Credentials,
    token: &str,
    shows: &str,
) -> Outcome<super::answer::Answer> {
    post(guide, "/oauth2/introspect", client, &[("token", token)], shows).await
}

async fn post(
    guide: &mut Guide<'_>,
    path: &str,
    client: &Credentials,
    form: &[(&str, &str)],
    shows: &str,
) -> Outcome<super::answer::Answer> {
    let mut form = form.to_vec();
    form.extend([("client_id", client.id.as_str()), ("client_secret", client.secret.as_str())]);
    let (path, body) = (path.to_owned(), Body::Form(&form));
    guide.step(Step { method: Method::POST, path, authorization: None, body, expect: 200, shows }).await
}

async fn get(
    guide: &mut Guide<'_>,
    path: &str,
    authorization: Option<String>,
    shows: &str,
) -> Outcome<super::answer::Answer> {
    let (path, body) = (path.to_owned(), Body::Empty);
    guide.step(Step { method: Method::GET, path, authorization, body, expect: 200, shows }).await
}
