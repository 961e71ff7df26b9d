//! What is to be done with the signing keys, and doing it.
//!
//! Several processes may come to it at once. Each decides by what is stored once it is alone with it, so
//! one of them does it and the others find it done.

use std::time::Duration;

use countersign_model::ids::Uuid;
use countersign_model::key::{Algorithm, KeyPurpose, KeyState};
use countersign_model::keyring::Keyring;
use countersign_model::random::Random;
use countersign_model::time::Timestamp;
use countersign_store::keys::{self, KeyRow};
use countersign_store::{StoreError, Tx, Work, meta};

use crate::jose::sign::NewKey;
use crate::manage_keys::seal_key;
use crate::{Settings, Unavailable};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// Whoever holds this row is alone with the keys.
const LOCK: &str = "oauth keys";

/// How long keys stay in their states.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyTimes {
    /// How long one signs.
    pub rotation: Duration,
    /// How long one is published before it signs.
    pub published_before: Duration,
    /// How long one is published after it signed: longer than anything that it signed is good.
    pub published_after: Duration,
}

impl KeyTimes {
    /// As set.
    pub(crate) fn of(settings: &Settings) -> KeyTimes {
        let longest = settings.oauth.id_token.max(settings.sessions.oauth_access).max(DAY);
        KeyTimes {
            rotation: settings.oauth.key_rotation,
            published_before: settings.oauth.key_published_before,
            published_after: longest + HOUR,
        }
    }
}

/// What is asked for besides what is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    Due,
    /// The next key of an algorithm signs from now on.
    Rotate(Algorithm),
    /// A key is removed at once: what it signed verifies no more.
    Revoke(String),
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Whether the key to be revoked was there.
    pub revoked: bool,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Make(Algorithm, KeyState),
    Put(String, KeyState),
    Remove(String),
}

/// Does what is due.
#[derive(Debug)]
pub(crate) struct Keep {
    pub(crate) algorithms: Vec<Algorithm>,
    /// Keys to take from.
    pub(crate) drawn: Vec<KeyRow>,
    pub(crate) change: Change,
    pub(crate) now: Timestamp,
    pub(crate) times: KeyTimes,
}

impl Keep {
    /// Draws the keys that are needed if the rows are these; `None` if nothing is to be done.
    pub(crate) async fn draw(
        &self,
        rows: &[KeyRow],
        keyring: &Keyring,
        random: &Random,
    ) -> Result<Option<Vec<KeyRow>>, Unavailable> {
        let steps = self.steps(rows);
        let mut drawn = Vec::new();
        for step in &steps {
            if let Step::Make(algorithm, _) = step {
                let key = NewKey::draw(*algorithm).await?;
                let kid = Uuid::draw(random).to_string();
                drawn.push(seal_key(kid, KeyPurpose::OAuth, &key, self.now, keyring, random));
            }
        }
        Ok((!steps.is_empty()).then_some(drawn))
    }

    fn steps(&self, rows: &[KeyRow]) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut rows: Vec<&KeyRow> = rows.iter().filter(|row| row.purpose == KeyPurpose::OAuth).collect();
        if let Change::Revoke(kid) = &self.change {
            steps.extend(rows.iter().find(|row| row.kid == *kid).map(|row| Step::Remove(row.kid.clone())));
            rows.retain(|row| row.kid != *kid);
        }
        for algorithm in &self.algorithms {
            self.steps_of(*algorithm, &rows, &mut steps);
        }
        steps
    }

    fn steps_of(&self, algorithm: Algorithm, rows: &[&KeyRow], steps: &mut Vec<Step>) {
        let of = |state| rows.iter().filter(move |row| row.algorithm == algorithm && row.state == state);
        let active = of(KeyState::Active).next_back();
        let next = of(KeyState::Next).next();
        let is_published = |row: &&&KeyRow| row.created_at.after(self.times.published_before) <= self.now;
        let stays = active.filter(|active| {
            let is_old = since(active).after(self.times.rotation) <= self.now;
            let is_due = is_old && next.as_ref().is_some_and(is_published);
            !is_due && self.change != Change::Rotate(algorithm)
        });
        if stays.is_none() {
            steps.extend(active.map(|active| Step::Put(active.kid.clone(), KeyState::Retired)));
            steps.push(match next {
                Some(next) => Step::Put(next.kid.clone(), KeyState::Active),
                None => Step::Make(algorithm, KeyState::Active),
            });
        }
        // An RSA key takes its time: a server that is only tried out need not make two.
        let has_settled = |active: &&KeyRow| since(active).after(HOUR) <= self.now;
        let wants_next = algorithm != Algorithm::Rs256 || stays.is_some_and(has_settled);
        if wants_next && (stays.is_none() || next.is_none()) {
            steps.push(Step::Make(algorithm, KeyState::Next));
        }
        let is_over = |row: &&&KeyRow| since(row).after(self.times.published_after) <= self.now;
        steps.extend(of(KeyState::Retired).filter(is_over).map(|row| Step::Remove(row.kid.clone())));
    }
}

