//! What `/metrics` says: the counters of this crate and the state of the hash pool.

use countersign_model::message::MessageState;
use countersign_ops::hasher::Load;

use crate::metrics::Text;
use crate::service::App;

impl App {
    /// Everything that is counted, in the text format that Prometheus reads. The outbox is counted in
    /// the store, so it is left out while that is away.
    pub async fn metrics_text(&self) -> String {
        let mut out = Text::default();
        self.metrics().write_to(&mut out);
        write_hashing(&mut out, &self.0.core.hasher.load());
        if let Ok(counts) = self.0.core.count_messages().await {
            write_outbox(&mut out, &counts);
        }
        out.0
    }
}

fn write_outbox(out: &mut Text, counts: &[(MessageState, i64)]) {
    out.family("countersign_outbox_messages", "gauge", "Messages in the outbox, by state.");
    for state in MessageState::ALL {
        let count = counts.iter().find(|(of, _)| *of == state).map_or(0, |(_, count)| *count);
        out.sample("countersign_outbox_messages", &[("state", state.name())], count);
    }
}

fn write_hashing(out: &mut Text, load: &Load) {
    out.family("countersign_hash_threads", "gauge", "Threads that hash passwords.");
    out.sample("countersign_hash_threads", &[], load.threads);
    out.family("countersign_hash_admitted", "gauge", "Requests that were promised a hash and still run.");
    out.sample("countersign_hash_admitted", &[], load.admitted);
    out.family("countersign_hash_queue", "gauge", "Hashes that wait for a thread.");
    out.sample("countersign_hash_queue", &[], load.queued);
    out.family("countersign_hash_refused_total", "counter", "Requests refused since too many waited.");
    out.sample("countersign_hash_refused_total", &[], load.refused);
    out.family("countersign_hash_recent_seconds", "gauge", "What a hash has cost lately.");
    out.sample("countersign_hash_recent_seconds", &[], load.recent.as_secs_f64());
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_hash_pool_shows() {
        let mut out = Text::default();
        let load = Load { threads: 4, admitted: 3, queued: 2, refused: 1, recent: Duration::from_millis(15) };
        write_hashing(&mut out, &load);
        for line in [
            "countersign_hash_threads 4",
            "countersign_hash_queue 2",
            "countersign_hash_recent_seconds 0.015",
        ] {
            assert!(out.0.lines().any(|l| l == line), "{line}\n{}", out.0);
        }
    }
}
