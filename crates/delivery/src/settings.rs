//! What an operator can set about delivery, as meant.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use countersign_model::secret::Secret;

/// How messages leave the outbox.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// Where mail goes; without it, mail stays in the outbox.
    pub smtp: Option<SmtpSettings>,
    /// Where SMS go; without it, they stay in the outbox.
    pub sms: Option<SmsSettings>,
    /// A folder with texts to be used instead of the built-in ones.
    pub templates_dir: Option<PathBuf>,
    /// After how many tries a message is given up.
    pub max_attempts: u32,
    /// How long after the first failed try the second one is; then three times as long each.
    pub first_retry: Duration,
    /// How often the outbox is looked at when nothing in this process wakes the worker: for due
    /// retries and for what other nodes have queued.
    pub poll: Duration,
}

impl Default for DeliverySettings {
    fn default() -> DeliverySettings {
        DeliverySettings {
            smtp: None,
            sms: None,
            templates_dir: None,
            max_attempts: 8,
            first_retry: Duration::from_secs(5),
            poll: Duration::from_secs(1),
        }
    }
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SmtpSecurity {
    /// By STARTTLS, without which nothing is sent.
    #[default]
    StartTls,
    /// By TLS from the first byte.
    Tls,
    /// Not at all.
    None,
}

/// The mail server.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Its name or address, which its certificate must be for.
    pub host: String,
    /// Its port; without one, 587, 465 or 25 as `security` says.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// Lets codes travel unprotected to a host that is not this machine.
    pub allow_plaintext: bool,
    /// A file of certificates (PEM) to be trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Who to sign in as; without it, nobody signs in.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The sender: `accounts@example.org` or `Accounts <accounts@example.org>`.
    pub from: String,
    /// How long a mail may take until the server has its content. For its word that it took the
    /// content the worker waits three times as long: a mail that is given up too early is sent twice.
    pub timeout: Duration,
}

impl Default for SmtpSettings {
    fn default() -> SmtpSettings {
        SmtpSettings {
            host: String::new(),
            port: None,
            security: SmtpSecurity::default(),
            allow_plaintext: false,
            ca_file: None,
            username: None,
            password: None,
            from: String::new(),
            timeout: Duration::from_secs(20),
        }
    }
}

/// What the SMS gateway expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SmsFormat {
    /// A form with `To`, `From` and `Body`, and basic authentication, as Twilio takes it.
    #[default]
    Twilio,
    /// A JSON text of the operator's making.
    Json,
}

/// The SMS gateway.
#[derive(Clone, Debug)]
pub struct SmsSettings {
    /// Where to post to; needed unless Twilio itself is meant.
    pub url: Option<String>,
    /// What it expects.
    pub format: SmsFormat,
    /// Lets codes travel unprotected to a host that is not this machine.
    pub allow_plaintext: bool,
    /// A file of certificates (PEM) to be trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Twilio: the account.
    pub account_sid: Option<String>,
    /// Twilio: its secret.
    pub auth_token: Option<Secret>,
    /// The sending number or name.
    pub from: Option<String>,
    /// JSON: the body, with `{{to}}`, `{{text}}` and, if wanted, `{{from}}` inside its strings.
    pub template: Option<String>,
    /// Header fields to send along, such as `Authorization`.
    pub headers: BTreeMap<String, Secret>,
    /// How long one message may take.
    pub timeout: Duration,
}

impl Default for SmsSettings {
    fn default() -> SmsSettings {
        SmsSettings {
            url: None,
            format: SmsFormat::default(),
            allow_plaintext: false,
            ca_file: None,
            account_sid: None,
            auth_token: None,
            from: None,
            template: None,
            headers: BTreeMap::new(),
            timeout: Duration::from_secs(20),
        }
    }
}

/// What is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// A setting without which another one is of no use.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A setting that cannot be used.
    #[error("`{setting}`: {problem}")]
    Invalid {
        /// Its name, as in the configuration file.
        setting: &'static str,
        /// What is wrong with it; without secrets.
        problem: String,
    },
    /// Codes would travel unprotected.
    #[error(
        "`{setting}` sends codes unprotected to {host}; use TLS, or set `{section}.allow_plaintext = true` if the network is safe"
    )]
    Plaintext {
        /// The setting that says so.
        setting: &'static str,
        /// Its section.
        section: &'static str,
        /// The host.
        host: String,
    },
    /// A text of a message.
    #[error("`{TEMPLATES}`: {0}")]
    Template(#[from] crate::templates::TemplateError),
}

/// The folder of the texts, as in the configuration file.
const TEMPLATES: &str = "delivery.templates_dir";

impl SetupError {
    /// The setting that is missing or wrong, as in the configuration file.
    pub fn setting(&self) -> &'static str {
        match self {
            SetupError::Missing(setting)
            | SetupError::Invalid { setting, .. }
            | SetupError::Plaintext { setting, .. } => setting,
            SetupError::Template(_) => TEMPLATES,
        }
    }
}

/// Whether a host is this machine, so that nobody is on the way to it.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_its_names_and_addresses_only() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example.com", "127.0.0.1.example.com", "10.0.0.1", "", "mail.example.com"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
