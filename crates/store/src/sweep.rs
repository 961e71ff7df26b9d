//! Removes what has expired: no unit of work more than [`UNIT`] rows, so that no write waits long behind
//! one.
//!
//! Codes and registrations have an index by expiry. The other tables are walked in the order of their
//! primary keys, page by page, and only a page with something expired in it is written to: an index
//! would cost every session a fifth more room, and every sign-in a second write.

use std::time::Duration;

use countersign_model::time::Timestamp;

use crate::{Param, StoreError, Tx, Value};

/// Rows that are removed at once. Tokens are spread over the table and its index, their sessions over
/// another, so each costs SQLite some pages: a tenth of a millisecond.
pub const UNIT: u64 = 100;

/// Rows that are looked at at once.
pub const PAGE: u64 = 500;

/// How long sent messages stay listed; their contents are gone.
const SENT_FOR: Duration = DAY.saturating_mul(7);

/// How long a source stays known to an account.
const SOURCES_FOR: Duration = DAY.saturating_mul(180);

/// No quota has a longer window.
const QUOTAS_FOR: Duration = DAY.saturating_mul(2);

const DAY: Duration = Duration::from_secs(86_400);

/// A table with an index by expiry.
#[derive(Debug)]
pub struct Indexed(&'static str);

/// The statement of a table with an index by expiry, by the name of its key.
macro_rules! expired {
    ($table:literal by $key:literal) => {
        Indexed(concat!(
            "DELETE FROM ",
            $table,
            " WHERE ",
            $key,
            " IN (SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE expires_at <= ?1 ORDER BY expires_at LIMIT 100)"
        ))
    };
}

/// Tables with an index by expiry.
pub const INDEXED: &[Indexed] = &[
    expired!("codes" by "digest"),
    expired!("registrations" by "id"),
    expired!("oauth_revoked_jwts" by "jti"),
    expired!("oauth_codes" by "digest"),
    expired!("oauth_pushed" by "digest"),
    expired!("oauth_devices" by "digest"),
    expired!("oauth_seen" by "id"),
    expired!("oauth_statuses" by "idx"),
];

/// Removes expired rows; [`UNIT`] of them if there may be more.
///
/// # Errors
/// [`StoreError`].
pub async fn expired(tx: &mut Tx<'_>, table: &Indexed, now: Timestamp) -> Result<u64, StoreError> {
    tx.execute(table.0, &[now.micros().into()]).await
}

/// A table that is walked.
#[derive(Debug)]
pub struct Walked {
    /// Before the first row.
    start: &'static [Key],
    keep: Keep,
    /// The keys of a page and whether each row has expired: `?1` is the time, the rest is the key before it.
    page: &'static str,
    /// Removes the expired ones of a range, whose last key is in the last parameters.
    delete: &'static str,
    /// The rows removed are tokens or grants: a session without any goes too.
    ends_sessions: bool,
}

/// A column of a key, at its least.
#[derive(Debug)]
enum Key {
    Number,
    Bytes,
}

/// What the time in a row is measured against.
#[derive(Debug)]
enum Keep {
    /// It says when the row expires.
    UntilThen,
    /// It says when the row was written.
    For(Duration),
    /// It says when a message was queued that was not sent.
    AsMessagesAreKept,
}

/// The texts of a table that is walked, from its key, the parameters for the key before and the last
/// key of a range, and what holds for expired rows.
macro_rules! walked {
    ($table:literal, $start:expr, $key:literal, $after:literal, $last:literal, $keep:expr, $expired:literal
     $(, $returning:literal)?) => {
        Walked {
            start: $start,
            keep: $keep,
            page: concat!(
                "SELECT ", $key, ", CASE WHEN ", $expired, " THEN 1 ELSE 0 END FROM ", $table,
                " WHERE (", $key, ") > (", $after, ") ORDER BY ", $key, " LIMIT 500"
            ),
            delete: concat!(
                "DELETE FROM ", $table, " WHERE (", $key, ") > (", $after, ") AND (", $key, ") <= (", $last,
                ") AND ", $expired $(, " RETURNING ", $returning)?
            ),
            ends_sessions: concat!($($returning)?).len() > 0,
        }
    };
}

/// Tables that are walked.
#[rustfmt::skip] // One line each.
pub const WALKED: &[Walked] = &[
    walked!("tokens", &[Key::Number], "id", "?2", "?3", Keep::UntilThen, "expires_at <= ?1",
        "account_id, session_id"),
    walked!("oauth_grants", &[Key::Number], "session_id", "?2", "?3", Keep::UntilThen, "expires_at <= ?1",
        "account_id, session_id"),
    walked!("oauth_client_tokens", &[Key::Number], "id", "?2", "?3", Keep::UntilThen, "expires_at <= ?1"),
    walked!("limits", &[Key::Bytes], "subject", "?2", "?3", Keep::UntilThen, "free_at <= ?1"),
    walked!("quota_uses", &[Key::Bytes, Key::Number], "subject, slot", "?2, ?3", "?4, ?5",
        Keep::For(QUOTAS_FOR), "used_at <= ?1"),
    walked!("known_sources", &[Key::Number, Key::Bytes], "account_id, source", "?2, ?3", "?4, ?5",
        Keep::For(SOURCES_FOR), "seen_at <= ?1"),
    walked!("pending_phones", &[Key::Bytes, Key::Bytes], "phone, code", "?2, ?3", "?4, ?5",
        Keep::UntilThen, "expires_at <= ?1"),
    walked!("outbox", &[Key::Number], "id", "?2", "?3", Keep::For(SENT_FOR),
        "queued_at <= ?1 AND sealed IS NULL"),
    walked!("outbox", &[Key::Number], "id", "?2", "?3", Keep::AsMessagesAreKept,
        "queued_at <= ?1 AND sealed IS NOT NULL"),
    walked!("logout_outbox", &[Key::Number], "session_id", "?2", "?3", Keep::AsMessagesAreKept,
        "queued_at <= ?1"),
];

/// How far a walk has come: the key of the last row seen.
#[derive(Clone, Debug)]
pub struct Place(Vec<Value>);

/// A page of a table, as it was when it was read.
#[derive(Clone, Debug)]
pub struct Page {
    /// What is to be removed.
    pub expired: Vec<Range>,
    /// Where the next page begins; none behind the last one.
    pub end: Option<Place>,
}

/// Rows one after the other, of which no more than [`UNIT`] have expired.
#[derive(Clone, Debug)]
pub struct Range {
    before: Timestamp,
    after: Place,
    last: Place,
}

impl Walked {
    /// Before the first row.
    pub fn start(&self) -> Place {
        let least = |key: &Key| match key {
            Key::Number => Value::Int(i64::MIN),
            Key::Bytes => Value::Bytes(Vec::new()),
        };
        Place(self.start.iter().map(least).collect())
    }

    /// Reads the rows behind a place; `messages_for` is how long messages that were not sent are kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn look(
        &self,
        tx: &mut Tx<'_>,
        mut after: Place,
        now: Timestamp,
        messages_for: Duration,
    ) -> Result<Page, StoreError> {
        let before = match self.keep {
            Keep::UntilThen => now,
            Keep::For(time) => now.before(time),
            Keep::AsMessagesAreKept => now.before(messages_for),
        };
        let rows = tx.query(self.page, &params(before, &[&after])).await?;
        let is_full = rows.len() as u64 == PAGE;
        let (mut ranges, mut expired, mut end) = (Vec::new(), 0, None);
        for row in rows {
            expired += u64::from(row.int(self.start.len())? == 1);
            let mut key = row.into_values();
            key.truncate(self.start.len());
            let last = Place(key);
            if expired == UNIT {
                ranges.push(Range { before, after, last: last.clone() });
                (after, expired) = (last.clone(), 0);
            }
            end = Some(last);
        }
        if let (Some(last), true) = (&end, expired > 0) {
            ranges.push(Range { before, after, last: last.clone() });
        }
        Ok(Page { expired: ranges, end: end.filter(|_| is_full) })
    }

    /// Removes the rows of a range that have expired, and the sessions that this leaves without a token
    /// and without a grant.
    /// A row that was renewed meanwhile stays.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clear(&self, tx: &mut Tx<'_>, range: &Range) -> Result<u64, StoreError> {
        let params = params(range.before, &[&range.after, &range.last]);
        if !self.ends_sessions {
            return tx.execute(self.delete, &params).await;
        }
        let ended = tx.query(self.delete, &params).await?;
        for row in &ended {
            let ids = [row.int(0)?.into(), row.int(1)?.into()];
            let sql = "DELETE FROM sessions WHERE account_id = ?1 AND id = ?2 AND NOT EXISTS
                       (SELECT 1 FROM tokens t WHERE t.account_id = ?1 AND t.session_id = ?2)
                       AND NOT EXISTS (SELECT 1 FROM oauth_grants g WHERE g.session_id = ?2)";
            tx.execute(sql, &ids).await?;
        }
        Ok(ended.len() as u64)
    }
}

