//! The grammar of the command line.

mod access;
mod account;
mod client;
mod data;
mod outbox;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use countersign_model::key::Algorithm;

use crate::config::{Flags, MasterKeySource, without_password};
pub use access::{All, Group, Holder, Named, Role};
pub use account::{Account, AddAccount, PasswordSource, Which};
pub use client::{AddClient, ClientCommand, Said, WhichClient, joined};
pub use data::{Backup, Copy, Migrate, Restore};
pub use outbox::{Outbox, State};

/// One account server: five published authentication APIs, OAuth 2 and OpenID Connect.
///
/// Without any configuration, `countersign serve` runs for this machine only and keeps everything in
/// ./countersign-data. Settings come from countersign.toml (in that directory or the current one),
/// COUNTERSIGN_… environment variables and flags, the later winning.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(after_help = "First steps:\n  countersign serve          start a server for this machine\n  \
                        countersign tour           see all surfaces at work\n  \
                        countersign outbox list    read the messages it has written\n  \
                        countersign client add     add an application that people sign in to\n  \
                        countersign doctor         what is missing for production")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server.
    Serve(Serve),
    /// Walk through all surfaces like a user, and show every request and answer.
    ///
    /// Uses the server at --url, or the one that runs on the same data
    /// directory, or else starts one of its own on a temporary folder.
    Tour(Tour),
    /// Make, list and change accounts.
    #[command(subcommand)]
    Account(Account),
    /// Make groups of accounts: who may use which application.
    #[command(subcommand)]
    Group(Group),
    /// Make roles and give them to accounts and groups.
    #[command(subcommand)]
    Role(Role),
    /// Make, list and change the clients of OAuth and OpenID Connect.
    #[command(subcommand)]
    Client(ClientCommand),
    /// Read and manage the messages that wait to be sent.
    #[command(subcommand)]
    Outbox(Outbox),
    /// Check the configuration or show it with the origin of each value.
    #[command(subcommand)]
    Config(Config),
    /// Show which migrations the database lacks; apply them with --apply.
    Migrate(Migrate),
    /// Copy all data from one database to another, empty one, and compare them.
    ///
    /// Stop the servers first: what is written while copying is missed. A SQLite file that is in use is refused.
    #[command(
        after_help = "Example:\n  countersign copy --from sqlite:countersign-data/countersign.db \\\n    \
                            --to postgres://countersign@localhost/countersign"
    )]
    Copy(Copy),
    /// Write a consistent copy of the database to a file, also while the server runs.
    ///
    /// The file is a SQLite database whatever the source is. It opens only with the master key, which is
    /// not in it: keep a copy of master.key in another place.
    Backup(Backup),
    /// Put a backup into an empty database.
    Restore(Restore),
    /// Look at a token: what it says, who signed it, whether it works.
    #[command(subcommand)]
    Token(Token),
    /// List, rotate and revoke signing keys.
    #[command(subcommand)]
    Keys(Keys),
    /// Look for what is wrong or missing, and say what to do about it.
    Doctor(Doctor),
    /// Print completions for a shell.
    #[command(after_help = "Example:\n  countersign completions bash > /etc/bash_completion.d/countersign")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Where the configuration and the data are.
#[derive(Clone, Debug, Default, Args)]
pub struct Place {
    /// The configuration file, instead of countersign.toml in the data directory and here.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Where keys, certificates and the embedded database are [default: ./countersign-data].
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub data_dir: Option<PathBuf>,
    /// sqlite:PATH or postgres://user@host:port/database [default: countersign.db in the data directory].
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
}

impl Place {
    /// As the configuration takes it.
    pub fn flags(&self) -> Flags {
        Flags {
            config: self.config.clone(),
            data_dir: self.data_dir.clone(),
            database: self.database.clone(),
            ..Flags::default()
        }
    }

    /// The flags as they were given, for the next command to try.
    pub fn again(&self) -> String {
        let config = self.config.as_ref().map(|path| format!(" --config {}", path.display()));
        let data_dir = self.data_dir.as_ref().map(|path| format!(" --data-dir {}", path.display()));
        let database = self.database.as_ref().map(|url| format!(" --database {}", without_password(url)));
        [config, data_dir, database].into_iter().flatten().collect()
    }
}

/// What a server takes from the command line.
#[derive(Debug, Args)]
pub struct ServerFlags {
    #[command(flatten)]
    pub place: Place,
    /// Address of the HTTP listener [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Address of the line listener (TLS) [default: 127.0.0.1:8081].
    #[arg(long, value_name = "ADDR")]
    line_listen: Option<String>,
    /// Address of the metrics listener [default: 127.0.0.1:8082].
    #[arg(long, value_name = "ADDR")]
    metrics_listen: Option<String>,
    /// The URL under which clients reach the server: the base of links in messages.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

impl ServerFlags {
    /// As the configuration takes it.
    pub fn flags(&self) -> Flags {
        Flags {
            listen: self.listen.clone(),
            line_listen: self.line_listen.clone(),
            metrics_listen: self.metrics_listen.clone(),
            public_url: self.public_url.clone(),
            ..self.place.flags()
        }
    }
}

/// `serve`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  countersign serve\n  countersign serve --data-dir /var/lib/countersign \
                        --config /etc/countersign.toml\n  countersign serve --listen 0.0.0.0:443 \
                        --public-url https://accounts.example.com   (needs [tls] in the configuration)"
)]
pub struct Serve {
    #[command(flatten)]
    pub server: ServerFlags,
    /// When ready, print one JSON line with the addresses instead of text.
    #[arg(long, hide = true)]
    pub print_addresses_json: bool,
}

