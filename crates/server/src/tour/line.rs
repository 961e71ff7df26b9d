//! Document 002.

use std::sync::Arc;

use countersign_model::message::Template;
use countersign_model::random::Random;
use http::uri::Authority;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Person;
use super::guide::Guide;
use super::pinned;
use crate::cli::output::say;
use crate::failure::{Failure, Outcome};

/// A connection to the line listener.
pub struct LineConnection(BufReader<TlsStream<TcpStream>>);

impl LineConnection {
    /// Connects; the server must show the certificate in `certificate`.
    ///
    /// # Errors
    /// If it does not.
    pub async fn open(address: &Authority, certificate: &std::path::Path) -> Outcome<LineConnection> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::failed(format!("cannot speak TLS with the line surface at {address}: {error}"))
                .advice("`countersign tour --url URL --line HOST:PORT` says where it listens")
        };
        let config = pinned::client_config(certificate).map_err(|error| failed(&error))?;
        let socket = TcpStream::connect(address.as_str()).await.map_err(|error| failed(&error))?;
        let host = address.host().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(|error| failed(&error))?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await;
        Ok(LineConnection(BufReader::new(stream.map_err(|error| failed(&error))?)))
    }

    /// Sends a line and reads the answer to it.
    ///
    /// # Errors
    /// If the connection is lost.
    pub async fn ask(&mut self, request: &str) -> Outcome<String> {
        let lost = |error: std::io::Error| Failure::failed(format!("the line surface is lost: {error}"));
        self.0.get_mut().write_all(format!("{request}\n").as_bytes()).await.map_err(lost)?;
        self.0.get_mut().flush().await.map_err(lost)?;
        let mut answer = String::new();
        self.0.read_line(&mut answer).await.map_err(lost)?;
        match answer.strip_suffix('\n') {
            Some(answer) => Ok(answer.to_owned()),
            None => Err(Failure::failed("the line surface closed the connection")),
        }
    }
}

/// Registers by a code sent to a phone; the account of document 000 signs in.
///
/// # Errors
/// What was not as documented.
pub async fn chapter(guide: &mut Guide<'_>, person: &Person, random: &Random) -> Outcome {
    guide.chapter("line (document 002): one request a line over TLS, a code by SMS")?;
    let target = guide.target();
    say(&format!("\n  connects to {} and checks its certificate", target.line))?;
    let mut connection = target.line_connection().await?;
    let username = format!("line-{}", random.text(super::ALPHABET, 8));
    let phone = format!("555{}", random.text(b"0123456789", 7));
    let password = random.text(super::ALPHABET, 16);
    let register = format!("register u:{username} p:{password} n:{phone}");
    guide.made.account(&username);
    guide.line(&mut connection, &register, "ok", "registered; an SMS is on its way").await?;
    let login = format!("login u:{username} p:{password}");
    guide
        .line(&mut connection, &login, "nop unverifiednumber", "no session before the number is proven")
        .await?;
    let contents = guide.message(&phone, Template::PhoneCode).await?;
    let code = contents.code.ok_or_else(|| Failure::failed("the message has no code"))?;
    let validate = format!("validatephone p:{phone} c:{}", code.reveal());
    guide.line(&mut connection, &validate, "ok", "the code proves the number").await?;
    guide.line(&mut connection, &login, "ok", "signed in").await?;
    let here_too = format!("login u:{} p:{}", person.email, person.password);
    guide.line(&mut connection, &here_too, "ok", "the account of chapter 1 signs in here too").await?;
    Ok(())
}
