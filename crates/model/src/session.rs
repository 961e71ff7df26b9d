//! Sessions and the tokens that stand for them.

use std::borrow::Cow;
use std::fmt;

use aws_lc_rs::digest;
use serde::Serialize;

use crate::ids::{AccountId, SessionId, Uuid};
use crate::random::Random;
use crate::secret::Secret;
use crate::stored::Stored;
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
    /// A browser at the pages of this server.
    Browser = 6,
    /// An application that acts for somebody (RFC 6749).
    OAuth = 7,
}

impl Surface {
    /// Those of the five documents, in their order.
    pub const ALL: [Surface; 5] =
        [Surface::Ouser, Surface::Authd, Surface::Line, Surface::AuthV1, Surface::Rest];

    /// All of them.
    pub const EVERY: [Surface; 7] = [
        Surface::Ouser,
        Surface::Authd,
        Surface::Line,
        Surface::AuthV1,
        Surface::Rest,
        Surface::Browser,
        Surface::OAuth,
    ];

    /// From the number in the store.
    pub fn from_number(number: i64) -> Option<Surface> {
        Surface::EVERY.into_iter().find(|s| *s as i64 == number)
    }

    /// The name in configuration, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Surface::Ouser => "ouser",
            Surface::Authd => "authd",
            Surface::Line => "line",
            Surface::AuthV1 => "authv1",
            Surface::Rest => "rest",
            Surface::Browser => "browser",
            Surface::OAuth => "oauth",
        }
    }
}

impl Stored<Surface> {
    /// From the number in the store.
    pub fn from_number(number: i64) -> Stored<Surface> {
        Surface::from_number(number).map_or(Stored::Unknown(number), Stored::Known)
    }

    /// The name in listings.
    pub fn name(self) -> Cow<'static, str> {
        self.named(Surface::name)
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
    /// The cookie of a browser that is signed in at the pages.
    BrowserSession = 7,
    /// An opaque access token of OAuth.
    OAuthAccess = 8,
    /// A refresh token of OAuth.
    OAuthRefresh = 9,
}

impl TokenPurpose {
    const ALL: [TokenPurpose; 9] = [
        TokenPurpose::OuserSession,
        TokenPurpose::AuthdAccess,
        TokenPurpose::AuthdRefresh,
        TokenPurpose::LineToken,
        TokenPurpose::AuthV1Token,
        TokenPurpose::RestToken,
        TokenPurpose::BrowserSession,
        TokenPurpose::OAuthAccess,
        TokenPurpose::OAuthRefresh,
    ];

    /// From the number in the store.
    pub fn from_number(number: i64) -> Option<TokenPurpose> {
        TokenPurpose::ALL.into_iter().find(|p| *p as i64 == number)
    }

    /// The surface whose document names the token.
    pub fn surface(self) -> Surface {
        match self {
            TokenPurpose::OuserSession => Surface::Ouser,
            TokenPurpose::AuthdAccess | TokenPurpose::AuthdRefresh => Surface::Authd,
            TokenPurpose::LineToken => Surface::Line,
            TokenPurpose::AuthV1Token => Surface::AuthV1,
            TokenPurpose::RestToken => Surface::Rest,
            TokenPurpose::BrowserSession => Surface::Browser,
            TokenPurpose::OAuthAccess | TokenPurpose::OAuthRefresh => Surface::OAuth,
        }
    }