fn since(row: &KeyRow) -> Timestamp {
    row.changed_at.unwrap_or(row.created_at)
}

impl Work for Keep {
    type Output = Kept;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Kept, StoreError> {
        meta::set(tx, LOCK, &self.now.micros().to_be_bytes()).await?;
        let rows = keys::list(tx).await?;
        let mut drawn: Vec<&KeyRow> = self.drawn.iter().collect();
        let mut kept = Kept::default();
        for step in self.steps(&rows) {
            match step {
                Step::Make(algorithm, state) => {
                    // Without one the next round makes it.
                    if let Some(i) = drawn.iter().position(|key| key.algorithm == algorithm) {
                        keys::insert(tx, &KeyRow { state, ..drawn.swap_remove(i).clone() }).await?;
                    }
                }
                Step::Put(kid, state) => keys::set_state(tx, &kid, state, self.now).await?,
                Step::Remove(kid) => {
                    kept.revoked |= keys::remove(tx, &kid).await? && self.change == Change::Revoke(kid);
                }
            }
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_500_000_000_000_000);

    fn row(kid: &str, algorithm: Algorithm, state: KeyState, age: Duration) -> KeyRow {
        KeyRow {
            kid: kid.to_owned(),
            purpose: KeyPurpose::OAuth,
            algorithm,
            state,
            created_at: NOW.before(age),
            changed_at: None,
            jwk: String::new(),
            private: Vec::new(),
        }
    }

    fn steps(change: Change, rows: &[KeyRow]) -> Vec<Step> {
        let times = KeyTimes { rotation: DAY * 90, published_before: DAY, published_after: DAY };
        let algorithms = vec![Algorithm::Es256];
        Keep { algorithms, drawn: Vec::new(), change, now: NOW, times }.steps(rows)
    }

    #[test]
    fn a_key_signs_only_after_it_was_published() {
        use KeyState::{Active, Next, Retired};
        let es256 = |kid, state, age| row(kid, Algorithm::Es256, state, age);
        let make = |state| Step::Make(Algorithm::Es256, state);
        let put = |kid: &str, state| Step::Put(kid.to_owned(), state);
        assert_eq!(steps(Change::Due, &[]), [make(Active), make(Next)]);
        let young = [es256("a", Active, DAY), es256("b", Next, DAY)];
        assert_eq!(steps(Change::Due, &young), []);
        let old = [es256("a", Active, DAY * 90), es256("b", Next, DAY)];
        let turn = [put("a", Retired), put("b", Active), make(Next)];
        assert_eq!(steps(Change::Due, &old), turn);
        assert_eq!(steps(Change::Rotate(Algorithm::Es256), &young), turn);
        let unpublished = [es256("a", Active, DAY * 90), es256("b", Next, HOUR)];
        assert_eq!(steps(Change::Due, &unpublished), []);
        assert_eq!(steps(Change::Due, &old[..1]), [make(Next)]);
    }

    #[test]
    fn a_revoked_key_goes_at_once_and_a_retired_one_when_nothing_of_it_is_good() {
        use KeyState::{Active, Next, Retired};
        let es256 = |kid, state, age| row(kid, Algorithm::Es256, state, age);
        let rows = [es256("a", Active, HOUR), es256("b", Next, HOUR), es256("c", Retired, HOUR)];
        let remove = |kid: &str| Step::Remove(kid.to_owned());
        let promote = Step::Put("b".to_owned(), Active);
        let next = Step::Make(Algorithm::Es256, Next);
        assert_eq!(steps(Change::Revoke("a".to_owned()), &rows), [remove("a"), promote, next.clone()]);
        assert_eq!(steps(Change::Revoke("b".to_owned()), &rows), [remove("b"), next]);
        assert_eq!(steps(Change::Revoke("c".to_owned()), &rows), [remove("c")]);
        assert_eq!(steps(Change::Revoke("d".to_owned()), &rows), []);
        let over = [es256("a", Active, HOUR), es256("b", Next, HOUR), es256("c", Retired, DAY)];
        assert_eq!(steps(Change::Due, &over), [remove("c")]);
    }
}
