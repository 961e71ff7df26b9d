//! The first proof of control over an address or a number (acceptance decision 10).

use countersign_model::identifier::IdentifierKind;
use countersign_model::ids::AccountId;
use countersign_model::keyring::Lookup;
use countersign_model::time::Timestamp;
use countersign_store::oauth::consents;
use countersign_store::{StoreError, Tx, accounts, codes, identifiers, limits, sessions};

use crate::{Core, Unavailable};

/// What a proof is about, gathered before the transaction.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    /// The account.
    pub account: AccountId,
    /// The identifier that was proven.
    pub target: Lookup,
    version: i64,
    /// The profile without the addresses that nobody has proven.
    reduced_profile: Vec<u8>,
}

impl Core {
    /// Gathers what a proof needs to know about the account.
    pub(crate) async fn gather_proof(
        &self,
        tx: &mut Tx<'_>,
        account: &accounts::AccountRow,
        target: Lookup,
    ) -> Result<Proof, Unavailable> {
        let kind = target.kind;
        let mut profile = self.open_profile(&account.profile)?;
        for (other, verified_at) in identifiers::of_account(tx, account.id).await? {
            match other {
                IdentifierKind::Email if other != kind && verified_at.is_none() => profile.email = None,
                IdentifierKind::Phone if other != kind && verified_at.is_none() => profile.phone = None,
                IdentifierKind::Email | IdentifierKind::Phone | IdentifierKind::Username => {}
            }
        }
        let reduced_profile = self.seal_profile(&profile)?;
        Ok(Proof { account: account.id, target, version: account.version, reduced_profile })
    }
}

impl Proof {
    /// Notes the proof. If it is the first one, whatever was set up before it goes: password,
    /// sessions, codes, consents and the other unproven addresses. Whoever set them up may not be the owner.
    pub(crate) async fn note(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
        let is_first = identifiers::verify(tx, self.account, &self.target, now).await?;
        if self.target.kind == IdentifierKind::Email {
            accounts::email_arrived(tx, self.account).await?;
        }
        if !is_first {
            return Ok(());
        }
        accounts::remove_password(tx, self.account).await?;
        if !identifiers::remove_unverified(tx, self.account).await?.is_empty() {
            let is_current =
                accounts::set_profile(tx, self.account, self.version, &self.reduced_profile).await?;
            if !is_current {
                return Err(StoreError::Unavailable("the profile was changed meanwhile".to_owned()));
            }
        }
        codes::void_owner(tx, self.account, now).await?;
        limits::forget_sources(tx, self.account).await?;
        accounts::raise_epoch(tx, self.account).await?;
        sessions::clear(tx, self.account, now).await?;
        // Behind the sessions: whoever allows something holds theirs until it is written.
        consents::remove_all(tx, self.account).await
    }
}
