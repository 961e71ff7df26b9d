//! `countersign client`.

use std::io::Read;
use std::path::Path;

use countersign_model::oauth::{AuthMethod, Client, ClientOrigin, Metadata};
use countersign_model::secret::Secret;
use countersign_model::time::Timestamp;
use countersign_ops::Core;
use countersign_ops::oauth::manage_clients::{ClientError, ClientRecord, MadeClient, NewClient};
use countersign_ops::oauth::plan_clients::{ConfiguredClient, Step};
use serde_json::{Map, Value, json};

use super::args::{AddClient, ClientCommand, Said, WhichClient};
use super::group::refused;
use super::open;
use super::output::{self, note, or_dash, say};
use crate::config::{meant, parse_duration};
use crate::failure::{Failure, Outcome};
use crate::open::Opener;

/// Does it.
///
/// # Errors
/// What went wrong.
pub async fn run(command: ClientCommand) -> Outcome {
    match command {
        ClientCommand::Add(request) => add(*request).await,
        ClientCommand::List { place, limit, after, form } => {
            let core = open(&place, Opener::Command).await?;
            list(&core.list_clients(&after, limit).await.map_err(failed)?, form.json)
        }
        ClientCommand::Show(which) => {
            let core = open(&which.place, Opener::Command).await?;
            show(&core.show_client(&which.client).await.map_err(failed)?, which.form.json)
        }
        ClientCommand::Update(request) => {
            let (which, said) = (&request.which, &request.said);
            let core = open(&which.place, Opener::Command).await?;
            let known = core.show_client(&which.client).await.map_err(failed)?;
            let mut members = object(known.client.metadata.to_json());
            members.extend(said.read()?);
            let metadata = metadata(members)?;
            let made = core.update_client(&which.client, metadata).await.map_err(failed)?;
            tell(&core, &made, which.form.json, "changed")?;
            warn_of_unknown_groups(&core, &made.client).await
        }
        ClientCommand::Suspend(which) => {
            let core = open(&which.place, Opener::Command).await?;
            core.suspend_client(&which.client, true).await.map_err(failed)?;
            done(&core, &which, "suspended, its tokens do not work").await
        }
        ClientCommand::Restore(which) => {
            let core = open(&which.place, Opener::Command).await?;
            core.suspend_client(&which.client, false).await.map_err(failed)?;
            done(&core, &which, "restored").await
        }
        ClientCommand::Remove(which) => {
            let core = open(&which.place, Opener::Command).await?;
            core.remove_client(&which.client).await.map_err(failed)?;
            match which.form.json {
                true => output::json(&json!({"client_id": which.client, "removed": true})),
                false => say(&format!("client {} removed, what was issued to it is dead", which.client)),
            }
        }
        ClientCommand::RotateSecret { which, keep } => {
            let keep = parse_duration(&keep);
            let keep = keep.ok_or_else(|| Failure::usage("--keep is no duration such as 24h"))?;
            let core = open(&which.place, Opener::Command).await?;
            let made = core.rotate_client_secret(&which.client, keep).await.map_err(failed)?;
            tell(&core, &made, which.form.json, "has a new secret")
        }
    }
}

async fn add(request: AddClient) -> Outcome {
    let mut members = request.kind_members();
    members.extend(request.said.read()?);
    let mut taken = |name: &str| members.remove(name).and_then(|value| value.as_str().map(str::to_owned));
    let (file_id, file_secret) = (taken("client_id"), taken("client_secret"));
    let secret = match &request.client_secret_file {
        Some(path) => Some(read_text(path)?.trim().to_owned()),
        None => file_secret,
    };
    if members.is_empty() {
        return Err(Failure::usage("nothing says what kind of client this is").advice(
            "--spa, --web or --native with a redirect URI, or --service; `countersign client add --help`",
        ));
    }
    let metadata = metadata(members)?;
    let core = open(&request.place, Opener::FirstCommand).await?;
    let (spa, web) = (request.spa.clone(), request.web.clone());
    let made = core.add_client(NewClient {
        id: request.client_id.clone().or(file_id),
        metadata,
        secret: secret.map(Secret::new),
        origin: ClientOrigin::CommandLine,
    });
    let made = made.await.map_err(failed)?;
    tell(&core, &made, request.form.json, "added")?;
    warn_of_unknown_groups(&core, &made.client).await?;
    match (spa, web) {
        (Some(uri), _) if !request.form.json => spa_settings(&core, &made.client, &uri),
        (None, Some(uri)) if !request.form.json => web_settings(&core, &made.client, &uri),
        (None, None) if request.service && !request.form.json => service_settings(&core, &made.client),
        _ => Ok(()),
    }
}

/// A client may come before its groups; until they are there, it is for nobody.
async fn warn_of_unknown_groups(core: &Core, client: &Client) -> Outcome {
    if client.metadata.groups.is_empty() {
        return Ok(());
    }
    let known = core.list_groups().await.map_err(|error| refused(error, "groups"))?;
    for group in &client.metadata.groups {
        if !known.iter().any(|one| one.name == *group) {
            note(&output::printable(&format!(
                "warning: there is no group `{group}` yet; `countersign group add` makes it"
            )));
        }
    }
    Ok(())
}

