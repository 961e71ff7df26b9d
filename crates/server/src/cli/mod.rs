//! The command line.

pub mod args;

use args::Command;

use crate::config::{self};
use crate::failure::{Failure, Outcome};
use crate::serve::{self, Announcement};

/// Does what was asked for.
///
/// # Errors
/// What the process is to say and exit with.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Serve(serve) => {
            let announcement = match serve.print_addresses_json {
                true => Announcement::AddressesJson,
                false => Announcement::Text,
            };
            serve::run(config::load(serve.flags())?, announcement).await
        }
        _ => Err(Failure::failed("not yet")),
    }
}
