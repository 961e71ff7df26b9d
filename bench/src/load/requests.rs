//! What a connection sends, and what it learns from the answers.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use crate::Result;
use crate::http::{get_with_token, post_form, post_json};
use crate::random::Random;

/// The requests that the goals of the project name.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Kind {
    /// `GET /auth/profile/` with a random token each time.
    Profile,
    /// `POST /refresh`; every connection rotates a session of its own.
    Refresh,
    /// `POST /oauth2/token` with client credentials, of a random client each time.
    ClientToken,
    /// `POST /oauth2/introspect` of a random token each time.
    Introspect,
    /// `POST /login` with identifier and password of a random account.
    Login,
}

/// Tokens and accounts that all connections share.
#[derive(Debug, Default)]
pub struct Material {
    tokens: Vec<String>,
    accounts: Vec<(String, String)>,
    client: String,
}

impl Material {
    pub fn read(tokens: Option<&Path>, accounts: Option<&Path>, client: Option<&Path>) -> Result<Self> {
        let read = |path: Option<&Path>| -> Result<String> {
            path.map_or(Ok(String::new()), |path| {
                std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()).into())
            })
        };
        let tokens = read(tokens)?.lines().map(str::to_owned).collect();
        let accounts = read(accounts)?
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(email, password)| (email.to_owned(), password.to_owned()))
            .collect();
        let client = read(client)?.trim().to_owned();
        Ok(Self { tokens, accounts, client })
    }
}

/// The requests of one connection.
#[derive(Debug)]
pub struct Requests {
    kind: Kind,
    material: Arc<Material>,
    token: String,
    bytes: Vec<u8>,
}

impl Requests {
    /// Requests of connection `index`; fails when the files do not hold enough for `connections`.
    pub fn new(kind: Kind, material: Arc<Material>, index: usize, connections: usize) -> Result<Self> {
        let (has, needs, what) = match kind {
            Kind::Profile | Kind::ClientToken | Kind::Introspect => (material.tokens.len(), 1, "tokens"),
            Kind::Refresh => (material.tokens.len(), connections, "tokens"),
            Kind::Login => (material.accounts.len(), 1, "accounts"),
        };
        if has < needs {
            return Err(format!("{needs} {what} are needed, the file holds {has}").into());
        }
        let token = material.tokens.get(index).cloned().unwrap_or_default();
        Ok(Self { kind, material, token, bytes: Vec::new() })
    }

    /// The next request in full.
    pub fn next(&mut self, random: &mut Random) -> &[u8] {
        self.bytes = match self.kind {
            Kind::Profile => {
                let token = random.pick(&self.material.tokens).map_or("", String::as_str);
                get_with_token("/auth/profile/", token)
            }
            Kind::ClientToken => {
                let client = random.pick(&self.material.tokens).map_or("", String::as_str);
                post_form("/oauth2/token", client, "grant_type=client_credentials")
            }
            Kind::Introspect => {
                let token = random.pick(&self.material.tokens).map_or("", String::as_str);
                post_form("/oauth2/introspect", &self.material.client, &format!("token={token}"))
            }
            Kind::Refresh => post_json("/refresh", &json!({ "session_token": self.token })),
            Kind::Login => {
                let (email, password) = random.pick(&self.material.accounts).cloned().unwrap_or_default();
                let body = json!({ "identifier": email, "identifier_type": "email", "password": password });
                post_json("/login", &body)
            }
        };
        &self.bytes
    }

    /// A rotation answers the token of the next one.
    pub fn answered(&mut self, status: u16, body: &[u8]) {
        if matches!(self.kind, Kind::Refresh) && status == 200 {
            self.token = session_token(body).unwrap_or_default();
        }
    }
}

/// `session_token` of a JSON answer.
pub fn session_token(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(body.get("session_token")?.as_str()?.to_owned())
}