/// What two common libraries want to be told, ready to be copied. JSON quotes texts as JavaScript does.
fn spa_settings(core: &Core, client: &Client, uri: &str) -> Outcome {
    let (issuer, id) = (json!(core.settings.public_url), json!(client.id));
    let (uri, scope) = (json!(uri), json!(SCOPE));
    say(&format!(
        "\noidc-client-ts:\n  new UserManager({{\n    authority: {issuer},\n    client_id: {id},\n    \
         redirect_uri: {uri},\n    scope: {scope},\n  }})"
    ))?;
    openid_client(core, client, &uri, "client.None()")
}

/// The same for an application with a secret. The library would send it in the body unless told.
fn web_settings(core: &Core, client: &Client, uri: &str) -> Outcome {
    let way = match client.metadata.token_endpoint_auth_method {
        AuthMethod::Basic => "ClientSecretBasic",
        AuthMethod::Post => "ClientSecretPost",
        AuthMethod::None
        | AuthMethod::PrivateKeyJwt
        | AuthMethod::TlsClientAuth
        | AuthMethod::SelfSignedTls => return Ok(()),
    };
    openid_client(core, client, &json!(uri), &format!("client.{way}(process.env.CLIENT_SECRET)"))
}

const SCOPE: &str = "openid profile email";

/// A whole sign-in with openid-client, but for the way of the browser.
fn openid_client(core: &Core, client: &Client, uri: &Value, authentication: &str) -> Outcome {
    let (issuer, id, scope) = (json!(core.settings.public_url), json!(client.id), json!(SCOPE));
    // The library refuses such an issuer unless it is told that it may be one.
    let options = match core.settings.public_url.starts_with("http:") {
        true => "\n    { execute: [client.allowInsecureRequests] },",
        false => "",
    };
    say(&format!(
        "\nopenid-client:
  import * as client from 'openid-client'

  const config = await client.discovery(
    new URL({issuer}),
    {id},
    undefined,
    {authentication},{options}
  )
  const verifier = client.randomPKCECodeVerifier()
  const url = client.buildAuthorizationUrl(config, {{
    redirect_uri: {uri},
    scope: {scope},
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }})
  // The browser goes to `url`; where it comes back, `arrived` is the whole URL, as a URL.
  const tokens = await client.authorizationCodeGrant(config, arrived, {{ pkceCodeVerifier: verifier }})"
    ))
}

/// How a program with a secret gets its first token.
fn service_settings(core: &Core, client: &Client) -> Outcome {
    if client.metadata.token_endpoint_auth_method != AuthMethod::Basic {
        return Ok(());
    }
    let (issuer, id) = (core.settings.public_url.trim_end_matches('/'), &client.id);
    say(&format!(
        "\ncurl:\n  curl -u \"{id}:$CLIENT_SECRET\" {issuer}/oauth2/token -d grant_type=client_credentials"
    ))
}

impl AddClient {
    /// What `--spa` and its like stand for.
    fn kind_members(&self) -> Map<String, Value> {
        let with_code = |uri: &String, method: &str, kind: &str| {
            json!({
                "redirect_uris": [uri],
                "grant_types": ["authorization_code", "refresh_token"],
                "token_endpoint_auth_method": method,
                "application_type": kind,
            })
        };
        object(match (&self.spa, &self.web, &self.native, self.service) {
            (Some(uri), ..) => with_code(uri, "none", "web"),
            (_, Some(uri), ..) => with_code(uri, "client_secret_basic", "web"),
            (_, _, Some(uri), _) => with_code(uri, "none", "native"),
            (.., true) => json!({ "grant_types": ["client_credentials"] }),
            (.., false) => json!({}),
        })
    }
}

impl Said {
    /// The file's members, and over them those of the flags.
    fn read(&self) -> Outcome<Map<String, Value>> {
        let mut members = match &self.file {
            Some(path) => {
                let Value::Object(members) = parse(&read_text(path)?, "--metadata")? else {
                    return Err(Failure::usage("--metadata holds no JSON object"));
                };
                warn_of_unknown_members(&members);
                members
            }
            None => Map::new(),
        };
        members.extend(self.members.clone());
        if let Some(jwks) = &self.jwks {
            let text = match jwks.trim_start().starts_with('{') {
                true => jwks.clone(),
                false => read_text(Path::new(jwks))?,
            };
            members.insert("jwks".to_owned(), parse(&text, "--jwks")?);
        }
        Ok(members)
    }
}

/// What is told about a registration besides metadata (RFC 7591 §3.2.1, RFC 7592 §3), here or elsewhere: a file may be
/// one that was shown.
const TOLD: [&str; 8] = [
    "client_id",
    "client_id_issued_at",
    "client_secret",
    "client_secret_expires_at",
    "registration_access_token",
    "registration_client_uri",
    "origin",
    "suspended",
];

/// Other servers know other members (RFC 7591 §2), so one that means nothing here is no fault; but it may be misspelt.
fn warn_of_unknown_members(given: &Map<String, Value>) {
    let is_known =
        |name: &&String| Metadata::members().iter().copied().chain(TOLD).any(|known| known == name.as_str());
    for name in given.keys().filter(|name| !is_known(name)) {
        note(&format!("warning: the member `{name}` means nothing here{}", meant(name)));
    }
}

