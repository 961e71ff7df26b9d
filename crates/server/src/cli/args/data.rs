//! `migrate`, `copy`, `backup` and `restore`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{Form, Place};

/// `migrate`.
#[derive(Debug, Args)]
pub struct Migrate {
    #[command(flatten)]
    pub place: Place,
    /// Apply them.
    #[arg(long)]
    pub apply: bool,
    #[command(flatten)]
    pub form: Form,
}

/// `copy`.
#[derive(Debug, Args)]
pub struct Copy {
    /// The configuration file. The copy needs none; taken so that all commands take it.
    #[arg(long, value_name = "FILE", hide = true)]
    pub config: Option<PathBuf>,
    /// The same.
    #[arg(long, value_name = "DIR", hide = true)]
    pub data_dir: Option<PathBuf>,
    /// The database to read.
    #[arg(long, value_name = "URL")]
    pub from: String,
    /// The empty database to fill.
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// Copy although a server uses what is read: what it writes meanwhile is not in the copy.
    #[arg(long)]
    pub from_running: bool,
    #[command(flatten)]
    pub form: Form,
}

/// `backup`.
#[derive(Debug, Args)]
pub struct Backup {
    #[command(flatten)]
    pub place: Place,
    /// The file to write; must not exist.
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    #[command(flatten)]
    pub form: Form,
}

/// `restore`.
#[derive(Debug, Args)]
pub struct Restore {
    #[command(flatten)]
    pub place: Place,
    /// The backup.
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    #[command(flatten)]
    pub form: Form,
}
