//! OAuth 2 and OpenID Connect.

use std::time::Duration;

use countersign_model::oauth::pkce::Challenge;
use countersign_model::oauth::{ClientOrigin, Metadata};
use countersign_model::random::Random;
use countersign_ops::oauth::manage_clients::{MadeClient, NewClient};
use reqwest::Method;
use serde_json::{Value, json};

use super::browser::Browser;
use super::guide::{Body, Guide, Step};
use super::{ALPHABET, Person};
use crate::cli::output::{printable, say};
use crate::failure::{Failure, Outcome};
use crate::open::{self, Opener};

/// A client made as `client add` makes it gets a token of its own, and learns whose the session of document
/// 000 is; then a person signs in to an application.
///
/// # Errors
/// What was not as documented.
pub async fn chapter(guide: &mut Guide<'_>, session: &str, person: &Person, random: &Random) -> Outcome {
    guide.chapter("oauth: an authorization server and OpenID provider for the same accounts")?;
    let discovery = get(guide, "/.well-known/openid-configuration", None, "what the server can do").await?;
    discovery.must("where people sign in", |body| body["authorization_endpoint"].is_string())?;
    let client = service(guide).await?;
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
    sign_in(guide, person, random).await
}

/// A person signs in to an application by its code flow with PKCE (RFC 6749 section 4.1, RFC 7636), on the pages.
async fn sign_in(guide: &mut Guide<'_>, person: &Person, random: &Random) -> Outcome {
    let client = application(guide).await?;
    let [verifier, state, nonce] = [43, 16, 16].map(|length| random.text(ALPHABET, length));
    let challenge = Challenge::of(&verifier);
    let path = format!(
        "/oauth2/authorize?response_type=code&client_id={client}&redirect_uri={REDIRECT_ENCODED}\
         &scope=openid%20email&state={state}&nonce={nonce}&code_challenge_method=S256&code_challenge={}",
        challenge.as_str()
    );
    let mut browser = Browser::default();
    let page = browser.open(guide, &path, 200, "an application sends its user here to sign in").await?;
    let filled = [("identifier", person.email.as_str()), ("password", &person.password)];
    let signed_in = browser.submit(guide, &page, &filled, 303, "the password is right").await?;
    let path = signed_in.location()?.to_owned();
    let page = browser.open(guide, &path, 200, "the user is asked what the application may see").await?;
    let allowed =
        browser.submit(guide, &page, &[("decision", "allow")], 303, "and is sent back with a code").await?;
    let answer = allowed.location()?;
    if !answer.starts_with(REDIRECT) || parameter(answer, "state") != Some(&state) {
        return Err(Failure::failed(format!("{answer} is no answer to this request")));
    }
    let code = parameter(answer, "code").ok_or_else(|| Failure::failed("the answer has no code"))?;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", &client),
        ("redirect_uri", REDIRECT),
        ("code", code),
        ("code_verifier", &verifier),
    ];
    let step = Step {
        method: Method::POST,
        path: "/oauth2/token".to_owned(),
        authorization: None,
        body: Body::Form(&form),
        expect: 200,
        shows: "the application gets tokens for the code",
    };
    let tokens = guide.step(step).await?;
    let claims = verified(guide, &tokens.text(&["id_token"])?).await?;
    for (name, expected) in [("aud", &client), ("nonce", &nonce)] {
        if claims[name] != **expected {
            return Err(Failure::failed(format!("the ID token has another {name}: {}", claims[name])));
        }
    }
    for line in format!("{claims:#}").lines() {
        say(&format!("    {}", printable(line)))?;
    }
    guide.passed("the ID token says who has signed in, to this application and for this request")?;
    let bearer = Some(format!("Bearer {}", tokens.text(&["access_token"])?));
    let who = get(guide, "/oauth2/userinfo", bearer, "the access token shows what was allowed").await?;
    who.must("the address", |body| body["email"] == person.email && body["sub"] == claims["sub"])?;
    say(
        "  `countersign client add --spa http://localhost:5173/callback` makes such a client, and prints the",
    )?;
    say("  settings that an application needs.")
}

/// The claims of an ID token, if a published key of the server has signed it.
async fn verified(guide: &mut Guide<'_>, token: &str) -> Outcome<Value> {
    let keys = get(guide, "/oauth2/jwks", None, "the keys that the server signs with").await?;
    // Opened anew: it knows the keys of this moment.
    let core = open::open(&guide.target().settings, Opener::Command).await?;
    let failed =
        |error: &dyn std::fmt::Display| Failure::failed(format!("the ID token is not good: {error}"));
    let found = core.inspect_token(token).await.map_err(|error| failed(&error))?;
    let key = found.signed_by.ok_or_else(|| failed(&"no key of this server has signed it"))?;
    keys.must("the key of the ID token", |body| {
        body["keys"].as_array().is_some_and(|keys| keys.iter().any(|one| one["kid"] == key))
    })?;
    guide.passed("the signature of the ID token is of one of them")?;
    found.claims.ok_or_else(|| failed(&"it has no claims"))
}

/// A parameter of a query; those that are looked for need no decoding.
fn parameter<'u>(url: &'u str, name: &str) -> Option<&'u str> {
    let (_, query) = url.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

const A_MOMENT: Duration = Duration::from_millis(5);

/// Where an application on the developer's machine would listen; nobody does.
const REDIRECT: &str = "http://localhost:5173/callback";
const REDIRECT_ENCODED: &str = "http%3A%2F%2Flocalhost%3A5173%2Fcallback";

/// The id of an application's client.
async fn application(guide: &mut Guide<'_>) -> Outcome<String> {
    let metadata = json!({
        "client_name": "Tour",
        "token_endpoint_auth_method": "none",
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
    });
    let made = new_client(guide, &metadata, "`client add --spa` makes a client for an application").await?;
    Ok(made.client.id.as_str().to_owned())
}

/// A client's id and secret.
struct Credentials {
    id: String,
    secret: String,
}

async fn service(guide: &mut Guide<'_>) -> Outcome<Credentials> {
    let metadata = json!({
        "client_name": "Tour",
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["client_credentials"],
        "response_types": [],
        "introspect_documents": true,
    });
    let shows = "`client add --service --introspect-documents` makes a client";
    let made = new_client(guide, &metadata, shows).await?;
    let secret = made.secret.ok_or_else(|| Failure::failed("the client has no secret"))?;
    Ok(Credentials { id: made.client.id.as_str().to_owned(), secret: secret.reveal().to_owned() })
}

async fn new_client(guide: &mut Guide<'_>, metadata: &Value, shows: &str) -> Outcome<MadeClient> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(format!("no client was made: {error}"));
    let metadata = Metadata::from_json(metadata).map_err(|error| failed(&error))?;
    let request = NewClient { id: None, metadata, secret: None, origin: ClientOrigin::CommandLine };
    let made = guide.target().core.add_client(request).await.map_err(|error| failed(&error))?;
    guide.made.client(made.client.id.as_str());
    // A server goes on reading for a moment what it read before another process wrote (docs/decisions/0008-hot-path.md).
    tokio::time::sleep(A_MOMENT).await;
    guide.passed(shows)?;
    Ok(made)
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
