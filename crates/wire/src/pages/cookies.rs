//! The cookies of the pages. All belong to this host alone and only to HTTPS (`__Host-`, R061): the
//! one of the session shows who is signed in, the one of the browser ties forms and requests on their way
//! to the browser that they were made for. A third one is there for who has put off a better password.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_model::ids::AccountId;
use countersign_model::session::{IssuedToken, Mark, Token, TokenDigest, is_marked};
use countersign_ops::Unavailable;
use countersign_ops::oauth::browser_session::BrowserSession;

use crate::http::{Call, Reply};

/// The session of who is signed in.
const SESSION: &str = "__Host-countersign";
/// The browser, signed in or not.
const BROWSER: &str = "__Host-countersign-browser";
/// Whose password is not to be asked about for a while.
const PUT_OFF: &str = "__Host-countersign-later";
/// How long, in seconds.
const PUT_OFF_AGE: u64 = 30 * 86_400;
/// What all say: not for scripts, and not with forms of other sites. `Lax` and not `Strict`, since people
/// come here from the application that they want to sign in to.
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";
/// How long a browser is known, in seconds: longer than any flow takes.
const BROWSER_AGE: u64 = 86_400;

/// The browser that a request came from.
pub(super) struct Browser {
    /// What a sealed flow and a form's proof are bound to.
    pub(super) digest: TokenDigest,
    /// It had no cookie and gets this one.
    fresh: Option<String>,
}

impl Browser {
    /// The browser of this request; one without a cookie gets one with the reply.
    pub(super) fn of(call: &Call<'_>) -> Browser {
        Browser::known(call).unwrap_or_else(|| {
            let drawn = Token::draw_marked(Mark::PLAIN, &call.core().random).reveal().to_owned();
            Browser { digest: TokenDigest::of(&drawn), fresh: Some(drawn) }
        })
    }

    /// The browser of this request if it was here before.
    pub(super) fn known(call: &Call<'_>) -> Option<Browser> {
        let cookie = call.cookie(BROWSER).filter(|text| is_marked(text))?;
        Some(Browser { digest: TokenDigest::of(cookie), fresh: None })
    }

    /// Gives the reply the cookie if the browser has none yet. For every page with a form.
    pub(super) fn mark(&self, reply: Reply) -> Reply {
        match &self.fresh {
            Some(text) => reply.set_cookie(&format!("{BROWSER}={text}; {ATTRIBUTES}; Max-Age={BROWSER_AGE}")),
            None => reply,
        }
    }

    /// What a form of this browser brings along. `about` is what it is for: the sealed flow, or the path.
    pub(super) fn csrf(&self, call: &Call<'_>, about: &str) -> String {
        URL_SAFE_NO_PAD.encode(call.core().keyring.csrf(&self.digest, about.as_bytes()))
    }

    /// Whether a form brought along what [`Browser::csrf`] gave it.
    pub(super) fn is_own_form(&self, call: &Call<'_>, about: &str, brought: &str) -> bool {
        // Of digests a comparison that stops early tells nothing.
        TokenDigest::of(brought) == TokenDigest::of(&self.csrf(call, about))
    }
}

/// Who is signed in, as the cookie says.
pub(super) async fn session(call: &Call<'_>) -> Result<Option<BrowserSession>, Unavailable> {
    match session_cookie(call) {
        Some(cookie) => call.core().check_browser(cookie).await,
        None => Ok(None),
    }
}

/// The cookie of who is signed in, whether it holds or not.
pub(super) fn session_cookie<'a>(call: &'a Call<'_>) -> Option<&'a str> {
    call.cookie(SESSION).filter(|text| is_marked(text))
}

/// Lets the reply sign the browser in. The cookie stays for as long as the session may go on: when it was idle
/// for too long, the server says.
pub(super) fn sign_in(call: &Call<'_>, reply: Reply, token: &IssuedToken) -> Reply {
    let seconds = call.core().settings.sessions.longest_browser().as_secs();
    reply.set_cookie(&format!("{SESSION}={}; {ATTRIBUTES}; Max-Age={seconds}", token.token.reveal()))
}

/// Notes that this account is not to be asked for a better password in this browser for a while.
pub(super) fn put_off(call: &Call<'_>, reply: Reply, account: AccountId) -> Reply {
    let name = put_off_by(call, account);
    reply.set_cookie(&format!("{PUT_OFF}={name}; {ATTRIBUTES}; Max-Age={PUT_OFF_AGE}"))
}

/// Whether that was noted.
pub(super) fn has_put_off(call: &Call<'_>, account: AccountId) -> bool {
    call.cookie(PUT_OFF).is_some_and(|name| name == put_off_by(call, account))
}

/// The account, for nobody to read: the cookie stays when they sign out.
fn put_off_by(call: &Call<'_>, account: AccountId) -> String {
    let name = call.core().keyring.csrf(&TokenDigest::of(PUT_OFF), &account.0.to_be_bytes());
    URL_SAFE_NO_PAD.encode(name)
}

/// Lets the reply sign the browser out.
pub(super) fn sign_out(reply: Reply) -> Reply {
    reply.set_cookie(&format!("{SESSION}=; {ATTRIBUTES}; Max-Age=0"))
}
