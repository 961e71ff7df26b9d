//! Makes an account for the identifier that a code was sent to (000 `/register`).

use countersign_model::account::Profile;
use countersign_model::code::{Code, CodePurpose};
use countersign_model::identifier::IdentifierKind;
use countersign_model::ids::{AccountId, Uuid};
use countersign_model::keyring::{Lookup, Place};
use countersign_model::limit::{RetryAfter, Scope};
use countersign_model::password::{Fault, Password, Rule};
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;
use countersign_store::{Tx, Work, accounts, codes, identifiers};

use crate::audit::audit;
use crate::claim::Claim;
use crate::{CodeUse, Core, Unavailable};

/// The code and the password of the new account.
#[derive(Debug)]
pub struct RegisterWithCode<'a> {
    /// As typed.
    pub code: &'a str,
    /// Where it was asked for.
    pub code_use: CodeUse<'a>,
    /// The password.
    pub password: &'a Password,
    /// Whose rule it must meet.
    pub rule: Rule,
    /// Who asks.
    pub source: crate::Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterWithCodeError {
    /// The new password does not meet the rule; nothing was used up.
    #[error("the password does not meet the rule")]
    Password(Vec<Fault>),
    /// Unknown, expired or used code.
    #[error("the code is not valid")]
    CodeInvalid,
    /// The identifier belongs to an account; the code stays usable.
    #[error("the identifier is registered")]
    IdentifierTaken,
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

struct Register {
    digest: TokenDigest,
    purpose: CodePurpose,
    target: Lookup,
    /// Who has the address without having proven it.
    claim: Option<Claim>,
    account: AccountId,
    uuid: Uuid,
    profile: Vec<u8>,
    phc: String,
    now: Timestamp,
}

impl Work for Register {
    type Output = ();
    type Error = RegisterWithCodeError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), RegisterWithCodeError> {
        let consumed = codes::consume(tx, &self.digest, self.purpose, self.now).await?;
        consumed.ok_or(RegisterWithCodeError::CodeInvalid)?;
        if let Some(claim) = &self.claim {
            claim.give_way(tx).await?;
        }
        if !identifiers::insert(tx, &self.target, self.account, Some(self.now)).await? {
            return Err(RegisterWithCodeError::IdentifierTaken);
        }
        let inserted = accounts::insert(tx, self.account, self.uuid, &self.profile, false, self.now).await;
        inserted.map_err(Unavailable::from)?;
        Ok(accounts::set_password(tx, self.account, &self.phc, self.now).await?)
    }
}

impl Core {
    /// Makes an account for the identifier that a code was sent to (000 `/register`). The code is
    /// used up only if the account is made (000-27).
    ///
    /// # Errors
    /// [`RegisterWithCodeError`].
    pub async fn register_with_code(
        &self,
        request: RegisterWithCode<'_>,
    ) -> Result<AccountId, RegisterWithCodeError> {
        let RegisterWithCode { code, code_use, password, rule, source } = request;
        let password = self.check_new_password(rule, password).await?;
        let rate = self.settings.limits.sign_in_per_source;
        self.count(self.source_counter(Scope::SignInSource, rate, source).into_iter().collect()).await?;
        let code = Code::parse(code).ok_or(RegisterWithCodeError::CodeInvalid)?;
        let (digest, purpose) = (self.code_digest(&code, &code_use), code_use.purpose());
        let now = self.clock.now();
        let mut tx = self.store.read().await?;
        let found = codes::find_valid(&mut tx, &digest, purpose, now).await?;
        let found = found.ok_or(RegisterWithCodeError::CodeInvalid)?;
        let target = found.target.ok_or(RegisterWithCodeError::CodeInvalid)?;
        let claim = match identifiers::find(&mut tx, &target).await? {
            Some(owner) if owner.is_mere_claim => self.gather_claim(&mut tx, target, owner).await?,
            Some(_) => return Err(RegisterWithCodeError::IdentifierTaken),
            None => None,
        };
        drop(tx);
        let profile = self.profile_of(&target, found.sealed.as_deref());
        let password = password.of(&profile)?;
        let profile = self.seal_profile(&profile)?;
        let slot = self.hasher.try_reserve(source)?;
        let phc = slot.hash(password.as_bytes(), self.random.bytes()).await?;
        let account = AccountId::draw(&self.random);
        let uuid = Uuid::draw(&self.random);
        self.store
            .write(Register { digest, purpose, target, claim, account, uuid, profile, phc, now })
            .await?;
        audit("register", "made", Some(account), source);
        Ok(account)
    }

    /// The profile of an account whose only identifier is this one.
    fn profile_of(&self, target: &Lookup, sealed: Option<&[u8]>) -> Profile {
        let given = sealed.and_then(|sealed| self.keyring.open(Place::CodeTarget, sealed).ok());
        let given = given.and_then(|given| String::from_utf8(given).ok());
        match target.kind {
            IdentifierKind::Username => Profile { username: given, ..Profile::default() },
            IdentifierKind::Email => Profile { email: given, ..Profile::default() },
            IdentifierKind::Phone => Profile { phone: given, ..Profile::default() },
        }
    }
}
