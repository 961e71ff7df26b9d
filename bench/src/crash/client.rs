//! A client that notes what it sent and whether it was answered.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::http::{Connection, get_with_token, post_json};

/// What became of a request.
#[derive(Debug)]
pub enum Outcome {
    Answered {
        status: u16,
        body: Value,
    },
    /// The connection ended first.
    Lost,
}

/// One connection at a time.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    connection: Option<Connection>,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, connection: None }
    }

    pub async fn post(&mut self, path: &str, body: &Value) -> Outcome {
        self.send(&post_json(path, body)).await
    }

    pub async fn log_in(&mut self, email: &str, password: &str) -> Outcome {
        let body = json!({ "identifier": email, "identifier_type": "email", "password": password });
        self.post("/login", &body).await
    }

    /// Whether a session works, asked in a way that changes nothing.
    pub async fn profile(&mut self, token: &str) -> Outcome {
        self.send(&get_with_token("/auth/profile/", token)).await
    }

    async fn send(&mut self, request: &[u8]) -> Outcome {
        let mut connection = match self.connection.take().filter(Connection::is_reusable) {
            Some(connection) => connection,
            None => match Connection::open(self.address).await {
                Ok(connection) => connection,
                Err(_) => return Outcome::Lost,
            },
        };
        let outcome = match connection.exchange(request).await {
            Ok(answer) => {
                let body = serde_json::from_slice(answer.body).unwrap_or(Value::Null);
                Outcome::Answered { status: answer.status, body }
            }
            Err(_) => Outcome::Lost,
        };
        self.connection = Some(connection);
        outcome
    }
}

/// `session_token` of an answer.
pub fn token_of(body: &Value) -> Option<String> {
    Some(body.get("session_token")?.as_str()?.to_owned())
}
