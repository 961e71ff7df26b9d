//! The command line.

mod account;
pub mod args;
pub mod client;
mod config;
mod data;
mod group;
mod keys;
mod migrate;
mod outbox;
pub mod output;
mod password;
mod progress;
mod role;
mod token;

use std::io;
use std::sync::Arc;

use clap::CommandFactory;
use countersign_model::password::Fault;
use countersign_ops::AdminError;
use countersign_ops::Core;

use args::{Arguments, Command, Place};

use crate::failure::{Failure, Outcome};
use crate::open::Opener;
use crate::serve::{self, Announcement};
use crate::{open as opening, telemetry};

/// Does what was asked for.
///
/// # Errors
/// What the process is to say and exit with.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Serve(serve) => {
            let announcement = match serve.print_addresses_json {
                true => Announcement::AddressesJson,
                false => Announcement::Text { place: serve.server.place.again() },
            };
            serve::run(crate::config::load(serve.server.flags())?, announcement).await
        }
        Command::Account(command) => account::run(command).await,
        Command::Group(command) => group::run(command).await,
        Command::Role(command) => role::run(command).await,
        Command::Client(command) => client::run(command).await,
        Command::Outbox(command) => outbox::run(command).await,
        Command::Config(command) => config::run(command).await,
        Command::Keys(command) => keys::run(command).await,
        Command::Token(command) => token::run(command).await,
        Command::Tour(arguments) => crate::tour::run(arguments).await,
        Command::Copy(arguments) => data::copy(arguments).await,
        Command::Backup(arguments) => data::backup(arguments).await,
        Command::Restore(arguments) => data::restore(arguments).await,
        Command::Migrate(arguments) => migrate::run(arguments).await,
        Command::Doctor(arguments) => crate::doctor::run(arguments).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "countersign", &mut script);
            Ok(io::Write::write_all(&mut io::stdout().lock(), &script)?)
        }
    }
}

/// Opens the data that a command works on.
async fn open(place: &Place, opener: Opener) -> Outcome<Arc<Core>> {
    telemetry::start_for_command();
    let config = crate::config::load(place.flags())?;
    opening::open(&config.settings, opener).await
}

/// What could not be done with something that an operator has named; the command `list` shows what there is to name.
fn with_named(error: &AdminError, what: &str, list: &str) -> Failure {
    let failure = admin(error, what);
    if matches!(error, AdminError::NotFound) {
        failure.advice(format!("`countersign {list}` shows what is there"))
    } else {
        failure
    }
}

/// What an operator's operation could not do; `what` is what it was about.
fn admin(error: &AdminError, what: &str) -> Failure {
    match error {
        AdminError::NotFound => Failure::failed(format!("not found: {what}")),
        AdminError::KeyFromFile => Failure::failed("the Layer key is the one of `layer.key_file`").advice(
            "put another key into that file, and another `layer.key_id` into the configuration if \
                     one is set; then restart the server",
        ),
        AdminError::Taken(kind) => {
            Failure::failed(format!("another account has this {} already", account::kind_name(*kind))).advice(
                "`countersign account show` with it tells whose it is; an account that nobody has proven to be theirs \
                 can be closed with `countersign account close`",
            )
        }
        AdminError::Password(faults) => {
            let faults: Vec<String> = faults.iter().map(Fault::to_string).collect();
            Failure::failed(format!("the password is {}", faults.join(" and ")))
        }
        AdminError::HashUnknown => Failure::failed("the password hash is of no known form")
            .advice("known are Argon2, bcrypt, scrypt and PBKDF2 in PHC or crypt form, and those of Django"),
        AdminError::Unavailable(error) => {
            Failure::failed(error).advice("`countersign doctor` looks for the reason")
        }
    }
}
