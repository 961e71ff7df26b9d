//! Signs in with an identifier and a code that was sent to it (000 `/login`).

use countersign_model::account::Standing;
use countersign_model::code::{Code, CodePurpose};
use countersign_model::identifier::Identifier;
use countersign_model::keyring::Lookup;
use countersign_model::limit::{RetryAfter, Scope};
use countersign_model::oauth::claims::AMR_CODE;
use countersign_model::session::{Surface, TokenDigest};
use countersign_model::time::Timestamp;
use countersign_store::{Tx, Work, accounts, codes, identifiers, limits};

use crate::audit::audit;
use crate::counting::Counter;
use crate::proof::Proof;
use crate::tokens::DrawnSession;
use crate::{CodeUse, Core, SignedIn, Unavailable};

/// Who wants in.
#[derive(Debug)]
pub struct SignInWithCode<'a> {
    /// The identifier that the code was sent to.
    pub identifier: Identifier,
    /// As typed.
    pub code: &'a str,
    /// Where the code was asked for.
    pub code_use: CodeUse<'a>,
    /// The door.
    pub surface: Surface,
    /// Who asks.
    pub source: crate::Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInWithCodeError {
    /// Unknown identifier; or unknown, expired or used code; or a code sent to another identifier.
    #[error("no such identifier and code")]
    Credentials,
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

struct RedeemCode {
    digest: TokenDigest,
    purpose: CodePurpose,
    target: Lookup,
    proof: Proof,
    session: DrawnSession,
    /// What the good code takes back: failures are counted, not sign-ins.
    counter: Option<Counter>,
    now: Timestamp,
}

impl Work for RedeemCode {
    type Output = ();
    type Error = SignInWithCodeError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), SignInWithCodeError> {
        let code = codes::consume(tx, &self.digest, self.purpose, self.now).await?;
        if code.and_then(|code| code.target) != Some(self.target) {
            return Err(SignInWithCodeError::Credentials);
        }
        // The account may have exchanged the identifier for another one since it was looked up.
        let owner = identifiers::find(tx, &self.target).await?.filter(|owner| !owner.is_mere_claim);
        if owner.map(|owner| owner.account) != Some(self.proof.account) {
            return Err(SignInWithCodeError::Credentials);
        }
        self.proof.note(tx, self.now).await?;
        let account = accounts::find(tx, self.proof.account).await?;
        let account = account.filter(|account| account.standing == Standing::Active);
        let account = account.ok_or(SignInWithCodeError::Credentials)?;
        if !self.session.start(tx, account.id, account.epoch).await? {
            return Err(SignInWithCodeError::Credentials);
        }
        if let Some(counter) = &self.counter {
            limits::refund(tx, &counter.subject, counter.rate).await?;
        }
        Ok(())
    }
}

impl Core {
    /// Signs in with an identifier and a code that was sent to it (000 `/login`).
    ///
    /// Wrong codes are counted against their source only. A counter per identifier would let any
    /// stranger keep the owner out (R022), and it is not what protects the code: a code has 50 random
    /// bits and lives ten minutes, and an identifier has 24 of them at most at a time (`messages_per_target`).
    /// In these ten minutes a source has 300 + 1200 tries, so 10,000 sources have 1.5e7, and find one
    /// of the 24 with a chance of 24 * 1.5e7 / 2^50 = 3e-7. R030's five tries bound a code of six digits
    /// to a chance of 5e-6.
    ///
    /// # Errors
    /// [`SignInWithCodeError`].
    pub async fn sign_in_with_code(
        &self,
        request: SignInWithCode<'_>,
    ) -> Result<SignedIn, SignInWithCodeError> {
        let SignInWithCode { identifier, code, code_use, surface, source } = request;
        let rate = self.settings.limits.sign_in_per_source;
        let target = self.keyring.lookup(&identifier);
        let counter = self.source_counter(Scope::SignInSource, rate, source);
        self.count(counter.into_iter().collect()).await?;
        let code = Code::parse(code).ok_or(SignInWithCodeError::Credentials)?;
        let now = self.clock.now();
        let (digest, purpose) = (self.code_digest(&code, &code_use), code_use.purpose());
        let mut tx = self.store.read().await?;
        // The code first: without one that was sent to the identifier, it takes equally long whether
        // an account has it or not (R024).
        let found = codes::find_valid(&mut tx, &digest, purpose, now).await?;
        if found.and_then(|code| code.target) != Some(target) {
            return Err(SignInWithCodeError::Credentials);
        }
        // Who controls an address that is merely claimed is not the account's owner (decision 0006).
        let owner = identifiers::find(&mut tx, &target).await?.filter(|owner| !owner.is_mere_claim);
        let owner = owner.ok_or(SignInWithCodeError::Credentials)?;
        let account = accounts::find(&mut tx, owner.account).await?;
        let account = account.filter(|account| account.standing == Standing::Active);
        let account = account.ok_or(SignInWithCodeError::Credentials)?;
        let proof = self.gather_proof(&mut tx, &account, target).await?;
        drop(tx);
        let profile = self.open_profile(&account.profile)?;
        let session = self.draw_session(surface, now).by(AMR_CODE);
        let tokens = session.tokens.clone();
        self.store.write(RedeemCode { digest, purpose, target, proof, session, counter, now }).await?;
        audit("sign_in_with_code", "signed in", Some(account.id), source);
        Ok(SignedIn { account: account.id, uuid: account.uuid, profile, tokens })
    }
}
