//! An address that an account claims and nobody has proven, when its owner comes (decision 0006).

use countersign_model::identifier::IdentifierKind;
use countersign_model::ids::AccountId;
use countersign_model::keyring::Lookup;
use countersign_store::{StoreError, Tx, accounts, identifiers};

use crate::{Core, Unavailable};

/// Such a claim, gathered before the transaction in which it gives way to a proof.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    target: Lookup,
    claimer: AccountId,
    version: i64,
    /// The claimer's profile without the address.
    reduced_profile: Vec<u8>,
}

impl Core {
    /// Gathers what it takes to free an address that `owner` has not proven; nothing if it has.
    pub(crate) async fn gather_claim(
        &self,
        tx: &mut Tx<'_>,
        target: Lookup,
        owner: identifiers::Owner,
    ) -> Result<Option<Claim>, Unavailable> {
        if owner.verified_at.is_some() {
            return Ok(None);
        }
        let Some(account) = accounts::find(tx, owner.account).await? else { return Ok(None) };
        let mut profile = self.open_profile(&account.profile)?;
        match target.kind {
            IdentifierKind::Email => profile.email = None,
            IdentifierKind::Phone => profile.phone = None,
            IdentifierKind::Username => {}
        }
        let reduced_profile = self.seal_profile(&profile)?;
        Ok(Some(Claim { target, claimer: account.id, version: account.version, reduced_profile }))
    }
}

impl Claim {
    /// Frees the address and forgets it in the claimer's profile. If it was proven meanwhile it stays,
    /// and is not free.
    pub(crate) async fn give_way(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        if !identifiers::remove_claim(tx, &self.target, self.claimer).await? {
            return Ok(());
        }
        if !accounts::set_profile(tx, self.claimer, self.version, &self.reduced_profile).await? {
            return Err(StoreError::Unavailable("the profile was changed meanwhile".to_owned()));
        }
        Ok(())
    }
}
