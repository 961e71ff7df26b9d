//! The record of what happened to accounts (R143): one structured line per event under the log target `audit`,
//! without secrets and without identifiers, with the id of the request that it happened in.

use std::fmt;
use std::future::Future;

use countersign_model::ids::AccountId;
use tracing::field::{DisplayValue, display};

use crate::Source;
use crate::repeated::Repeated;

tokio::task_local! {
    /// The id of the request that is being answered.
    static REQUEST: RequestId;
}

/// The id of a request, as the log and, on all surfaces but 002, its reply have it.
#[derive(Clone, Copy, Debug)]
pub struct RequestId(pub u64);

impl RequestId {
    /// Does the work of the request with this id.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        REQUEST.scope(self, work)
    }

    /// Of the request that is being answered; commands have none.
    fn current() -> Option<DisplayValue<RequestId>> {
        REQUEST.try_with(|id| display(*id)).ok()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Notes an event.
pub(crate) fn audit(
    event: &'static str,
    outcome: &'static str,
    account: Option<AccountId>,
    source: impl Into<Option<Source>>,
) {
    let source: Option<Source> = source.into();
    let (request_id, account, source) = (RequestId::current(), account.map(|id| id.0), source.map(display));
    tracing::info!(target: "audit", request_id, event, outcome, account, source);
}

/// The same of an event that somebody should look at: a secret is in two hands.
pub(crate) fn audit_theft(event: &'static str, outcome: &'static str, account: AccountId, source: Source) {
    let (request_id, account, source) = (RequestId::current(), account.0, display(source));
    tracing::warn!(target: "audit", request_id, event, outcome, account, source);
}

/// The same of what anybody may cause as often as they like; `client` is one that is known.
pub(crate) fn audit_repeated(
    lines: &'static Repeated,
    (event, outcome): (&'static str, &'static str),
    client: Option<&str>,
    source: Source,
) {
    if lines.may_write(|more| tracing::info!(target: "audit", more, "and {more} more such refusals")) {
        let (request_id, source) = (RequestId::current(), display(source));
        tracing::info!(target: "audit", request_id, event, outcome, client, source);
    }
}