fn params<'v>(before: Timestamp, places: &[&'v Place]) -> Vec<Param<'v>> {
    let keys = places.iter().flat_map(|place| place.0.iter().map(Value::as_param));
    std::iter::once(Param::Int(before.micros())).chain(keys).collect()
}

#[cfg(test)]
mod tests {
    use countersign_model::message::{Channel, MessageState, Template};

    use super::*;
    use crate::{Database, Store, Work, outbox};

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
    /// More than two pages.
    const MANY: i64 = 1203;

    struct Folder(std::path::PathBuf);

    impl Folder {
        async fn store(name: &str) -> (Folder, Store) {
            let folder =
                std::env::temp_dir().join(format!("countersign-sweep-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            let store = Store::open(&Database::Sqlite(folder.join("test.db"))).await.unwrap();
            store.migrate(Some(Timestamp::from_micros(1))).await.unwrap();
            (Folder(folder), store)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    /// Runs a statement for each of many numbers, given as key and as a time: half of them expired.
    struct Fill(&'static str);

    impl Work for Fill {
        type Output = ();
        type Error = StoreError;

        async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
            for number in 0..MANY {
                let expiry = if number % 2 == 0 { NOW } else { NOW.after(DAY) };
                let key = number.to_be_bytes();
                let params = [Param::Bytes(&key), expiry.micros().into(), number.into()];
                tx.execute(self.0, &params).await?;
            }
            Ok(())
        }
    }

    struct Clear(&'static Walked, Range);

    impl Work for Clear {
        type Output = u64;
        type Error = StoreError;

        async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
            self.0.clear(tx, &self.1).await
        }
    }

    struct Expired(&'static Indexed);

    impl Work for Expired {
        type Output = u64;
        type Error = StoreError;

        async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
            expired(tx, self.0, NOW).await
        }
    }

    fn walked(table: &str) -> &'static Walked {
        WALKED.iter().find(|walked| walked.page.contains(&format!("FROM {table} "))).unwrap()
    }

    async fn look(store: &Store, table: &Walked, after: Place) -> Page {
        table.look(&mut store.read().await.unwrap(), after, NOW, DAY).await.unwrap()
    }

    /// Walks once; how many rows each unit of work has removed.
    async fn clear(store: &Store, table: &'static Walked) -> Vec<u64> {
        let (mut place, mut removed) = (Some(table.start()), Vec::new());
        while let Some(after) = place {
            let page = look(store, table, after).await;
            for range in page.expired {
                removed.push(store.write(Clear(table, range)).await.unwrap());
            }
            place = page.end;
        }
        removed
    }

    async fn count(store: &Store, sql: &'static str) -> i64 {
        store.read().await.unwrap().query(sql, &[]).await.unwrap()[0].int(0).unwrap()
    }

    #[test]
    fn every_statement_is_bounded() {
        assert!(INDEXED.iter().all(|table| table.0.ends_with(&format!("LIMIT {UNIT})"))));
        assert!(WALKED.iter().all(|table| table.page.ends_with(&format!("LIMIT {PAGE}"))));
    }

    #[tokio::test]
    async fn what_has_expired_goes_page_by_page_and_nothing_else() {
        let (_folder, store) = Folder::store("pages").await;
        store.write(Fill("INSERT INTO limits (subject, free_at) VALUES (?1, ?2)")).await.unwrap();
        let table = walked("limits");
        assert_eq!(clear(&store, table).await, [100, 100, 50, 100, 100, 50, 100, 2]);
        assert_eq!(count(&store, "SELECT COUNT(*) FROM limits").await, MANY / 2);
        assert!(look(&store, table, table.start()).await.expired.is_empty());
    }

    #[tokio::test]
    async fn an_index_serves_a_bounded_number_too() {
        let (_folder, store) = Folder::store("index").await;
        let sql = "INSERT INTO codes (digest, purpose, expires_at) VALUES (?1, 1, ?2 - 0 * ?3)";
        store.write(Fill(sql)).await.unwrap();
        let codes = INDEXED.iter().find(|table| table.0.contains("FROM codes")).unwrap();
        let mut steps = Vec::new();
        for _ in 0..8 {
            steps.push(store.write(Expired(codes)).await.unwrap());
        }
        assert_eq!(steps, [100, 100, 100, 100, 100, 100, 2, 0]);
        assert_eq!(count(&store, "SELECT COUNT(*) FROM codes").await, MANY / 2);
    }

    struct Renew;

    impl Work for Renew {
        type Output = ();
        type Error = StoreError;

        async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
            let renewed = NOW.after(DAY).micros();
            tx.execute("UPDATE limits SET free_at = ?1", &[renewed.into()]).await.map(drop)
        }
    }

    #[tokio::test]
    async fn a_counter_that_counts_again_meanwhile_stays() {
        let (_folder, store) = Folder::store("renewed").await;
        store.write(Fill("INSERT INTO limits (subject, free_at) VALUES (?1, ?2)")).await.unwrap();
        let table = walked("limits");
        let page = look(&store, table, table.start()).await;
        assert_eq!(page.expired.len(), 3);
        store.write(Renew).await.unwrap();
        for range in page.expired {
            assert_eq!(store.write(Clear(table, range)).await.unwrap(), 0);
        }
    }

    #[tokio::test]
    async fn a_session_goes_with_its_last_token() {
        let (_folder, store) = Folder::store("sessions").await;
        // Two tokens for each session, of which the first ones have expired; the last session has one.
        let sql =
            "INSERT INTO tokens (id, digest, account_id, session_id, epoch, purpose, issued_at, expires_at)
                   VALUES (?3, ?1, 7, ?3 / 2, 1, 1, 0, ?2)";
        store.write(Fill(sql)).await.unwrap();
        let sql = "INSERT INTO sessions (account_id, id, surface, started_at)
                   SELECT 7, ?3, 1, 0 WHERE ?3 <= 601 AND ?1 IS NOT NULL AND ?2 > 0";
        store.write(Fill(sql)).await.unwrap();
        clear(&store, walked("tokens")).await;
        assert_eq!(count(&store, "SELECT COUNT(*) FROM tokens").await, 601);
        assert_eq!(count(&store, "SELECT COUNT(*) FROM sessions").await, 601);
    }

    struct Queue;

    impl Work for Queue {
        type Output = ();
        type Error = StoreError;

        /// A message of each state, one day and ten days old.
        async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
            let ages = [DAY - Duration::from_secs(1), DAY, DAY * 10];
            for (age, first) in ages.into_iter().zip([10, 20, 30]) {
                for id in first..first + 3 {
                    let (id, at) = (countersign_model::ids::MessageId(id), NOW.before(age));
                    outbox::insert(tx, id, Channel::Sms, Template::PhoneCode, b"sealed", at).await?;
                }
                outbox::complete(tx, countersign_model::ids::MessageId(first)).await?;
                outbox::fail(tx, countersign_model::ids::MessageId(first + 1), "gone", None).await?;
            }
            Ok(())
        }
    }

    #[tokio::test]
    async fn messages_go_at_their_age_sent_or_not() {
        let (_folder, store) = Folder::store("messages").await;
        store.write(Queue).await.unwrap();
        for table in WALKED {
            clear(&store, table).await;
        }
        let left = outbox::list(&mut store.read().await.unwrap()).await.unwrap();
        let mut left: Vec<_> = left.into_iter().map(|row| (row.id.0, row.state)).collect();
        left.sort_by_key(|(id, _)| *id);
        let (sent, dead, pending) = (MessageState::Sent, MessageState::Dead, MessageState::Pending);
        assert_eq!(left, [(10, sent), (11, dead), (12, pending), (20, sent)]);
    }
}
