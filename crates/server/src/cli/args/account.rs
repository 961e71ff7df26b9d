//! `account`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::{Form, Place};

/// Which account.
#[derive(Debug, Args)]
pub struct Which {
    #[command(flatten)]
    pub place: Place,
    /// Its id, UUID, username, e-mail address or phone number.
    #[arg(value_name = "ACCOUNT", allow_hyphen_values = true)]
    pub account: String,
    #[command(flatten)]
    pub form: Form,
}

/// `account`.
#[derive(Debug, Subcommand)]
pub enum Account {
    /// Make an account; its identifiers count as verified.
    Add(AddAccount),
    /// List accounts.
    List {
        #[command(flatten)]
        place: Place,
        /// At most so many.
        #[arg(long, default_value_t = 1000, value_name = "COUNT")]
        limit: u32,
        /// Those whose ids come after this one.
        #[arg(long, value_name = "ID")]
        after: Option<i64>,
        #[command(flatten)]
        form: Form,
    },
    /// Show an account.
    Show(Which),
    /// Stop an account and end its sessions.
    Suspend(Which),
    /// Let a suspended account be used again.
    Restore(Which),
    /// End an account for good: its identifiers become free, its ids are never given out again.
    Close(Which),
    /// Set an account's password and end all its sessions.
    SetPassword {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// List an account's sessions, or end them.
    Sessions {
        #[command(flatten)]
        which: Which,
        /// End the session with this id.
        #[arg(long, value_name = "SESSION", conflicts_with = "end_all")]
        end: Option<i64>,
        /// End all of them.
        #[arg(long)]
        end_all: bool,
    },
}

/// `account add`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign account add --email alice@example.com --username alice")]
#[command(group = clap::ArgGroup::new("identifier").required(true).multiple(true))]
pub struct AddAccount {
    #[command(flatten)]
    pub place: Place,
    /// Its name.
    #[arg(long, group = "identifier")]
    pub username: Option<String>,
    /// Its e-mail address.
    #[arg(long, group = "identifier")]
    pub email: Option<String>,
    /// Its phone number.
    #[arg(long, group = "identifier")]
    pub phone: Option<String>,
    /// Its owner's first name.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub first_name: String,
    /// Its owner's last name.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub last_name: String,
    #[command(flatten)]
    pub password: PasswordSource,
    /// No password: the owner sets one by a reset.
    #[arg(long, conflicts_with_all = ["password_stdin", "password_file", "password_hash_file"])]
    pub no_password: bool,
    /// A file with a password hash of another system (Argon2, bcrypt, scrypt, PBKDF2, Django's forms).
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["password_stdin", "password_file"])]
    pub password_hash_file: Option<PathBuf>,
    #[command(flatten)]
    pub form: Form,
}

/// Where a password comes from: never from the command line, which others can read.
#[derive(Debug, Args)]
pub struct PasswordSource {
    /// Read the password from the first line of standard input instead of asking for it.
    #[arg(long)]
    pub password_stdin: bool,
    /// Read the password from the first line of a file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "password_stdin")]
    pub password_file: Option<PathBuf>,
}
