//! The record of what happened to accounts (R143): one structured line per event, without secrets
//! and without identifiers.

use countersign_model::ids::AccountId;

use crate::Source;

/// Notes an event under the log target `audit`.
pub(crate) fn audit(event: &'static str, outcome: &'static str, account: Option<AccountId>, source: Source) {
    let account = account.map(|id| id.0);
    match source {
        Source::Address(address) => {
            tracing::info!(target: "audit", event, outcome, account, source = %address);
        }
        Source::Local => tracing::info!(target: "audit", event, outcome, account, source = "operator"),
    }
}