/// `tour`.
#[derive(Debug, Args)]
pub struct Tour {
    /// Where the running server's data is: the tour reads codes from its outbox.
    #[command(flatten)]
    pub place: Place,
    /// The running server.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The running server's line listener [default: the port that is configured, on the URL's host].
    #[arg(long, value_name = "HOST:PORT", requires = "url")]
    pub line: Option<String>,
}

/// A list for people or for programs.
#[derive(Clone, Copy, Debug, Args)]
pub struct Form {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `config`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Say what is wrong with the configuration, and with the flags that `serve` gets.
    Check(ServerFlags),
    /// Show every setting with its origin; secrets are masked.
    Show {
        #[command(flatten)]
        place: Place,
        /// Only what somebody has set.
        #[arg(long)]
        set: bool,
        #[command(flatten)]
        form: Form,
    },
    /// Show what `apply` would change: the clients of `[[clients]]` against those that are there.
    Plan {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        form: Form,
    },
    /// Add, change and remove clients so that they are as `[[clients]]` says; the server does so when it
    /// starts.
    Apply {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        form: Form,
    },
}

/// What a key signs.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Purpose {
    /// ID tokens and access tokens.
    Oauth,
    /// Layer identity tokens of document 004.
    Layer,
}

/// `token`.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Show what a token is: the claims of a signed one, and what introspection says of it.
    Inspect {
        #[command(flatten)]
        place: Place,
        /// The token. The list of processes shows it to others on this machine while it runs.
        token: String,
        #[command(flatten)]
        form: Form,
    },
    /// Something else: most likely the token itself.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// `keys`.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// List the keys with their public parts.
    List {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        form: Form,
    },
    /// Let another key sign from now on; what the old one signed still verifies.
    ///
    /// For OAuth it is the one that has been published for this. Running servers follow within five seconds.
    Rotate {
        #[command(flatten)]
        place: Place,
        /// What it signs.
        purpose: Purpose,
        /// Which of OAuth's keys: ES256, RS256 or EdDSA.
        #[arg(long, value_name = "ALG", default_value = "ES256", value_parser = algorithm)]
        algorithm: Algorithm,
        #[command(flatten)]
        form: Form,
    },
    /// Remove a key of OAuth at once: what it signed verifies no more.
    ///
    /// For a key that others may have. Running servers follow within five seconds; whoever has kept the
    /// published keys takes longer.
    Revoke {
        #[command(flatten)]
        place: Place,
        /// The key's id.
        kid: String,
    },
    /// Change the master key, while servers run or not; they go on with what they have open.
    ///
    /// A key in the data directory is replaced in one go; the old one stays beside it for back-ups made
    /// before. A key of your own is changed in three steps: --to, then the new source in the
    /// configuration and a restart of every server, then --finish. Until then both keys open the data.
    #[command(after_help = "Examples:\n  countersign keys rotate-master\n  \
                            countersign keys rotate-master --to file:/etc/countersign/key-2\n  \
                            countersign keys rotate-master --finish")]
    RotateMaster {
        #[command(flatten)]
        place: Place,
        /// Let this key open the data too: file:PATH (made if it is not there), environment:NAME or
        /// command:COMMAND.
        #[arg(long, value_name = "SOURCE", value_parser = key_source)]
        to: Option<MasterKeySource>,
        /// Let no key but the configured one open the data.
        #[arg(long, conflicts_with = "to")]
        finish: bool,
    },
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    let is_it = |algorithm: &Algorithm| algorithm.name().eq_ignore_ascii_case(text);
    Algorithm::ALL.into_iter().find(is_it).ok_or_else(|| "write ES256, RS256 or EdDSA".to_owned())
}

fn key_source(text: &str) -> Result<MasterKeySource, String> {
    let named = |value: &str| (!value.is_empty()).then(|| value.to_owned());
    let source = match text.split_once(':') {
        Some(("file", path)) => named(path).map(|path| MasterKeySource::File(path.into())),
        Some(("environment", name)) => named(name).map(MasterKeySource::Environment),
        Some(("command", command)) => named(command).map(MasterKeySource::Command),
        _ => None,
    };
    source.ok_or_else(|| "write file:PATH, environment:NAME or command:COMMAND".to_owned())
}

/// `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub form: Form,
}
