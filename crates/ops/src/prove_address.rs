//! Proves an address or a number of an account from inside a session of a browser (decision 0006).

use countersign_model::code::{Code, CodePurpose};
use countersign_model::identifier::{Identifier, IdentifierKind};
use countersign_model::keyring::Lookup;
use countersign_model::limit::{RetryAfter, Scope};
use countersign_model::message::Template;
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;
use countersign_store::{Tx, Work, accounts, codes, identifiers, tokens};

use crate::audit::audit;
use crate::oauth::browser_session::BrowserSession;
use crate::send_code::{SendCode, SendCodeError};
use crate::{CodeUse, Core, Source, Unavailable};

/// An address or a number of an account.
#[derive(Clone, Debug)]
pub struct OwnAddress {
    /// Which.
    pub address: Identifier,
    /// Whether control over it was proven.
    pub is_proven: bool,
}

/// A code that was sent to an address of the account that is signed in.
#[derive(Debug)]
pub struct ProveAddress<'a> {
    /// The cookie of the browser that is signed in.
    pub cookie: &'a str,
    /// The address or number.
    pub address: &'a Identifier,
    /// As typed.
    pub code: &'a str,
    /// Where the code was asked for.
    pub code_use: CodeUse<'a>,
    /// Who asks.
    pub source: Source,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProveAddressError {
    /// Unknown, expired or used code; or the address is no longer this account's: another one has proven it, or it was
    /// exchanged.
    #[error("the code is not valid")]
    CodeInvalid,
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    SignedOut,
    /// Tried too often.
    #[error(transparent)]
    TooMany(#[from] RetryAfter),
    /// Not possible just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

struct Prove {
    cookie: TokenDigest,
    digest: TokenDigest,
    purpose: CodePurpose,
    target: Lookup,
    now: Timestamp,
}

impl Work for Prove {
    type Output = ();
    type Error = ProveAddressError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), ProveAddressError> {
        let session = tokens::find_valid(tx, &self.cookie, self.now).await?;
        let account = session.ok_or(ProveAddressError::SignedOut)?.account;
        let code = codes::consume(tx, &self.digest, self.purpose, self.now).await?;
        if code.and_then(|code| code.target) != Some(self.target) {
            return Err(ProveAddressError::CodeInvalid);
        }
        // Not `Proof`, which evicts whatever was set up before the first proof: here the code comes from who is signed
        // in already, in the same browser.
        identifiers::verify(tx, account, &self.target, self.now).await?;
        let owner = identifiers::find(tx, &self.target).await?;
        if owner.filter(|owner| owner.verified_at.is_some()).map(|owner| owner.account) != Some(account) {
            return Err(ProveAddressError::CodeInvalid);
        }
        if self.target.kind == IdentifierKind::Email {
            accounts::email_arrived(tx, account).await?;
        }
        Ok(())
    }
}

impl Core {
    /// The addresses and numbers of whoever is signed in; those that are kept as hashes only are not among them.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn list_addresses(&self, session: &BrowserSession) -> Result<Vec<OwnAddress>, Unavailable> {
        let kept = identifiers::of_account(&mut self.store.read().await?, session.account).await?;
        let profile = &session.profile;
        let shown = [&profile.email, &profile.phone].into_iter().flatten();
        let own = shown.filter_map(|given| {
            let address = Identifier::any(given, self.settings.phone_region)?;
            let (_, verified_at) = kept.iter().find(|(kind, _)| *kind == address.kind())?;
            Some(OwnAddress { address, is_proven: verified_at.is_some() })
        });
        Ok(own.collect())
    }

    /// Sends a code to an address of whoever is signed in that nobody has proven; which one it is. `None` if they have no
    /// such address: a session sends nothing to strangers.
    ///
    /// # Errors
    /// [`SendCodeError`].
    pub async fn send_proof(
        &self,
        session: &BrowserSession,
        given: &str,
        browser: &TokenDigest,
        source: Source,
    ) -> Result<Option<Identifier>, SendCodeError> {
        let Some(address) = self.unproven_address(session, given).await? else { return Ok(None) };
        let code_use = CodeUse::Page { purpose: CodePurpose::ProveAddress, browser, identifier: &address };
        let target = address.clone();
        let request = SendCode { target, template: Template::VerificationCode, code_use, source };
        self.send_code(request).await?;
        Ok(Some(address))
    }

    /// The address of whoever is signed in that is written like this, if nobody has proven it.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn unproven_address(
        &self,
        session: &BrowserSession,
        given: &str,
    ) -> Result<Option<Identifier>, Unavailable> {
        let own = self.list_addresses(session).await?.into_iter();
        Ok(own.filter(|own| !own.is_proven).map(|own| own.address).find(|address| address.given() == given))
    }

    /// Proves an address to the account that is signed in. Everything that was set up stays: the session and the code
    /// are in the same hands.
    ///
    /// Wrong codes are counted against their source only, as where they sign in ([`Core::sign_in_with_code`]).
    ///
    /// # Errors
    /// [`ProveAddressError`].
    pub async fn prove_address(&self, request: ProveAddress<'_>) -> Result<(), ProveAddressError> {
        let ProveAddress { cookie, address, code, code_use, source } = request;
        let rate = self.settings.limits.sign_in_per_source;
        self.count(self.source_counter(Scope::SignInSource, rate, source).into_iter().collect()).await?;
        let session = self.check_browser(cookie).await?.ok_or(ProveAddressError::SignedOut)?;
        let code = Code::parse(code).ok_or(ProveAddressError::CodeInvalid)?;
        let work = Prove {
            cookie: TokenDigest::of(cookie),
            digest: self.code_digest(&code, &code_use),
            purpose: code_use.purpose(),
            target: self.keyring.lookup(address),
            now: self.clock.now(),
        };
        self.store.write(work).await?;
        audit("prove_address", "proven", Some(session.account), source);
        Ok(())
    }
}
