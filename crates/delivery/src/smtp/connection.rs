//! One connection to the mail server.
//!
//! The commands are sent one by one, and the reply to each must have the very code that belongs to
//! it: a reply that is out of step is noticed instead of taken for a delivery.

use std::error::Error as _;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::response::Response;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Server;
use super::before_tls::BeforeTls;
use super::compose::Letter;
use crate::failure::{Failure, chain_of};
use crate::settings::SmtpSecurity;

/// How long a connection that is not needed any more may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// A connection that is protected and signed in as the settings ask.
pub(super) struct Connection(AsyncSmtpConnection);

impl Connection {
    /// Connects, protects the connection and signs in.
    pub(super) async fn open(server: &Server, patience: Duration) -> Result<Connection, Failure> {
        let address = (server.host.as_str(), server.port);
        let mut inner = match (server.security, &server.tls) {
            (SmtpSecurity::StartTls, Some(tls)) => start_tls(server, tls).await?,
            (_, tls) => {
                AsyncSmtpConnection::connect_tokio1(address, Some(patience), &server.hello, tls.clone(), None)
                    .await
                    .map_err(|error| failed("connecting", &error))?
            }
        };
        if server.security != SmtpSecurity::None && !inner.is_encrypted() {
            return Err(Failure::later("the connection to the mail server is not encrypted"));
        }
        if let Some(credentials) = &server.credentials {
            let reply = inner.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await;
            expect("AUTH", &[235], reply).map_err(Failure::retriable)?;
        }
        Ok(Connection(inner))
    }

    /// Whether the server still listens.
    pub(super) async fn is_good(&mut self) -> bool {
        self.0.test_connected().await
    }

    /// Says who writes to whom, until the server waits for the content.
    pub(super) async fn announce(&mut self, letter: &Letter) -> Result<(), Failure> {
        let mail = self.0.command(Mail::new(Some(letter.from.clone()), Vec::new())).await;
        // A refused sender is a matter of the settings, not of this message.
        expect("MAIL", &[250], mail).map_err(Failure::retriable)?;
        let recipient = self.0.command(Rcpt::new(letter.to.clone(), Vec::new())).await;
        expect("RCPT", &[250, 251], recipient)?;
        expect("DATA", &[354], self.0.command(Data).await)
    }

    /// Gives the content and waits for the server to take it.
    pub(super) async fn hand_over(&mut self, letter: &Letter) -> Result<(), Failure> {
        expect("the mail", &[250], self.0.message(&letter.content).await)
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        let _ = timeout(GOODBYE, self.0.quit()).await;
    }
}

/// Connects in plain text and goes over to TLS; a server that does not offer it gets nothing.
async fn start_tls(server: &Server, tls: &TlsParameters) -> Result<AsyncSmtpConnection, Failure> {
    let tcp = TcpStream::connect((server.host.as_str(), server.port)).await;
    let tcp = tcp.map_err(|error| Failure::later(format!("connecting: {error}")))?;
    let mut inner = AsyncSmtpConnection::connect_with_transport(Box::new(BeforeTls::new(tcp)), &server.hello)
        .await
        .map_err(|error| failed("connecting", &error))?;
    if !inner.can_starttls() {
        return Err(Failure::later("the mail server offers no STARTTLS, so nothing is sent to it"));
    }
    inner.starttls(tls.clone(), &server.hello).await.map_err(|error| failed("STARTTLS", &error))?;
    Ok(inner)
}

/// The reply has one of these codes; else, what that means.
fn expect(step: &str, codes: &[u16], reply: Result<Response, Error>) -> Result<(), Failure> {
    match reply {
        Ok(reply) if codes.iter().any(|code| reply.has_code(*code)) => Ok(()),
        Ok(reply) => Err(Failure::later(format!("{step}: unexpected reply {}", reply.code()))),
        Err(error) => Err(failed(step, &error)),
    }
}

/// Only the 55x replies speak of the recipient or the message (RFC 5321 §4.2.1: the second digit 5);
/// other 5xx, such as a sign-in that is required or a server that is being shut down, may pass.
fn failed(step: &str, error: &Error) -> Failure {
    let Some(code) = error.status() else {
        return Failure::later(format!("{step}: {}", chain_of(error)));
    };
    let code = code.to_string();
    // The server's words may repeat the address, so only its enhanced code (RFC 3463) is kept.
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    let enhanced = words.split_whitespace().next().filter(|word| is_enhanced_code(word));
    let reason = match enhanced {
        Some(enhanced) => format!("{step}: the mail server said {code} {enhanced}"),
        None => format!("{step}: the mail server said {code}"),
    };
    if code.starts_with("55") { Failure::never(reason) } else { Failure::later(reason) }
}

fn is_enhanced_code(word: &str) -> bool {
    let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    word.split('.').count() == 3 && word.split('.').all(is_number)
}

impl Failure {
    /// The same, to be tried again in any case.
    fn retriable(self) -> Failure {
        match self {
            Failure::Never(reason) => Failure::later(reason),
            later @ Failure::Later { .. } => later,
        }
    }
}
