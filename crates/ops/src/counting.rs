//! Counting tries before their verdict (R017), each in the store, so that it holds on every node.

use std::time::Duration;

use countersign_model::identifier::Identifier;
use countersign_model::ids::AccountId;
use countersign_model::keyring::Lookup;
use countersign_model::limit::{Rate, RetryAfter, Scope};
use countersign_model::time::Timestamp;
use countersign_store::{StoreError, Tx, Work, limits};

use crate::{Core, Source, Unavailable};

/// Times of what must not be linked are rounded to this, so that they link nothing (002-12).
pub(crate) const COARSE: Duration = Duration::from_secs(3600);

/// One counter that a try counts against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counter {
    /// The key in the store.
    pub subject: [u8; 16],
    /// How often it may be tried.
    pub rate: Rate,
}

/// A try was not let through.
#[derive(Debug)]
pub(crate) enum NotCounted {
    /// There were too many.
    TooMany(RetryAfter),
    /// It could not be counted, so it may not go on.
    Unavailable(Unavailable),
}

impl From<StoreError> for NotCounted {
    fn from(error: StoreError) -> NotCounted {
        NotCounted::Unavailable(error.into())
    }
}

/// Counts a try against all counters, or against none if one refuses.
pub(crate) async fn count_all(
    tx: &mut Tx<'_>,
    counters: &[Counter],
    now: Timestamp,
) -> Result<Result<(), RetryAfter>, StoreError> {
    for counter in counters {
        if let Err(after) = limits::count(tx, &counter.subject, counter.rate, now).await? {
            return Ok(Err(after));
        }
    }
    Ok(Ok(()))
}

struct CountTry {
    counters: Vec<Counter>,
    now: Timestamp,
}

impl Work for CountTry {
    type Output = ();
    type Error = NotCounted;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), NotCounted> {
        count_all(tx, &self.counters, self.now).await?.map_err(NotCounted::TooMany)
    }
}

impl Core {
    /// Counts a try, durably, before it is judged.
    pub(crate) async fn count(&self, counters: Vec<Counter>) -> Result<(), NotCounted> {
        if counters.is_empty() {
            return Ok(());
        }
        self.store.write(CountTry { counters, now: self.clock.now() }).await
    }

    /// Counts a try to register: before it is told whether a name or an address is taken.
    pub(crate) async fn count_registration(&self, source: Source) -> Result<(), NotCounted> {
        let rate = self.settings.limits.registrations_per_source;
        let counter = self.source_counter(Scope::RegistrationSource, rate, source);
        self.count(counter.into_iter().collect()).await
    }

    /// The counter of the source; none for an operator.
    pub(crate) fn source_counter(&self, scope: Scope, rate: Rate, source: Source) -> Option<Counter> {
        let subject = self.keyring.limit_key(scope, &source.subject()?);
        Some(Counter { subject, rate })
    }

    /// The name of a source among those known to accounts.
    pub(crate) fn source_key(&self, source: Source) -> Option<[u8; 16]> {
        Some(self.keyring.limit_key(Scope::SignInKnownSource, &source.subject()?))
    }

    /// The counters of a password try: one per account, whatever was typed and on whichever surface
    /// (R019), or per spelling where no account is known; and one per source. A source that has
    /// signed in to the account before has a counter of its own, so that strangers cannot lock the
    /// owner out (R022).
    pub(crate) async fn password_counters(
        &self,
        tx: &mut Tx<'_>,
        account: Option<AccountId>,
        lookup: Option<&Lookup>,
        source: Source,
    ) -> Result<Vec<Counter>, StoreError> {
        let limits = &self.settings.limits;
        let mut counters: Vec<Counter> =
            self.source_counter(Scope::SignInSource, limits.sign_in_per_source, source).into_iter().collect();
        let Some(source_key) = self.source_key(source) else { return Ok(counters) };
        // Asked for nobody too (no account has the id 0): it must not take longer where there is one (R024).
        let is_known = limits::is_known_source(tx, account.unwrap_or(AccountId(0)), &source_key).await?;
        let subject = match (account, lookup) {
            (Some(account), _) if is_known => self.known_source_subject(account, &source_key),
            (Some(account), _) => self.account_subject(account),
            (None, Some(lookup)) => self.keyring.limit_key(Scope::SignInAccount, &lookup.hash),
            (None, None) => return Ok(counters),
        };
        counters.push(Counter { subject, rate: limits.sign_in_per_account });
        Ok(counters)
    }

    /// The counter of an account's password tries.
    pub(crate) fn account_subject(&self, account: AccountId) -> [u8; 16] {
        self.keyring.limit_key(Scope::SignInAccount, &account.0.to_be_bytes())
    }

    /// The counter of an account's password tries from a source that it knows.
    fn known_source_subject(&self, account: AccountId, source_key: &[u8; 16]) -> [u8; 16] {
        let both = [&account.0.to_be_bytes()[..], source_key].concat();
        self.keyring.limit_key(Scope::SignInKnownSource, &both)
    }

    /// What a right password clears: it was no guess, whichever of the two it was counted against.
    pub(crate) fn cleared_by_password(&self, account: AccountId, source: Source) -> Vec<[u8; 16]> {
        let known = self.source_key(source).map(|key| self.known_source_subject(account, &key));
        std::iter::once(self.account_subject(account)).chain(known).collect()
    }

    /// The counter of a source's tries at the SMS codes of a number. None comes back while a code lives.
    pub(crate) fn phone_code_counter(&self, phone: &Identifier, source: Source) -> Option<Counter> {
        let source = source.subject()?;
        let both = [&self.keyring.lookup(phone).hash[..], &source].concat();
        let rate = Rate {
            burst: self.settings.limits.phone_code_tries,
            interval: self.settings.codes.phone.saturating_add(COARSE),
        };
        Some(Counter { subject: self.keyring.limit_key(Scope::PhoneCode, &both), rate })
    }

    /// The counters of a message: per target, per source and for the whole server (R026).
    pub(crate) fn message_counters(&self, target: &Identifier, source: Source) -> Vec<Counter> {
        let limits = &self.settings.limits;
        let Some(by_source) = self.source_counter(Scope::MessageSource, limits.messages_per_source, source)
        else {
            return Vec::new();
        };
        let total = self.keyring.limit_key(Scope::MessageTotal, b"");
        vec![by_source, self.target_counter(target), Counter { subject: total, rate: limits.messages_total }]
    }

    /// The counter of the messages to one address or number.
    fn target_counter(&self, target: &Identifier) -> Counter {
        let subject = self.keyring.limit_key(Scope::MessageTarget, &self.keyring.lookup(target).hash);
        Counter { subject, rate: self.settings.limits.messages_per_target }
    }
}
