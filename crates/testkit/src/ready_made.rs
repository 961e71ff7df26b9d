//! What servers start from that need not start from nothing.

use std::path::Path;
use std::sync::OnceLock;

use crate::{Engine, Server, poll, scratch};

/// Copies the files of a server that has made its keys to a new data directory; its database is not among them unless
/// it is a file.
pub(crate) fn copy(engine: Engine, data: &Path) -> &'static Server {
    let made = server(engine);
    scratch::copy_files(&made.data_dir(), data);
    made
}

/// A server that has made its keys and was stopped, for others to start from.
fn server(engine: Engine) -> &'static Server {
    static SQLITE: OnceLock<Server> = OnceLock::new();
    static POSTGRES: OnceLock<Server> = OnceLock::new();
    let place = match engine {
        Engine::Sqlite => &SQLITE,
        Engine::Postgres => &POSTGRES,
    };
    place.get_or_init(|| {
        let mut server = Server::builder().engine(engine).fresh().start();
        // Of RSA, the slowest: one for Layer, one that signs for OAuth, and the next one.
        poll::until("the server's keys", || {
            let keys = server.command(&["keys", "list", "--json"]);
            let text = String::from_utf8_lossy(&keys.stdout);
            (text.matches("\"RS256\"").count() >= 3).then_some(())
        });
        server.terminate(poll::PATIENCE);
        server
    })
}
