//! Verifies the e-mail address of a 002 account by the link that was sent to it.

use countersign_model::code::CodePurpose;
use countersign_model::ids::AccountId;
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;
use countersign_store::{Tx, Work, accounts, codes, identifiers, registrations};

use crate::audit::audit;
use crate::claim::Claim;
use crate::{Core, Source, Unavailable};

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyEmailError {
    /// Unknown, expired or used; or the address has become another account's.
    #[error("the link is not valid")]
    Invalid,
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

struct Verify {
    digest: TokenDigest,
    /// Who has the address without having proven it.
    claim: Option<Claim>,
    now: Timestamp,
}

impl Work for Verify {
    type Output = AccountId;
    type Error = VerifyEmailError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<AccountId, VerifyEmailError> {
        let code = codes::consume(tx, &self.digest, CodePurpose::VerifyEmail, self.now).await?;
        let code = code.ok_or(VerifyEmailError::Invalid)?;
        let (Some(owner), Some(target)) = (code.owner, code.target) else {
            return Err(VerifyEmailError::Invalid);
        };
        let account = AccountId(owner);
        if accounts::find(tx, account).await?.is_none() {
            let is_open = registrations::verify_email(tx, account, self.now).await?;
            return if is_open { Ok(account) } else { Err(VerifyEmailError::Invalid) };
        }
        let holder = identifiers::find(tx, &target).await?.map(|found| found.account);
        if holder == Some(account) {
            identifiers::verify(tx, account, &target, self.now).await?;
        } else {
            if let Some(claim) = &self.claim {
                claim.give_way(tx).await?;
            }
            if !identifiers::insert(tx, &target, account, Some(self.now)).await? {
                return Err(VerifyEmailError::Invalid);
            }
        }
        accounts::email_arrived(tx, account).await?;
        Ok(account)
    }
}

impl Core {
    /// Verifies the e-mail address of a 002 account by the link that was sent to it, before or after
    /// its phone is validated.
    ///
    /// # Errors
    /// [`VerifyEmailError`].
    pub async fn verify_email(&self, link: &str, source: Source) -> Result<(), VerifyEmailError> {
        let (digest, now) = (TokenDigest::of(link), self.clock.now());
        let mut tx = self.store.read().await?;
        let code = codes::find_valid(&mut tx, &digest, CodePurpose::VerifyEmail, now).await?;
        let target = code.and_then(|code| code.target).ok_or(VerifyEmailError::Invalid)?;
        // Another account's claim that nobody has proven gives way to this proof.
        let claim = match identifiers::find(&mut tx, &target).await? {
            Some(owner) => self.gather_claim(&mut tx, target, owner).await?,
            None => None,
        };
        drop(tx);
        let account = self.store.write(Verify { digest, claim, now }).await?;
        audit("verify_email", "verified", Some(account), source);
        Ok(())
    }
}
