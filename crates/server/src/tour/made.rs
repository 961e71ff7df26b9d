//! What the tour has made at a server that stays, and how that goes again.

use countersign_ops::oauth::manage_clients::ClientError;
use countersign_ops::{AdminError, Core};

use crate::cli::output::{note, say};
use crate::failure::{Failure, Outcome};

/// What will have to go, in the order in which it was made.
#[derive(Debug, Default)]
pub struct Made(Vec<Thing>);

#[derive(Debug)]
enum Thing {
    /// By its e-mail address or username.
    Account(String),
    /// By its id.
    Client(String),
}

impl Made {
    /// An account that is being made; it may come to nothing.
    pub fn account(&mut self, name: &str) {
        self.0.push(Thing::Account(name.to_owned()));
    }

    /// A client that was made.
    pub fn client(&mut self, id: &str) {
        self.0.push(Thing::Client(id.to_owned()));
    }

    /// Closes the accounts, removes the client, and then says so: nobody need listen. `place` is how commands find the
    /// server's data.
    ///
    /// # Errors
    /// If something is left; it was named by then, with the command that removes it.
    pub async fn remove(self, core: &Core, place: &str) -> Outcome {
        let (mut gone, mut left) = (0_u32, 0_u32);
        for thing in self.0 {
            match thing.remove(core).await {
                Ok(true) => gone += 1,
                Ok(false) => {}
                Err(reason) => {
                    note(&format!("left behind: {reason}\n  {}{place}", thing.command()));
                    left += 1;
                }
            }
        }
        match (left, gone) {
            (1.., _) => Err(Failure::failed("the tour could not remove all that it has made")
                .advice("the commands above do")),
            (0, 0) => Ok(()),
            (0, _) => {
                say("\nWhat the tour has made is closed or removed again; its messages stay in the outbox.")
            }
        }
    }
}

impl Thing {
    /// Whether it was there.
    async fn remove(&self, core: &Core) -> Result<bool, String> {
        match self {
            Thing::Account(name) => {
                let closed = match core.find_account(name).await {
                    Ok(account) => core.close_account(account.id).await,
                    Err(error) => Err(error),
                };
                match closed {
                    Ok(()) => Ok(true),
                    Err(AdminError::NotFound) => Ok(false),
                    Err(error) => Err(error.to_string()),
                }
            }
            Thing::Client(id) => match core.remove_client(id).await {
                Ok(()) => Ok(true),
                Err(ClientError::NotFound) => Ok(false),
                Err(error) => Err(error.to_string()),
            },
        }
    }

    fn command(&self) -> String {
        match self {
            Thing::Account(name) => format!("countersign account close {name}"),
            Thing::Client(id) => format!("countersign client remove {id}"),
        }
    }
}
