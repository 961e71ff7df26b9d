//! A server for tests that are about something else than limits and the cost of hashing.

use countersign_testkit::Server;

use crate::case::Case;

/// Nobody is refused for asking often, and a used token is never taken for a stolen one.
const SETTINGS: &str = "
[password]
memory_kib = 8192
iterations = 1
[sessions]
reuse_grace = \"1h\"
[limits]
sign_in_per_source_burst = 1000000
sign_in_per_account_burst = 1000000
messages_per_source_burst = 1000000
messages_per_target_burst = 1000000
registrations_per_source_burst = 1000000
client_documents_per_source_burst = 1000000
messages_per_hour = 1000000
resets_per_day = 1000000
";

/// Such a server, of its own.
pub fn generous(case: &Case) -> Case {
    case.with_own(Server::builder().config(SETTINGS))
}
