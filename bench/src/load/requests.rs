//! What a connection sends, and what it learns from the answers.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::Options;
use crate::Result;
use crate::http::{get, get_with_token, post_form, post_json};
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
    /// `POST /oauth2/token` with a refresh token; every connection rotates one of its own.
    RefreshToken,
    /// `POST /login` with identifier and password of a random account.
    Login,
    /// `GET` of `--path`, the same each time.
    Get,
}

impl Kind {
    /// Where it goes unless `--path` says otherwise, as another server's paths do.
    fn path(self) -> &'static str {
        match self {
            Kind::Profile => "/auth/profile/",
            Kind::Refresh => "/refresh",
            Kind::ClientToken | Kind::RefreshToken => "/oauth2/token",
            Kind::Introspect => "/oauth2/introspect",
            Kind::Login => "/login",
            Kind::Get => "/",
        }
    }
}

/// Tokens and accounts that all connections share.
#[derive(Debug, Default)]
pub struct Material {
    tokens: Vec<String>,
    accounts: Vec<(String, String)>,
    client: String,
    path: Option<String>,
}

impl Material {
    pub fn read(options: &Options) -> Result<Self> {
        let read = |path: Option<&Path>| -> Result<String> {
            path.map_or(Ok(String::new()), |path| {
                std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()).into())
            })
        };
        let tokens = read(options.tokens.as_deref())?.lines().map(str::to_owned).collect();
        let accounts = read(options.accounts.as_deref())?
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(email, password)| (email.to_owned(), password.to_owned()))
            .collect();
        let client = read(options.client.as_deref())?.trim().to_owned();
        Ok(Self { tokens, accounts, client, path: options.path.clone() })
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
            Kind::Refresh | Kind::RefreshToken => (material.tokens.len(), connections, "tokens"),
            Kind::Login => (material.accounts.len(), 1, "accounts"),
            Kind::Get => (1, 1, "paths"),
        };
        if has < needs {
            return Err(format!("{needs} {what} are needed, the file holds {has}").into());
        }
        let token = material.tokens.get(index).cloned().unwrap_or_default();
        Ok(Self { kind, material, token, bytes: Vec::new() })
    }

    /// The next request in full.
    pub fn next(&mut self, random: &mut Random) -> &[u8] {
        let Self { kind, material, token, .. } = self;
        let path = material.path.as_deref().unwrap_or(kind.path());
        let mut pick = || random.pick(&material.tokens).map_or("", String::as_str);
        self.bytes = match kind {
            Kind::Profile => get_with_token(path, pick()),
            Kind::ClientToken => post_form(path, pick(), "grant_type=client_credentials&scope=read"),
            Kind::Introspect => post_form(path, &material.client, &format!("token={}", pick())),
            Kind::RefreshToken => {
                let body = format!("grant_type=refresh_token&refresh_token={token}");
                post_form(path, &material.client, &body)
            }
            Kind::Refresh => post_json(path, &json!({ "session_token": token })),
            Kind::Login => {
                let (email, password) = random.pick(&material.accounts).cloned().unwrap_or_default();
                let body = json!({ "identifier": email, "identifier_type": "email", "password": password });
                post_json(path, &body)
            }
            Kind::Get => get(path),
        };
        &self.bytes
    }

    /// A rotation answers the token of the next one.
    pub fn answered(&mut self, status: u16, body: &[u8]) {
        let name = match self.kind {
            Kind::Refresh => "session_token",
            Kind::RefreshToken => "refresh_token",
            Kind::Profile | Kind::ClientToken | Kind::Introspect | Kind::Login | Kind::Get => return,
        };
        if status == 200 {
            self.token = text_of(body, name).unwrap_or_default();
        }
    }
}

/// A member of a JSON answer.
pub fn text_of(body: &[u8], name: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(body.get(name)?.as_str()?.to_owned())
}
