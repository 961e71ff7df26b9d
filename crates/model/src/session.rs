//! Sessions and the tokens that stand for them.

use std::fmt;

use aws_lc_rs::digest;
use serde::Serialize;

use crate::ids::{AccountId, SessionId, Uuid};
use crate::random::Random;
use crate::secret::Secret;
use crate::time::Timestamp;

/// The door through which a session was started. The number stands in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Surface {
    /// Document 000.
    Ouser = 1,
    /// Document 001.
    Authd = 2,
    /// Document 002.
    Line = 3,
    /// Document 003.
    AuthV1 = 4,
    /// Document 004.
    Rest = 5,
}

impl Surface {
    /// All of them, in the order of their documents.
    pub const ALL: [Surface; 5] =
        [Surface::Ouser, Surface::Authd, Surface::Line, Surface::AuthV1, Surface::Rest];

    /// From the number in the store.
    pub fn from_number(number: i64) -> Option<Surface> {
        Surface::ALL.into_iter().find(|s| *s as i64 == number)
    }

    /// The name in configuration, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Surface::Ouser => "ouser",
            Surface::Authd => "authd",
            Surface::Line => "line",
            Surface::AuthV1 => "authv1",
            Surface::Rest => "rest",
        }
    }
}

/// What a token is for. The number stands in the store; a token of one purpose is refused
/// wherever another is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenPurpose {
    /// 000's `session_token`: signs in and refreshes.
    OuserSession = 1,
    /// 001's `access`.
    AuthdAccess = 2,
    /// 001's `refresh`.
    AuthdRefresh = 3,
    /// 002's token for other services.
    LineToken = 4,
    /// 003's `oauth_token`: signs in and refreshes.
    AuthV1Token = 5,
    /// 004's `token`.
    RestToken = 6,
}

impl TokenPurpose {
    /// From the number in the store.
    pub fn from_number(number: i64) -> Option<TokenPurpose> {
        use TokenPurpose::{AuthV1Token, AuthdAccess, AuthdRefresh, LineToken, OuserSession, RestToken};
        [OuserSession, AuthdAccess, AuthdRefresh, LineToken, AuthV1Token, RestToken]
            .into_iter()
            .find(|p| *p as i64 == number)
    }

    /// The surface whose document names the token.
    pub fn surface(self) -> Surface {
        match self {
            TokenPurpose::OuserSession => Surface::Ouser,
            TokenPurpose::AuthdAccess | TokenPurpose::AuthdRefresh => Surface::Authd,
            TokenPurpose::LineToken => Surface::Line,
            TokenPurpose::AuthV1Token => Surface::AuthV1,
            TokenPurpose::RestToken => Surface::Rest,
        }
    }

    /// Whether it shows who is asking (a refresh token of 001 only fetches a new pair).
    pub fn grants_access(self) -> bool {
        self != TokenPurpose::AuthdRefresh
    }
}

/// A token in plain text: shown once to its holder, stored only as its [`TokenDigest`].
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Secret);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Token {
    /// Draws a token in the form that its document asks for (design §3, decision 1).
    pub fn draw(purpose: TokenPurpose, random: &Random) -> Token {
        Token(match purpose {
            TokenPurpose::AuthdAccess | TokenPurpose::AuthdRefresh => Token::draw_uuid(random),
            TokenPurpose::RestToken => Secret::new(hex(&random.bytes::<20>())),
            TokenPurpose::OuserSession | TokenPurpose::LineToken | TokenPurpose::AuthV1Token => {
                Token::draw_marked(random)
            }
        })
    }

    /// A UUID of version 4 as text: 122 random bits.
    pub fn draw_uuid(random: &Random) -> Secret {
        Secret::new(Uuid::draw(random).to_string())
    }

    /// `cs_`, 43 random characters (256 bits) and 6 that check them, so that a scanner for leaked
    /// secrets can tell a real token from noise without asking the server.
    pub fn draw_marked(random: &Random) -> Secret {
        let body = random.text(BASE62, 43);
        let check = check_characters(&body);
        Secret::new(format!("cs_{body}{check}"))
    }

    /// Takes what a client presented. It is digested as it stands: a token that was cut, padded or
    /// written in another case is another token.
    pub fn presented(text: &str) -> Token {
        Token(Secret::new(text))
    }

    /// The text to hand out.
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }

    /// What the store keeps of it.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(self.reveal())
    }
}

/// Whether a text has the form and the check characters of a `cs_…` secret.
pub fn is_marked(text: &str) -> bool {
    text.strip_prefix("cs_").is_some_and(|rest| {
        rest.len() == 49 && rest.is_ascii() && check_characters(&rest[..43]) == rest[43..]
    })
}

fn check_characters(body: &str) -> String {
    let sum = digest::digest(&digest::SHA256, body.as_bytes());
    let mut number = sum.as_ref().iter().take(8).fold(0u64, |n, b| n << 8 | u64::from(*b));
    let mut out = String::with_capacity(6);
    for _ in 0..6 {
        out.push(char::from(BASE62[usize::try_from(number % 62).unwrap_or(0)]));
        number /= 62;
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// SHA-256 of a secret with at least 112 random bits: safe to store, since nobody can guess what
/// it was made from (R034).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenDigest(pub [u8; 32]);

impl TokenDigest {
    /// The digest of a secret text.
    pub fn of(text: &str) -> TokenDigest {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        TokenDigest(out)
    }

    /// Its first eight bytes: the number under which its row stands. An index of numbers is small enough to
    /// stay in memory where one of digests is not. Which token it is, the whole digest says.
    pub fn id(&self) -> i64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        i64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// A session: what one sign-in started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// Where it was started.
    pub surface: Surface,
    /// When.
    pub started_at: Timestamp,
}

/// A token as it was issued, with the times that the documents show.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// The plain token.
    pub token: Token,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_the_forms_of_their_documents() {
        let random = Random::seeded(3);
        let rest = Token::draw(TokenPurpose::RestToken, &random);
        assert!(
            rest.reveal().len() == 40
                && rest.reveal().bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        );
        assert!(Uuid::parse(Token::draw(TokenPurpose::AuthdAccess, &random).reveal()).is_some());
        let marked = Token::draw(TokenPurpose::OuserSession, &random);
        assert!(is_marked(marked.reveal()));
        assert!(!is_marked(&marked.reveal().replace("cs_", "cs-")));
        assert!(!is_marked(&format!("{}x", &marked.reveal()[..51])));
    }
}
