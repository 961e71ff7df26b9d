//! A mail server that others wrote (aiosmtpd), so that our SMTP client is not judged by our own idea of SMTP.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde::Deserialize;

use crate::tls::{self, Certificate};
use crate::{poll, process, scratch};

/// How the connection to it is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// Not at all.
    None,
    /// By STARTTLS, without which it takes no mail.
    StartTls,
    /// From the first byte.
    Implicit,
}

impl MailTls {
    /// The value of `[smtp] security` that fits.
    pub fn security(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::StartTls => "starttls",
            Self::Implicit => "tls",
        }
    }
}

/// A message as received.
#[derive(Clone, Debug, Deserialize)]
pub struct Mail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The subject, decoded.
    pub subject: String,
    /// All headers, decoded, in order.
    pub headers: Vec<(String, String)>,
    /// The plain text, decoded.
    pub text: String,
    /// The HTML text, decoded; empty if there is none.
    pub html: String,
    /// The client's port: mails with the same one came over one connection.
    pub client_port: u16,
    /// Whether it came over TLS.
    pub encrypted: bool,
    /// Whether the client had signed in.
    pub authenticated: bool,
}

/// A running mail server.
#[derive(Debug)]
pub struct MailServer {
    child: Child,
    home: PathBuf,
    port: u16,
    tls: MailTls,
    certificate: Certificate,
    credentials: Option<(String, String)>,
}

impl MailServer {
    /// Starts one; with `credentials` it takes mail only after a sign-in.
    pub fn start(tls: MailTls, credentials: Option<(&str, &str)>) -> Self {
        Self::start_named(tls, credentials, &["localhost", "127.0.0.1"])
    }

    /// Starts one whose certificate is for these names, though it listens on 127.0.0.1 like all of them.
    pub fn start_named(tls: MailTls, credentials: Option<(&str, &str)>, names: &[&str]) -> Self {
        let home = scratch::directory("mail");
        let script = home.join("mail_server.py");
        fs::write(&script, include_str!("mail_server.py")).expect("a file in the run's own directory");
        let certificate = tls::certificate_for(&home, names);
        let mut command = process::mortal(python());
        command.arg(script).arg(home.join("sink")).arg(home.join("behaviour")).arg(tls.security());
        command.arg(&certificate.certificate).arg(&certificate.key);
        if let Some((user, password)) = credentials {
            command.args([user, password]);
        }
        let log = fs::File::create(home.join("log")).expect("a file in the run's own directory");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = process::spawn(command).expect("python3");
        let mut line = String::new();
        let _ = BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line);
        let port = line.trim().parse().unwrap_or_else(|_| {
            panic!(
                "no mail server (Debian: python3-aiosmtpd): {}",
                fs::read_to_string(home.join("log")).unwrap_or_default()
            )
        });
        let credentials = credentials.map(|(user, password)| (user.to_owned(), password.to_owned()));
        Self { child, home, port, tls, certificate, credentials }
    }

    /// The `[smtp]` section that makes a server send here. For TLS it must also trust [`Self::authority`].
    pub fn config(&self) -> String {
        let (port, security) = (self.port, self.tls.security());
        let mut section = format!(
            "[smtp]\nhost = \"localhost\"\nport = {port}\nsecurity = \"{security}\"\nfrom = \"accounts@example.org\"\n"
        );
        if let Some((user, password)) = &self.credentials {
            section.push_str(&format!("username = \"{user}\"\npassword = \"{password}\"\n"));
        }
        section
    }

    /// The certificate authority to be named in `SSL_CERT_FILE`.
    pub fn authority(&self) -> PathBuf {
        self.certificate.authority.clone()
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Answers every message with this reply (`451 try later`) from now on, or again takes them when `None`.
    pub fn refuse_with(&self, reply: Option<&str>) {
        let fresh = self.home.join("behaviour.new");
        fs::write(&fresh, reply.unwrap_or_default()).expect("a file of our own");
        fs::rename(fresh, self.home.join("behaviour")).expect("a file of our own");
    }

    /// Answers every recipient with this reply (`550 5.1.1 nobody here`) from now on.
    pub fn refuse_recipients_with(&self, reply: &str) {
        self.refuse_with(Some(&format!("rcpt {reply}")));
    }

    /// What has arrived so far.
    pub fn mails(&self) -> Vec<Mail> {
        let text = fs::read_to_string(self.home.join("sink")).unwrap_or_default();
        let whole_lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole_lines.map(|line| serde_json::from_str(line).expect("a line of our own format")).collect()
    }

    /// The mails once there are `count` of them.
    pub fn await_mails(&self, count: usize) -> Vec<Mail> {
        poll::until(&format!("{count} mails"), || {
            let mails = self.mails();
            (mails.len() >= count).then_some(mails)
        })
    }
}

/// A Python that has aiosmtpd: `COUNTERSIGN_TEST_PYTHON`, the first on the search path, or Debian's own.
fn python() -> OsString {
    let chosen = std::env::var_os("COUNTERSIGN_TEST_PYTHON");
    let candidates = chosen.into_iter().chain(["python3".into(), "/usr/bin/python3".into()]);
    let has_it = |python: &OsString| {
        let mut probe = Command::new(python);
        probe
            .args(["-c", "import aiosmtpd"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    candidates.into_iter().find(has_it).expect("no python3 has aiosmtpd (Debian: python3-aiosmtpd)")
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Speaks to the server with Python's own client, as a stranger would.
    fn send(server: &MailServer, steps: &str) -> bool {
        let script = format!(
            "import smtplib, ssl\nc = ssl.create_default_context(cafile={:?})\nport = {}\n{steps}\n\
             s.sendmail('a@example.org', ['b@example.org'], 'Subject: hi\\r\\n\\r\\nhello')\n",
            server.authority(),
            server.port(),
        );
        Command::new(python()).args(["-c", &script]).stderr(Stdio::null()).status().unwrap().success()
    }

    #[test]
    fn plain_mail_is_kept_and_can_be_refused() {
        let server = MailServer::start(MailTls::None, None);
        assert!(send(&server, "s = smtplib.SMTP('127.0.0.1', port)"));
        server.refuse_with(Some("451 try later"));
        assert!(!send(&server, "s = smtplib.SMTP('127.0.0.1', port)"));
        let mails = server.await_mails(1);
        assert_eq!((mails.len(), mails[0].subject.as_str(), mails[0].encrypted), (1, "hi", false));
        assert_eq!((mails[0].to[0].as_str(), mails[0].text.trim()), ("b@example.org", "hello"));
    }

    #[test]
    fn starttls_and_a_sign_in_are_demanded() {
        let server = MailServer::start(MailTls::StartTls, Some(("user", "secret")));
        assert!(!send(&server, "s = smtplib.SMTP('localhost', port)"));
        assert!(!send(&server, "s = smtplib.SMTP('localhost', port); s.starttls(context=c)"));
        assert!(!send(
            &server,
            "s = smtplib.SMTP('localhost', port); s.starttls(context=c); s.login('user', 'no')"
        ));
        assert!(send(
            &server,
            "s = smtplib.SMTP('localhost', port); s.starttls(context=c); s.login('user', 'secret')"
        ));
        let mails = server.await_mails(1);
        assert!(mails.len() == 1 && mails[0].encrypted && mails[0].authenticated);
    }

    #[test]
    fn tls_from_the_first_byte() {
        let server = MailServer::start(MailTls::Implicit, None);
        assert!(send(&server, "s = smtplib.SMTP_SSL('localhost', port, context=c)"));
        assert!(server.await_mails(1)[0].encrypted);
    }
}