fn read_text(path: &Path) -> Outcome<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().lock().read_to_string(&mut text);
        return read
            .map(|_| text)
            .map_err(|error| Failure::failed(format!("cannot read the standard input: {error}")));
    }
    std::fs::read_to_string(path)
        .map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())))
}

fn parse(text: &str, flag: &str) -> Outcome<Value> {
    serde_json::from_str(text).map_err(|error| Failure::usage(format!("{flag} is no JSON: {error}")))
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(members) = value { members } else { Map::new() }
}

fn metadata(members: Map<String, Value>) -> Outcome<Metadata> {
    Metadata::from_json(&Value::Object(members)).map_err(Failure::usage)
}

/// What `serve` does when it starts.
///
/// # Errors
/// If a client cannot be as the configuration wants it.
pub async fn apply_configured(core: &Core, wanted: &[ConfiguredClient]) -> Outcome {
    for step in core.apply_clients(wanted).await.map_err(failed)?.steps {
        let change = match &step {
            Step::Add(_) => "added",
            Step::Change { .. } => "changed",
            Step::Remove(_) => "removed",
        };
        tracing::info!(client = step.id(), change, "a client was made as the configuration says");
    }
    Ok(())
}

/// What could not be done with a client.
pub fn failed(error: ClientError) -> Failure {
    match &error {
        ClientError::NotFound => {
            Failure::failed(&error).advice("`countersign client list` shows those that are there")
        }
        ClientError::Taken => Failure::failed(&error)
            .advice("`countersign client update` changes it, `countersign client remove` removes it"),
        ClientError::Changed => Failure::failed(&error).advice("try again"),
        ClientError::Id | ClientError::Secret | ClientError::Metadata(_) => Failure::usage(&error),
        ClientError::Unavailable(_) => {
            Failure::failed(&error).advice("`countersign doctor` looks for the reason")
        }
    }
}

async fn done(core: &Core, which: &WhichClient, what: &str) -> Outcome {
    if which.form.json {
        return show(&core.show_client(&which.client).await.map_err(failed)?, true);
    }
    say(&format!("client {} {what}", which.client))
}

/// A registration as RFC 7591 §3.2.1 shows it.
fn registration(client: &Client, created_at: Timestamp) -> Map<String, Value> {
    let mut members = object(client.metadata.to_json());
    members.insert("client_id".to_owned(), json!(client.id));
    members.insert("client_id_issued_at".to_owned(), json!(created_at.micros() / 1_000_000));
    members.insert("origin".to_owned(), json!(client.origin));
    members.insert("suspended".to_owned(), json!(client.suspended));
    members
}

fn tell(core: &Core, made: &MadeClient, as_json: bool, what: &str) -> Outcome {
    let mut members = registration(&made.client, made.created_at);
    if let Some(secret) = &made.secret {
        members.insert("client_secret".to_owned(), json!(secret.reveal()));
        // RFC 7591 §3.2.1: it does not lapse.
        members.insert("client_secret_expires_at".to_owned(), json!(0));
    }
    if as_json {
        return output::json(&members);
    }
    say(&format!("client {} {what}", made.client.id))?;
    let mut facts = vec![("issuer", core.settings.public_url.clone())];
    facts.push(("client_id", made.client.id.to_string()));
    facts.push((
        "token_endpoint_auth_method",
        made.client.metadata.token_endpoint_auth_method.name().to_owned(),
    ));
    if let Some(secret) = &made.secret {
        facts.push(("client_secret", secret.reveal().to_owned()));
    }
    output::card(&facts)?;
    match &made.secret {
        Some(_) => say("the secret is shown this once"),
        None => Ok(()),
    }
}

fn show(record: &ClientRecord, as_json: bool) -> Outcome {
    let members = registration(&record.client, record.created_at);
    if as_json {
        return output::json(&members);
    }
    let text = |value: &Value| match (value.as_str(), value.as_array()) {
        (Some(text), _) => text.to_owned(),
        (None, Some(items)) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
        }
        (None, _) => value.to_string(),
    };
    let facts: Vec<(&str, String)> =
        members.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
    output::card(&facts)
}

fn list(records: &[ClientRecord], as_json: bool) -> Outcome {
    if as_json {
        let all: Vec<_> = records.iter().map(|r| registration(&r.client, r.created_at)).collect();
        return output::json(&all);
    }
    let row = |record: &ClientRecord| {
        let metadata = &record.client.metadata;
        vec![
            record.client.id.to_string(),
            if record.client.suspended { "suspended" } else { "active" }.to_owned(),
            metadata.token_endpoint_auth_method.name().to_owned(),
            or_dash(metadata.client_name.as_deref()),
            record.created_at.rfc3339(),
        ]
    };
    let rows: Vec<Vec<String>> = records.iter().map(row).collect();
    output::table(&["CLIENT_ID", "STANDING", "AUTHENTICATION", "NAME", "CREATED"], &rows, "no clients")
}
