//! Signs in with an identifier and a password: the one rule for every surface.

use countersign_model::account::Standing;
use countersign_model::identifier::{Identifier, IdentifierKind};
use countersign_model::ids::AccountId;
use countersign_model::keyring::Lookup;
use countersign_model::limit::RetryAfter;
use countersign_model::oauth::claims::AMR_PASSWORD;
use countersign_model::password::Password;
use countersign_model::session::Surface;
use countersign_model::time::Timestamp;
use countersign_store::accounts::{self, AccountRow};
use countersign_store::{StoreError, Tx, Work, identifiers, limits, registrations};

use crate::audit::audit;
use crate::counting::Counter;
use crate::tokens::DrawnSession;
use crate::{Core, SignedIn, Unavailable};

/// Who wants in.
#[derive(Debug)]
pub struct SignIn<'a> {
    /// `None` if what was typed can be no account's: it costs the same and fails alike.
    pub identifier: Option<Identifier>,
    /// The password.
    pub password: &'a Password,
    /// The door.
    pub surface: Surface,
    /// Who asks.
    pub source: crate::Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// Unknown identifier, wrong password, suspended account: one fact (R023).
    #[error("no such identifier and password")]
    Credentials,
    /// The password is right and the phone number of the registration is not validated yet (002-22).
    #[error("the phone number is not validated")]
    UnverifiedNumber,
    /// The password is right and the e-mail of the registration is not verified yet (002-23).
    #[error("the e-mail is not verified")]
    UnverifiedEmail,
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Whose password was meant.
enum Candidate {
    Account(AccountRow),
    /// A registration of 002 that awaits its SMS code.
    Registration {
        phc: String,
    },
    Nobody,
}

impl Candidate {
    fn phc(&self) -> Option<&str> {
        match self {
            Candidate::Account(account) => account.phc.as_deref(),
            Candidate::Registration { phc } => Some(phc),
            Candidate::Nobody => None,
        }
    }

    fn account(&self) -> Option<AccountId> {
        match self {
            Candidate::Account(account) => Some(account.id),
            Candidate::Registration { .. } | Candidate::Nobody => None,
        }
    }
}

/// What a good password leads to, as one unit.
pub(crate) struct StartSession {
    pub account: AccountId,
    /// The epoch in which the password was looked up: if it was raised since, the session is over
    /// before it begins.
    pub epoch: i64,
    pub session: DrawnSession,
    /// The counters that the good password clears.
    pub cleared: Vec<[u8; 16]>,
    /// The counters that it takes its own try back from: failures are counted, not sign-ins.
    pub refunded: Vec<Counter>,
    pub source: Option<[u8; 16]>,
    /// The old and the stronger hash of the same password (R010).
    pub rehash: Option<(String, String)>,
    pub now: Timestamp,
}

impl Work for StartSession {
    /// Whether it was started.
    type Output = bool;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        // The password may have been another's since it was looked up: it proves nothing any more.
        if !self.session.start(tx, self.account, self.epoch).await? {
            return Ok(false);
        }
        for counter in &self.refunded {
            limits::refund(tx, &counter.subject, counter.rate).await?;
        }
        for counter in &self.cleared {
            limits::clear(tx, counter).await?;
        }
        if let Some(source) = &self.source {
            limits::know_source(tx, self.account, source, self.now).await?;
        }
        if let Some((old, new)) = &self.rehash {
            accounts::replace_hash(tx, self.account, old, new).await?;
        }
        Ok(true)
    }
}

impl Core {
    /// Signs in with an identifier and a password: the one rule for every surface.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn sign_in(&self, request: SignIn<'_>) -> Result<SignedIn, SignInError> {
        let SignIn { identifier, password, surface, source } = request;
        let slot = self.hasher.try_reserve(source)?;
        let now = self.clock.now();
        let lookup = identifier.as_ref().map(|identifier| self.keyring.lookup(identifier));
        let mut tx = self.store.read().await?;
        let candidate = find_candidate(&mut tx, lookup.as_ref(), now).await?;
        let counters = self.password_counters(&mut tx, candidate.account(), lookup.as_ref(), source).await?;
        drop(tx);
        self.count(counters.clone()).await?;
        let verdict = slot.verify(password.as_bytes(), candidate.phc()).await?;
        let account = match candidate {
            // A suspended account is decided about here, for every surface, and after its password was compared:
            // it looks like a wrong one (R023). One suspended from now on is stopped by `DrawnSession::start`.
            Candidate::Registration { .. } if verdict.matches => return Err(SignInError::UnverifiedNumber),
            Candidate::Account(account) if verdict.matches && account.standing == Standing::Active => account,
            Candidate::Account(_) | Candidate::Registration { .. } | Candidate::Nobody => {
                audit("sign_in", "refused", candidate.account(), source);
                return Err(SignInError::Credentials);
            }
        };
        if account.awaits_email {
            return Err(SignInError::UnverifiedEmail);
        }
        let profile = self.open_profile(&account.profile)?;
        let rehash = match account.phc {
            Some(old) if verdict.needs_rehash => {
                Some((old, slot.hash(password.as_bytes(), self.random.bytes()).await?))
            }
            Some(_) | None => None,
        };
        let session = self.draw_session(surface, now).by(AMR_PASSWORD);
        let tokens = session.tokens.clone();
        let cleared = self.cleared_by_password(account.id, source);
        let source_key = self.source_key(source);
        let work = StartSession {
            account: account.id,
            epoch: account.epoch,
            session,
            cleared,
            refunded: counters,
            source: source_key,
            rehash,
            now,
        };
        let outcome = if self.store.write(work).await? { "signed in" } else { "ended at once" };
        audit("sign_in", outcome, Some(account.id), source);
        Ok(SignedIn { account: account.id, uuid: account.uuid, profile, tokens })
    }
}

async fn find_candidate(
    tx: &mut Tx<'_>,
    lookup: Option<&Lookup>,
    now: Timestamp,
) -> Result<Candidate, StoreError> {
    let Some(lookup) = lookup else { return Ok(Candidate::Nobody) };
    if let Some(owner) = identifiers::find(tx, lookup).await? {
        let account = accounts::find(tx, owner.account).await?;
        return Ok(account.map_or(Candidate::Nobody, Candidate::Account));
    }
    let registration = match lookup.kind {
        IdentifierKind::Username => {
            registrations::newest_by_username(tx, Surface::Line, &lookup.hash, now).await?
        }
        IdentifierKind::Email => registrations::newest_by_email(tx, Surface::Line, &lookup.hash, now).await?,
        IdentifierKind::Phone => None,
    };
    Ok(registration.map_or(Candidate::Nobody, |found| Candidate::Registration { phc: found.phc }))
}
