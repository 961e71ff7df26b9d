//! Mail by SMTP.

mod before_tls;
mod compose;
mod connection;

use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use countersign_model::message::Message;
use countersign_model::time::Stopwatch;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use tokio::time::timeout;

use crate::failure::Failure;
use crate::settings::{SetupError, SmtpSecurity, SmtpSettings, is_loopback};
use compose::Letter;
use connection::Connection;

/// How long an unused connection is kept for the next mail. Servers close theirs after minutes.
const IDLE: Duration = Duration::from_secs(20);

/// How many times `timeout` the server has for its last word (RFC 5321 §4.5.3.2.6: a client that
/// does not wait for it makes the server deliver twice).
const LAST_WORD: u32 = 3;

/// The way to the mail server.
pub struct Smtp {
    server: Server,
    from: Mailbox,
    timeout: Duration,
    /// Connections that wait for the next mail. One is taken out while it is used, so that a send
    /// that was given up half-way cannot leave a confused connection behind.
    idle: Mutex<Vec<(Connection, Stopwatch)>>,
}

/// What a connection needs.
struct Server {
    host: String,
    port: u16,
    security: SmtpSecurity,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    hello: ClientId,
}

impl Smtp {
    /// Reads the settings; connects to nobody yet. `site` is the name to say hello with.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(settings: &SmtpSettings, site: &str) -> Result<Smtp, SetupError> {
        let host = settings.host.trim().to_owned();
        if host.is_empty() {
            return Err(SetupError::Missing("smtp.host"));
        }
        if settings.from.trim().is_empty() {
            return Err(SetupError::Missing("smtp.from"));
        }
        let from = settings.from.parse().map_err(|error| invalid("smtp.from", format!("{error}")))?;
        let tls = match settings.security {
            SmtpSecurity::StartTls | SmtpSecurity::Tls => Some(tls_parameters(settings, &host)?),
            SmtpSecurity::None => {
                plaintext(settings, &host)?;
                None
            }
        };
        let default_port = match settings.security {
            SmtpSecurity::StartTls => 587,
            SmtpSecurity::Tls => 465,
            SmtpSecurity::None => 25,
        };
        let server = Server {
            port: settings.port.unwrap_or(default_port),
            security: settings.security,
            tls,
            credentials: credentials(settings)?,
            hello: hello(site),
            host,
        };
        Ok(Smtp { server, from, timeout: settings.timeout, idle: Mutex::default() })
    }

    /// Connects, protects the connection and signs in, as for a mail, and says goodbye.
    pub(crate) async fn test(&self, patience: Duration) -> Result<(), Failure> {
        let opened = timeout(patience, Connection::open(&self.server, patience)).await;
        opened.unwrap_or_else(|_| Err(Failure::later("it does not answer in time")))?.close().await;
        Ok(())
    }

    /// The longest that [`Smtp::send`] takes.
    pub(crate) fn longest(&self) -> Duration {
        self.timeout.saturating_mul(1 + LAST_WORD)
    }

    /// Sends one mail.
    pub(crate) async fn send(
        &self,
        message: &Message,
        to: &str,
        subject: &str,
        text: String,
        html: String,
    ) -> Result<(), Failure> {
        let letter = Letter::compose(&self.from, message, to, subject, text, html)?;
        let prepared = timeout(self.timeout, async {
            let mut connection = self.connection().await?;
            connection.announce(&letter).await?;
            Ok::<Connection, Failure>(connection)
        });
        let mut connection =
            prepared.await.unwrap_or_else(|_| Err(self.too_slow("no mail could be given")))?;
        timeout(self.timeout.saturating_mul(LAST_WORD), connection.hand_over(&letter))
            .await
            .unwrap_or_else(|_| Err(self.too_slow("the mail was given, but not acknowledged")))?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((connection, Stopwatch::start()));
        Ok(())
    }

    /// Closes connections that nobody has used for a while.
    pub(crate) fn tidy(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        for (connection, _) in idle.extract_if(.., |(_, since)| since.elapsed() > IDLE) {
            tokio::spawn(connection.close());
        }
    }

    /// One that is still good, or a new one.
    async fn connection(&self) -> Result<Connection, Failure> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match idle {
                None => return Connection::open(&self.server, self.timeout).await,
                Some((mut connection, since)) => {
                    if since.elapsed() <= IDLE && connection.is_good().await {
                        return Ok(connection);
                    }
                }
            }
        }
    }

    fn too_slow(&self, what: &str) -> Failure {
        Failure::later(format!("the mail server is too slow: {what} in time"))
    }
}

/// Whether mail could be given to this server now: name, certificate and password included.
///
/// # Errors
/// Why not, in words without secrets.
pub async fn test_mail_server(settings: &SmtpSettings, site: &str, patience: Duration) -> Result<(), String> {
    let smtp = Smtp::new(settings, site).map_err(|error| error.to_string())?;
    smtp.test(patience).await.map_err(|failure| failure.to_string())
}

fn invalid(setting: &'static str, problem: String) -> SetupError {
    SetupError::Invalid { setting, problem }
}

fn tls_parameters(settings: &SmtpSettings, host: &str) -> Result<TlsParameters, SetupError> {
    // The builder's defaults are what is wanted: TLS 1.2 and later, the system's authorities,
    // certificates and host names verified (R138, CVE-2026-46428).
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = &settings.ca_file {
        let named = |problem: String| invalid("smtp.ca_file", format!("{}: {problem}", path.display()));
        let pem = fs::read(path).map_err(|error| named(error.to_string()))?;
        builder = builder
            .add_root_certificate(Certificate::from_pem(&pem).map_err(|error| named(error.to_string()))?);
    }
    builder.build().map_err(|error| invalid("smtp.security", error.to_string()))
}

/// Without TLS only to this machine, or where the operator vouches for the network.
fn plaintext(settings: &SmtpSettings, host: &str) -> Result<(), SetupError> {
    if !is_loopback(host) {
        if !settings.allow_plaintext {
            return Err(SetupError::Plaintext {
                setting: "smtp.security",
                section: "smtp",
                host: host.to_owned(),
            });
        }
        tracing::warn!(host, "mail with codes and links travels unprotected: smtp.security is \"none\"");
    }
    Ok(())
}

fn credentials(settings: &SmtpSettings) -> Result<Option<Credentials>, SetupError> {
    match (&settings.username, &settings.password) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(SetupError::Missing("smtp.password")),
        (None, Some(_)) => Err(SetupError::Missing("smtp.username")),
        (Some(username), Some(password)) => {
            Ok(Some(Credentials::new(username.clone(), password.reveal().to_owned())))
        }
    }
}

/// RFC 5321 §4.1.1.1: a domain name if there is one, else an address literal.
fn hello(site: &str) -> ClientId {
    let is_domain =
        site.contains('.') && site.split('.').next_back().is_some_and(|top| top.parse::<u8>().is_err());
    if is_domain && !site.starts_with('[') { ClientId::Domain(site.to_owned()) } else { ClientId::default() }
}

#[cfg(test)]
mod tests;
