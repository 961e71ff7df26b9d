//! Makes the account whose registration the link belongs to, and signs in (001).

use countersign_model::code::CodePurpose;
use countersign_model::identifier::IdentifierKind;
use countersign_model::ids::Uuid;
use countersign_model::keyring::Lookup;
use countersign_model::session::{Surface, TokenDigest};
use countersign_model::time::Timestamp;
use countersign_store::accounts::{self, InsertError};
use countersign_store::registrations::{self, RegistrationRow};
use countersign_store::{Tx, Work, codes, identifiers};

use crate::audit::audit;
use crate::claim::Claim;
use crate::tokens::DrawnSession;
use crate::{Core, SignedIn, Source, Unavailable};

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmAccountError {
    /// Unknown, expired or used; or the address has become another account's.
    #[error("the confirmation is not valid")]
    Invalid,
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<InsertError> for ConfirmAccountError {
    /// The ids are drawn once for all registrations of an address: another one was confirmed.
    fn from(error: InsertError) -> ConfirmAccountError {
        match error {
            InsertError::IdTaken => ConfirmAccountError::Invalid,
            InsertError::Store(error) => error.into(),
        }
    }
}

struct Confirm {
    digest: TokenDigest,
    /// Who has the address without having proven it.
    claim: Option<Claim>,
    session: DrawnSession,
    now: Timestamp,
}

impl Work for Confirm {
    type Output = RegistrationRow;
    type Error = ConfirmAccountError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<RegistrationRow, ConfirmAccountError> {
        let invalid = ConfirmAccountError::Invalid;
        let code = codes::consume(tx, &self.digest, CodePurpose::ConfirmAccount, self.now).await?;
        let id = code.and_then(|code| code.owner).ok_or(invalid.clone())?;
        let registration = registrations::take(tx, id, self.now).await?.ok_or(invalid.clone())?;
        let hash = registration.email.ok_or(invalid.clone())?;
        let email = Lookup { kind: IdentifierKind::Email, hash };
        let (account, uuid) = (registration.account, registration.uuid);
        if let Some(claim) = &self.claim {
            claim.give_way(tx).await?;
        }
        accounts::insert(tx, account, uuid, &registration.sealed, false, self.now).await?;
        if !identifiers::insert(tx, &email, account, Some(self.now)).await? {
            return Err(invalid);
        }
        accounts::set_password(tx, account, &registration.phc, self.now).await?;
        registrations::lapse_email(tx, Surface::Authd, &hash).await?;
        codes::void_target(tx, &email, self.now).await?;
        self.session.start(tx, account, 0).await?;
        Ok(registration)
    }
}

impl Core {
    /// Makes the account whose registration the link belongs to, and signs in (001). Its password
    /// stays, since it was set up by the same registration (acceptance decision 10).
    ///
    /// # Errors
    /// [`ConfirmAccountError`].
    pub async fn confirm_account(&self, id: &str, source: Source) -> Result<SignedIn, ConfirmAccountError> {
        let id = Uuid::parse(id).ok_or(ConfirmAccountError::Invalid)?;
        let now = self.clock.now();
        let session = self.draw_session(Surface::Authd, now);
        let tokens = session.tokens.clone();
        let digest = TokenDigest::of(&id.to_string());
        let mut tx = self.store.read().await?;
        let code = codes::find_valid(&mut tx, &digest, CodePurpose::ConfirmAccount, now).await?;
        let target = code.and_then(|code| code.target).ok_or(ConfirmAccountError::Invalid)?;
        let claim = match identifiers::find(&mut tx, &target).await? {
            Some(owner) if owner.is_mere_claim => self.gather_claim(&mut tx, target, owner).await?,
            Some(_) | None => None,
        };
        drop(tx);
        let made = self.store.write(Confirm { digest, claim, session, now }).await?;
        audit("confirm_account", "made", Some(made.account), source);
        let profile = self.open_profile(&made.sealed)?;
        Ok(SignedIn { account: made.account, uuid: made.uuid, profile, tokens })
    }
}
