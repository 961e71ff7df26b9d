//! `group` and `role`.

use clap::{Args, Subcommand};

use super::{Form, Place};

/// A group or a role.
#[derive(Debug, Args)]
pub struct Named {
    #[command(flatten)]
    pub place: Place,
    /// Its name.
    pub name: String,
    #[command(flatten)]
    pub form: Form,
}

/// A list of all.
#[derive(Debug, Args)]
pub struct All {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub form: Form,
}

/// `group`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  countersign group add staff\n  \
                        countersign group grant staff alice@example.com")]
pub enum Group {
    /// Make a group.
    Add(Named),
    /// Remove a group: nobody is in it any more.
    Remove(Named),
    /// List the groups.
    List(All),
    /// List the members of a group.
    Members(Named),
    /// Put an account into a group.
    Grant {
        #[command(flatten)]
        group: Named,
        /// Its id, UUID, username, e-mail address or phone number.
        account: String,
    },
    /// Take an account out of a group.
    Withdraw {
        #[command(flatten)]
        group: Named,
        /// Its id, UUID, username, e-mail address or phone number.
        account: String,
    },
}

/// Who is to have a role.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Holder {
    /// An account: its id, UUID, username, e-mail address or phone number.
    #[arg(long)]
    pub account: Option<String>,
    /// All members of a group.
    #[arg(long)]
    pub group: Option<String>,
}

/// `role`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  countersign role add editor\n  \
                        countersign role grant editor --group staff")]
pub enum Role {
    /// Make a role.
    Add(Named),
    /// Remove a role: nobody has it any more.
    Remove(Named),
    /// List the roles, or those of one account.
    List {
        #[command(flatten)]
        all: All,
        /// Only those of this account, by its groups too.
        #[arg(long)]
        account: Option<String>,
    },
    /// Give a role.
    Grant {
        #[command(flatten)]
        role: Named,
        #[command(flatten)]
        holder: Holder,
    },
    /// Take a role back.
    Withdraw {
        #[command(flatten)]
        role: Named,
        #[command(flatten)]
        holder: Holder,
    },
}
