//! What a sign-in hands out.

use countersign_model::account::Profile;
use countersign_model::ids::{AccountId, SessionId, Uuid};
use countersign_model::oauth::TokenFacts;
use countersign_model::session::{IssuedToken, Session, Surface, Token, TokenPurpose};
use countersign_model::time::Timestamp;
use countersign_store::tokens::{Holder, NewToken};
use countersign_store::{StoreError, Tx, sessions, tokens};

use crate::Core;

/// The tokens of a session that was just started or refreshed.
#[derive(Clone, Debug)]
pub struct SessionTokens {
    /// The session.
    pub session: SessionId,
    /// Shows who is asking.
    pub access: IssuedToken,
    /// Fetches a new pair; 001 only, the other documents refresh with the access token itself.
    pub refresh: Option<IssuedToken>,
}

/// A successful sign-in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The account's integer id.
    pub account: AccountId,
    /// The account's public id.
    pub uuid: Uuid,
    /// What people can read about it.
    pub profile: Profile,
    /// What was handed out.
    pub tokens: SessionTokens,
}

/// A session that is about to be stored: drawn before the transaction, so that it may run again.
#[derive(Clone, Debug)]
pub(crate) struct DrawnSession {
    surface: Surface,
    now: Timestamp,
    /// So many sessions an account has at most.
    most: u32,
    /// What its holder gets.
    pub tokens: SessionTokens,
    /// What its access token carries; none on the five documents.
    pub facts: Option<TokenFacts>,
}

impl DrawnSession {
    /// Notes how a browser's user signed in (RFC 8176); sessions of the documents do not tell.
    pub(crate) fn by(mut self, method: &str) -> DrawnSession {
        if self.surface == Surface::Browser {
            self.facts = Some(TokenFacts { amr: vec![method.to_owned()], ..TokenFacts::default() });
        }
        self
    }

    /// The same for a session that was started before, with tokens that end no later than it may.
    pub(crate) fn refreshed(&self, holder: Holder, end: Timestamp) -> DrawnSession {
        let mut drawn = self.clone();
        drawn.tokens.session = holder.session;
        for token in std::iter::once(&mut drawn.tokens.access).chain(&mut drawn.tokens.refresh) {
            token.expires_at = token.expires_at.min(end);
        }
        drawn
    }

    /// Stores the session and its tokens if the account is in use and in this epoch. `false` if it is
    /// not: then the tokens are no session's, as if it had been ended at once. Every sign-in and every
    /// registration that signs in passes here.
    pub(crate) async fn start(
        &self,
        tx: &mut Tx<'_>,
        account: AccountId,
        epoch: i64,
    ) -> Result<bool, StoreError> {
        let id = self.tokens.session;
        let session = Session { id, account, surface: self.surface, started_at: self.now };
        if !sessions::insert(tx, &session, epoch, self.most).await? {
            return Ok(false);
        }
        self.store_tokens(tx, Holder { account, session: id, epoch }).await?;
        Ok(true)
    }

    /// Stores the tokens alone, for a session that is refreshed.
    pub(crate) async fn store_tokens(&self, tx: &mut Tx<'_>, holder: Holder) -> Result<(), StoreError> {
        let (access, refresh) = purposes(self.surface);
        tokens::insert(tx, holder, &self.stored(access, &self.tokens.access)).await?;
        if let (Some(purpose), Some(token)) = (refresh, &self.tokens.refresh) {
            tokens::insert(tx, holder, &self.stored(purpose, token)).await?;
        }
        Ok(())
    }

    fn stored(&self, purpose: TokenPurpose, token: &IssuedToken) -> NewToken {
        let IssuedToken { token, issued_at, expires_at } = token;
        let facts = self.facts.as_ref().and_then(|facts| serde_json::to_string(facts).ok());
        NewToken {
            digest: token.digest(),
            purpose,
            issued_at: *issued_at,
            expires_at: *expires_at,
            client: None,
            facts,
        }
    }
}

/// Which tokens a surface hands out: the one that shows who is asking, and the one that refreshes
/// where that is another.
fn purposes(surface: Surface) -> (TokenPurpose, Option<TokenPurpose>) {
    match surface {
        Surface::Ouser => (TokenPurpose::OuserSession, None),
        Surface::Authd => (TokenPurpose::AuthdAccess, Some(TokenPurpose::AuthdRefresh)),
        Surface::Line => (TokenPurpose::LineToken, None),
        Surface::AuthV1 => (TokenPurpose::AuthV1Token, None),
        Surface::Rest => (TokenPurpose::RestToken, None),
        Surface::Browser => (TokenPurpose::BrowserSession, None),
        Surface::OAuth => (TokenPurpose::OAuthAccess, Some(TokenPurpose::OAuthRefresh)),
    }
}

impl Core {
    /// Draws the tokens of a session of this surface.
    pub(crate) fn draw_session(&self, surface: Surface, now: Timestamp) -> DrawnSession {
        let (access, refresh) = purposes(surface);
        let issue = |purpose| IssuedToken {
            token: Token::draw(purpose, &self.random, now),
            issued_at: now,
            expires_at: self.settings.sessions.end_of_first(purpose, now),
        };
        let session = SessionId::draw(&self.random);
        let tokens = SessionTokens { session, access: issue(access), refresh: refresh.map(issue) };
        DrawnSession { surface, now, most: self.settings.limits.sessions_per_account, tokens, facts: None }
    }
}