    /// Whether it shows who is asking at the operations of the documents. A refresh token of 001 only
    /// fetches a new pair. A token of OAuth is limited to its scope, which the documents do not know, and
    /// a cookie is no bearer token.
    pub fn grants_access(self) -> bool {
        match self {
            TokenPurpose::OuserSession
            | TokenPurpose::AuthdAccess
            | TokenPurpose::LineToken
            | TokenPurpose::AuthV1Token
            | TokenPurpose::RestToken => true,
            TokenPurpose::AuthdRefresh
            | TokenPurpose::BrowserSession
            | TokenPurpose::OAuthAccess
            | TokenPurpose::OAuthRefresh => false,
        }
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

/// What a secret begins with, so that people and scanners see what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(&'static str);

impl Mark {
    /// Secrets of the five documents.
    pub const PLAIN: Mark = Mark("cs_");
    /// Access tokens of OAuth.
    pub const ACCESS: Mark = Mark("cs_at_");
    /// Refresh tokens of OAuth.
    pub const REFRESH: Mark = Mark("cs_rt_");
    /// Access tokens of a client for itself.
    pub const CLIENT_TOKEN: Mark = Mark("cs_ct_");
    /// Cookies of the pages.
    pub const BROWSER: Mark = Mark("cs_bs_");
    /// Device codes.
    pub const DEVICE_CODE: Mark = Mark("cs_dc_");
    /// Authorization codes.
    pub const CODE: Mark = Mark("cs_ac_");
    /// Registration access tokens.
    pub const REGISTRATION: Mark = Mark("cs_rg_");
    /// Client secrets.
    pub const CLIENT_SECRET: Mark = Mark("cs_cs_");

    const KINDS: [Mark; 8] = [
        Mark::ACCESS,
        Mark::REFRESH,
        Mark::CLIENT_TOKEN,
        Mark::BROWSER,
        Mark::DEVICE_CODE,
        Mark::CODE,
        Mark::REGISTRATION,
        Mark::CLIENT_SECRET,
    ];

    /// Whether the text begins like this. Says nothing about the rest of it.
    pub fn begins(self, text: &str) -> bool {
        text.starts_with(self.0)
    }
}

/// Marks of tokens that say where their rows stand.
const PLACED: [Mark; 3] = [Mark::ACCESS, Mark::REFRESH, Mark::CLIENT_TOKEN];

/// For so many microseconds tokens have one place.
const PLACE_LASTS: i64 = 5_000;

/// Characters of a place.
const PLACE_CHARACTERS: u32 = 4;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Token {
    /// Draws a token in the form that its document asks for (design 3.1).
    pub fn draw(purpose: TokenPurpose, random: &Random, now: Timestamp) -> Token {
        Token(match purpose {
            TokenPurpose::AuthdAccess | TokenPurpose::AuthdRefresh => Token::draw_uuid(random),
            TokenPurpose::RestToken => Secret::new(hex(&random.bytes::<20>())),
            TokenPurpose::OuserSession | TokenPurpose::LineToken | TokenPurpose::AuthV1Token => {
                Token::draw_marked(Mark::PLAIN, random)
            }
            TokenPurpose::BrowserSession => Token::draw_marked(Mark::BROWSER, random),
            TokenPurpose::OAuthAccess => Token::draw_placed(Mark::ACCESS, random, now),
            TokenPurpose::OAuthRefresh => Token::draw_placed(Mark::REFRESH, random, now),
        })
    }

    /// A UUID of version 4 as text: 122 random bits.
    pub fn draw_uuid(random: &Random) -> Secret {
        Secret::new(Uuid::draw(random).to_string())
    }

    /// The mark, 43 random characters (256 bits) and 6 that check them, so that a scanner for leaked
    /// secrets can tell a real token from noise without asking the server.
    pub fn draw_marked(mark: Mark, random: &Random) -> Secret {
        Token::checked(mark, &random.text(BASE62, 43))
    }

    /// The same with four characters before the random ones that say where its row stands: tokens that are drawn
    /// together are written to the same pages of the database (docs/decisions/0008-hot-path.md).
    pub fn draw_placed(mark: Mark, random: &Random, now: Timestamp) -> Secret {
        let place = now.micros().div_euclid(PLACE_LASTS).rem_euclid(62_i64.pow(PLACE_CHARACTERS));
        let digit = |power| char::from(BASE62[usize::try_from(place / 62_i64.pow(power) % 62).unwrap_or(0)]);
        let place: String = (0..PLACE_CHARACTERS).rev().map(digit).collect();
        Token::checked(mark, &format!("{place}{}", random.text(BASE62, 43)))
    }

    fn checked(mark: Mark, body: &str) -> Secret {
        Secret::new(format!("{}{body}{}", mark.0, check_characters(body)))
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
    let rest = Mark::KINDS.iter().chain([&Mark::PLAIN]).find_map(|mark| text.strip_prefix(mark.0));
    rest.is_some_and(|rest| {
        let (is_long, body) = (matches!(rest.len(), 49 | 53), rest.len().saturating_sub(6));
        is_long && rest.is_ascii() && check_characters(&rest[..body]) == rest[body..]
    })
}

/// The place that a token names: three bytes.
fn place_of(text: &str) -> Option<[u8; 3]> {
    let body = PLACED.iter().find_map(|mark| text.strip_prefix(mark.0))?;
    let digits = body.as_bytes().get(..PLACE_CHARACTERS as usize)?;
    let place = digits.iter().try_fold(0, |number: u32, byte| {
        let digit = BASE62.iter().position(|digit| digit == byte)?;
        Some(number * 62 + u32::try_from(digit).ok()?)
    })?;
    let [_, place @ ..] = place.to_be_bytes();
    Some(place)
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
/// it was made from (R034). Of a token that names its place, the place and the first 232 bits of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenDigest(pub [u8; 32]);

impl TokenDigest {
    /// The digest of a secret text.
    pub fn of(text: &str) -> TokenDigest {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        if let Some(place) = place_of(text) {
            out.rotate_right(place.len());
            out[..place.len()].copy_from_slice(&place);
        }
        TokenDigest(out)
    }

    /// Its first eight bytes: the number under which its row stands. An index of numbers is small enough to
    /// stay in memory where one of digests is not. Which token it is, the whole digest says. Rows of tokens that
    /// name their place stand beside each other if they were drawn at about the same time.
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

/// A session as it is listed. A newer node of the same database may have started it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSession {
    /// Its id.
    pub id: SessionId,
    /// Where it was started.
    pub surface: Stored<Surface>,
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
        let (random, now) = (Random::seeded(3), Timestamp::from_micros(1_800_000_000_000_000));
        let rest = Token::draw(TokenPurpose::RestToken, &random, now);
        assert!(
            rest.reveal().len() == 40
                && rest.reveal().bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        );
        assert!(Uuid::parse(Token::draw(TokenPurpose::AuthdAccess, &random, now).reveal()).is_some());
        let marked = Token::draw(TokenPurpose::OuserSession, &random, now);
        assert!(is_marked(marked.reveal()));
        assert!(!is_marked(&marked.reveal().replace("cs_", "cs-")));
        assert!(!is_marked(&format!("{}x", &marked.reveal()[..51])));
        let placed = Token::draw(TokenPurpose::OAuthAccess, &random, now);
        assert!(placed.reveal().len() == 59 && is_marked(placed.reveal()));
        assert!(!is_marked(&placed.reveal().replace("cs_at_", "cs_at_0")));
    }

    #[test]
    fn tokens_that_are_drawn_together_stand_together() {
        let random = Random::seeded(4);
        let drawn_at = |micros| {
            let now = Timestamp::from_micros(1_800_000_000_000_000 + micros);
            Token::draw(TokenPurpose::OAuthRefresh, &random, now).digest()
        };
        let (first, second, later) = (drawn_at(0), drawn_at(PLACE_LASTS - 1), drawn_at(PLACE_LASTS));
        assert_eq!(first.id() >> 40, second.id() >> 40);
        assert_eq!((first.id() >> 40) + 1, later.id() >> 40);
        assert_ne!(first.0[3..], second.0[3..], "and are told from each other by their digests");
        // Nobody else's text has a place, and none breaks the reading of one.
        for text in ["cs_at_", "cs_at_abc", "cs_at_ab\u{e4}d", "cs_at_ab-d", "cs_abcdefgh"] {
            let sum = digest::digest(&digest::SHA256, text.as_bytes());
            assert_eq!(TokenDigest::of(text).0[..], sum.as_ref()[..], "{text}");
        }
        assert_eq!(TokenDigest::of("cs_at_zzzz").0[..3], [0xE1, 0x78, 0x0F]);
    }
}
