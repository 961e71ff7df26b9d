//! Tells clients of log-outs. Each client has a lane of its own while there is something to tell it, so that
//! one that is slow or gone delays no other. Clients that nobody has looked at share places of their own: anybody can
//! register any number of slow ones.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use countersign_ops::Core;
use countersign_ops::oauth::deliver_logouts::{Logout, ToTell};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::backoff;
use crate::worker::{LAST_SENDS, STORE_TIME, note};

/// How many clients of an operator are told something at once, and how many others.
const AT_ONCE: usize = 32;

/// How many log-outs one client is told of at once.
const OF_ONE_CLIENT: u32 = 4;

/// How many of each wait for their turn here; the others wait in the store.
const LANES: usize = 1000;

/// Longer than a try takes.
const TRY: Duration = Duration::from_secs(10);

/// What the lanes share.
pub(crate) struct Logouts {
    core: Arc<Core>,
    max_attempts: u32,
    first_retry: Duration,
    places_of_operators: Semaphore,
    places_of_others: Semaphore,
}

impl Logouts {
    /// Tries as often as messages are tried.
    pub(crate) fn new(core: Arc<Core>, max_attempts: u32, first_retry: Duration) -> Logouts {
        let (places_of_operators, places_of_others) = (Semaphore::new(AT_ONCE), Semaphore::new(AT_ONCE));
        Logouts { core, max_attempts, first_retry, places_of_operators, places_of_others }
    }

    fn places(&self, of_operators: bool) -> &Semaphore {
        if of_operators { &self.places_of_operators } else { &self.places_of_others }
    }
}

/// A client that is being told something.
struct Busy {
    lane: AbortHandle,
    of_operators: bool,
}

/// Tells clients what is due whenever it is woken, until it is stopped.
pub(crate) async fn tell_all(shared: Arc<Logouts>, wake: Arc<Notify>, mut stopped: watch::Receiver<bool>) {
    let mut lanes = JoinSet::new();
    let mut busy = HashMap::new();
    while !*stopped.borrow() {
        busy.retain(|_, busy: &mut Busy| !busy.lane.is_finished());
        for of_operators in [true, false] {
            let mut count = busy.values().filter(|busy| busy.of_operators == of_operators).count();
            // Those that have a lane may be among them, and the store's own log tells of its outages.
            let limit = u32::try_from(LANES + count).unwrap_or(u32::MAX);
            let due = shared.core.clients_to_tell(of_operators, limit).await.unwrap_or_default();
            for client in due {
                if count < LANES && !busy.contains_key(&client.no) {
                    let no = client.no;
                    let told = lane(Arc::clone(&shared), client, of_operators, stopped.clone());
                    busy.insert(no, Busy { lane: lanes.spawn(told), of_operators });
                    count += 1;
                }
            }
        }
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => {}
            () = wake.notified() => {}
            Some(_) = lanes.join_next() => {}
        }
    }
    let finished = async { while lanes.join_next().await.is_some() {} };
    if timeout(LAST_SENDS, finished).await.is_err() {
        tracing::warn!("log-outs that clients were being told of are told again after the next start");
    }
}

/// Tells one client all that is due. After a failure it is left alone for a while, whatever else is due.
async fn lane(shared: Arc<Logouts>, client: ToTell, of_operators: bool, mut stopped: watch::Receiver<bool>) {
    let mut heard = true;
    while heard && !*stopped.borrow() {
        let Ok(place) = shared.places(of_operators).acquire().await else { return };
        let leased = shared.core.lease_logouts(client.no, OF_ONE_CLIENT, TRY + STORE_TIME).await;
        if leased.as_ref().is_ok_and(Vec::is_empty) {
            return;
        }
        heard = leased.is_ok();
        let mut tries = JoinSet::new();
        for logout in leased.unwrap_or_default() {
            tries.spawn(tell(Arc::clone(&shared), client.id.clone(), logout));
        }
        while let Some(told) = tries.join_next().await {
            heard &= told.unwrap_or(false);
        }
        drop(place);
    }
    tokio::select! {
        _ = stopped.wait_for(|stopped| *stopped) => {}
        () = sleep(shared.first_retry) => {}
    }
}

/// Tells a client of one log-out and notes in the store what became of it. `false` if there was no answer
/// that settles it.
async fn tell(shared: Arc<Logouts>, client: Option<String>, logout: Logout) -> bool {
    let client = client.as_deref();
    let session = logout.session;
    let attempts = u32::try_from(logout.attempts).unwrap_or(u32::MAX).max(1);
    let core = &shared.core;
    let Err(error) = core.tell_logout(&logout).await else {
        tracing::info!(client, attempts, "client told of a log-out");
        note(|| core.complete_logout(session)).await;
        return true;
    };
    let next = (!error.is_final() && attempts < shared.max_attempts)
        .then(|| backoff::pause(shared.first_retry, attempts, &core.random));
    let reason = error.to_string();
    match next.map(|next| next.as_secs()) {
        Some(seconds) => {
            tracing::warn!(
                client,
                attempts,
                reason,
                seconds,
                "client not told of a log-out; tried again later"
            );
        }
        None => tracing::error!(client, attempts, reason, "client not told of a log-out; given up"),
    }
    note(|| core.fail_logout(session, &reason, next)).await;
    error.is_final()
}
