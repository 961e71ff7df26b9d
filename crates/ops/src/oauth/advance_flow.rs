//! What an authorization request needs next. Nothing is remembered between the steps: what is missing
//! follows from the request, the browser's session and the consent, so no step can be left out (R074).

use std::time::Duration;

use countersign_model::ids::{AccountId, SessionId};
use countersign_model::oauth::{
    AuthMethod, AuthorizationDetails, AuthorizationRequest, Client, ClientNo, ClientOrigin, ErrorCode,
    GrantFacts, GrantType, RedirectUri, ResponseMode, Scope,
};
use countersign_model::session::{Mark, Token, TokenDigest};
use countersign_model::time::Timestamp;
use countersign_store::oauth::{codes, consents};
use countersign_store::{StoreError, Tx, Work, sessions};

use super::browser_session::BrowserSession;
use super::manage_groups::is_admitted;
use super::read_request::{Destination, Fault, check_details, check_resource};
use super::single_claims::{can_do, demanded_acr, demands_code, fits_subject};
use super::start_authorization::{Answer, Flow};
use crate::{Core, OAuthSettings, Unavailable};

/// What comes next.
#[derive(Clone, Debug)]
pub enum Step {
    /// The sign-in page.
    SignIn {
        /// What to put into the field.
        login_hint: Option<String>,
        /// They are signed in and must do it again.
        again: bool,
        /// What the client demands is had by a code only.
        by_code: bool,
    },
    /// The page that asks which account.
    SelectAccount {
        /// Who is signed in.
        who: String,
    },
    /// The page that asks for consent.
    Consent {
        /// What is asked for.
        scopes: Vec<ScopeLine>,
        /// RFC 9396.
        details: AuthorizationDetails,
    },
    /// Back to the client.
    Answer(Answer),
    /// It cannot be had, and whoever sits in front of the browser is told instead of the client.
    Refused {
        /// The error of OAuth.
        code: ErrorCode,
        /// What is wrong.
        reason: &'static str,
    },
}

/// A scope on the consent page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeLine {
    /// Its name.
    pub name: String,
    /// It was allowed before.
    pub known: bool,
}

/// Why a flow cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdvanceFlowError {
    /// The session has ended meanwhile.
    #[error("nobody is signed in")]
    SignedOut,
    /// The work could not be done.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What stands between a request and its code.
enum Need<'s> {
    /// A page.
    Page(Step),
    /// It cannot be had.
    Refuse(Fault),
    /// Nothing.
    Nothing(&'s BrowserSession),
}

impl Flow {
    pub(super) fn destination(&self) -> Destination {
        let only = self.client.metadata.redirect_uris.first().map(|uri| uri.as_str().to_owned());
        Destination {
            redirect_uri: self.request.redirect_uri.clone().or(only).unwrap_or_default(),
            mode: self.request.response_mode.unwrap_or(ResponseMode::Query),
            state: self.request.state.clone(),
        }
    }

    /// What can be granted: a scope that would do nothing is not, nor one that was taken from the client since it
    /// asked.
    fn scope(&self) -> Scope {
        let scope = self.request.scope.intersect(&self.client.metadata.scope);
        match self.client.may(GrantType::RefreshToken) {
            true => scope,
            false => scope.without(&Scope::parse(Scope::OFFLINE).unwrap_or_default()),
        }
    }

    /// What a person is asked for: the scope, and what stands for the claims that are asked for one by one.
    fn asked(&self) -> Scope {
        self.scope().union(&self.single_scope())
    }
}

impl Core {
    /// What the flow needs next; with everything there, a code.
    ///
    /// # Errors
    /// [`AdvanceFlowError`].
    pub async fn advance_flow(
        &self,
        flow: &Flow,
        session: Option<&BrowserSession>,
    ) -> Result<Step, AdvanceFlowError> {
        let is_silent = flow.request.prompt.none;
        let page = match self.what_is_missing(flow, session).await? {
            Need::Refuse(fault) => return Ok(self.refuse_unasked(flow, session, fault).await?),
            Need::Page(page) => page,
            Need::Nothing(session) => match self.issue_code(flow, session, None).await? {
                Some(answer) => return Ok(Step::Answer(answer)),
                None => sign_in(flow, false),
            },
        };
        match is_silent {
            true => Ok(self.refuse_unasked(flow, session, silent_fault(&page)).await?),
            false => Ok(page),
        }
    }

    /// What they decided: `None` is no. Remembered, and answered with a code.
    ///
    /// # Errors
    /// [`AdvanceFlowError`].
    pub async fn consent(
        &self,
        flow: &Flow,
        session: &BrowserSession,
        granted: Option<Scope>,
    ) -> Result<Answer, AdvanceFlowError> {
        match self.what_is_missing(flow, Some(session)).await? {
            Need::Refuse(fault) => return Ok(self.refuse_flow(flow, fault).await?),
            Need::Page(Step::SignIn { .. } | Step::SelectAccount { .. }) => {
                return Err(AdvanceFlowError::SignedOut);
            }
            Need::Page(Step::Consent { .. } | Step::Answer(_) | Step::Refused { .. }) | Need::Nothing(_) => {}
        }
        let Some(granted) = granted else {
            crate::audit::audit("consent", "refused", Some(session.account), None);
            let fault = Fault(ErrorCode::AccessDenied, "The request was refused by its user.");
            return Ok(self.refuse_flow(flow, fault).await?);
        };
        // Without an ID token a sign-in would come to nothing: it goes with the rest.
        let openid = Scope::parse(Scope::OPENID).unwrap_or_default();
        let allowed = flow.asked().intersect(&granted.union(&openid));
        let answer = self.issue_code(flow, session, Some(allowed)).await?;
        answer.ok_or(AdvanceFlowError::SignedOut)
    }

    /// A refusal in which nobody had a hand. A client that nobody has looked at could send browsers wherever it
    /// likes by asking for what cannot be had (RFC 9700 §4.11.2): its redirect URI is trusted by those who have
    /// allowed it something, and everybody else is shown a page.
    async fn refuse_unasked(
        &self,
        flow: &Flow,
        session: Option<&BrowserSession>,
        fault: Fault,
    ) -> Result<Step, Unavailable> {
        let is_trusted = match session {
            _ if flow.client.is_operators() => true,
            Some(session) => {
                let mut tx = self.store.read().await?;
                consents::find(&mut tx, session.account, flow.client.no).await?.is_some()
            }
            None => false,
        };
        let Fault(code, reason) = fault;
        match is_trusted {
            true => Ok(Step::Answer(self.refuse_flow(flow, fault).await?)),
            false => Ok(Step::Refused { code, reason }),
        }
    }

    async fn refuse_flow(&self, flow: &Flow, fault: Fault) -> Result<Answer, Unavailable> {
        self.refusal(&flow.client, flow.destination(), fault).await
    }

    async fn what_is_missing<'s>(
        &self,
        flow: &Flow,
        session: Option<&'s BrowserSession>,
    ) -> Result<Need<'s>, Unavailable> {
        let request = &flow.request;
        // The client may have been changed since it asked.
        if let Err(fault) = check_targets(&flow.client, request, &self.settings.oauth) {
            return Ok(Need::Refuse(fault));
        }
        let demand = demanded_acr(request);
        if demand.as_ref().is_some_and(|wanted| !wanted.iter().any(|acr| can_do(acr))) {
            let why = "None of the demanded acr values can be had here.";
            return Ok(Need::Refuse(Fault(ErrorCode::UnmetAuthenticationRequirements, why)));
        }
        let Some(session) = session else { return Ok(Need::Page(sign_in(flow, false))) };
        // Signed in for this very request.
        let is_fresh = session.auth_time >= flow.started_at;
        if !is_fresh && (request.prompt.login || is_too_old(request, session, self.clock.now())) {
            return Ok(Need::Page(sign_in(flow, true)));
        }
        if demand.is_some_and(|wanted| !wanted.iter().any(|acr| session.acr() == Some(acr))) {
            return Ok(Need::Page(sign_in(flow, true)));
        }
        let subject = self.subject(&flow.client, session.uuid);
        if flow.hint.as_ref().is_some_and(|hint| *hint != subject) || !fits_subject(request, &subject) {
            // OpenID Connect Core §3.1.2.1: as this user or not at all.
            let why = "The user is not the one of the id_token_hint or of the claims.";
            return Ok(match is_fresh {
                true => Need::Refuse(Fault(ErrorCode::LoginRequired, why)),
                false => Need::Page(sign_in(flow, true)),
            });
        }
        let is_chosen = is_fresh || flow.chosen == Some(session.account);
        if !is_chosen && (request.prompt.select_account || !fits_hint(request, session)) {
            return Ok(Need::Page(Step::SelectAccount { who: session.profile.shown_name().to_owned() }));
        }
        self.consent_or_nothing(flow, session).await
    }

    async fn consent_or_nothing<'s>(
        &self,
        flow: &Flow,
        session: &'s BrowserSession,
    ) -> Result<Need<'s>, Unavailable> {
        let client = &flow.client;
        let mut tx = self.store.read().await?;
        if !is_admitted(&mut tx, client, session.account).await? {
            let why = "The user may not use this application.";
            return Ok(Need::Refuse(Fault(ErrorCode::AccessDenied, why)));
        }
        let details = &flow.request.authorization_details;
        // What is asked for in particular, such as a payment, is allowed each time.
        let is_asked_always = flow.request.prompt.consent || !details.is_empty();
        if client.metadata.first_party && !is_asked_always {
            return Ok(Need::Nothing(session));
        }
        let known = consents::find(&mut tx, session.account, client.no).await?;
        let scope = flow.asked();
        let is_known = known.as_ref().is_some_and(|known| scope.is_subset(known));
        if is_known && !is_asked_always && !could_be_another(client, &flow.request) {
            return Ok(Need::Nothing(session));
        }
        let known = known.unwrap_or_default();
        let line = |name: &str| ScopeLine { name: name.to_owned(), known: known.has(name) };
        let scopes = scope.names().map(line).collect();
        Ok(Need::Page(Step::Consent { scopes, details: details.clone() }))
    }

    /// `None` if the session has ended at this moment. `allowed`: what was allowed on a page; all if none was
    /// shown.
    async fn issue_code(
        &self,
        flow: &Flow,
        session: &BrowserSession,
        allowed: Option<Scope>,
    ) -> Result<Option<Answer>, Unavailable> {
        let Flow { client, request, .. } = flow;
        let destination = flow.destination();
        // Before there is a code: a key may be in the making.
        self.await_answer_key(client, &destination).await?;
        let asked = flow.asked();
        let may = allowed.as_ref().unwrap_or(&asked);
        let scope = flow.scope().intersect(may);
        let now = self.clock.now();
        let secret = Token::draw_marked(Mark::CODE, &self.random);
        let facts = GrantFacts {
            offline: scope.has(Scope::OFFLINE),
            scope,
            audience: request.resource.clone(),
            auth_time: session.auth_time.micros(),
            amr: session.amr.clone(),
            acr: session.acr().map(str::to_owned),
            nonce: request.nonce.clone(),
            claims: flow.single_claims(may),
            details: request.authorization_details.clone(),
            browser: session.session.0,
        };
        let code = codes::Code {
            client: client.no,
            account: session.account,
            epoch: session.epoch,
            session: SessionId::draw(&self.random),
            parent: session.session,
            redirect_uri: request.redirect_uri.clone(),
            challenge: request.challenge.as_ref().map(|challenge| challenge.as_str().to_owned()),
            jkt: request.dpop_jkt.clone(),
            // Texts and numbers only: always written.
            facts: serde_json::to_string(&facts).unwrap_or_default(),
            expires_at: now.after(self.settings.oauth.code),
        };
        let allowed = allowed.map(|scope| (client.no, scope));
        let work = Issue { digest: TokenDigest::of(secret.reveal()), code, allowed, now };
        if !self.store.write(work).await? {
            return Ok(None);
        }
        crate::audit::audit("authorize", "code issued", Some(session.account), None);
        let what = vec![("code", secret.reveal().to_owned())];
        self.answer(client, destination, what).await.map(Some)
    }
}

/// Whether the client may still ask for these resources and details.
fn check_targets(
    client: &Client,
    request: &AuthorizationRequest,
    settings: &OAuthSettings,
) -> Result<(), Fault> {
    check_resource(client, &request.resource)?;
    let details = &request.authorization_details;
    check_details(client, details, &settings.authorization_details_types)
}

fn sign_in(Flow { request, .. }: &Flow, again: bool) -> Step {
    Step::SignIn { login_hint: request.login_hint.clone(), again, by_code: demands_code(request) }
}

/// What a request that wants no page gets instead of this one (OpenID Connect Core §3.1.2.6).
fn silent_fault(page: &Step) -> Fault {
    match page {
        Step::SignIn { .. } => Fault(ErrorCode::LoginRequired, "The user must sign in."),
        Step::SelectAccount { .. } => {
            Fault(ErrorCode::AccountSelectionRequired, "The user must choose an account.")
        }
        Step::Consent { .. } => Fault(ErrorCode::ConsentRequired, "The user must be asked for consent."),
        Step::Answer(_) | Step::Refused { .. } => {
            Fault(ErrorCode::InteractionRequired, "The user must see a page.")
        }
    }
}

fn is_too_old(request: &AuthorizationRequest, session: &BrowserSession, now: Timestamp) -> bool {
    let may = request.max_age.map(|seconds| Duration::from_secs(seconds.into()));
    may.is_some_and(|may| now.since(session.auth_time) >= may)
}

fn fits_hint(request: &AuthorizationRequest, session: &BrowserSession) -> bool {
    let Some(hint) = request.login_hint.as_deref() else { return true };
    let profile = &session.profile;
    let known = [&profile.email, &profile.username, &profile.phone];
    known.into_iter().flatten().any(|name| name.eq_ignore_ascii_case(hint))
}

/// Any program on a machine can call itself by a public client's id and take a scheme or a loopback port:
/// their users are asked each time (RFC 8252 §8.6).
fn could_be_another(client: &Client, request: &AuthorizationRequest) -> bool {
    let uri = request.redirect_uri.as_deref().unwrap_or_default();
    if client.origin == ClientOrigin::MetadataDocument {
        // Who it is, its host says, and the document may name other places tomorrow.
        let asked = client.redirect(uri).or(client.metadata.redirect_uris.first());
        return asked.and_then(RedirectUri::origin) != client.id.document_origin();
    }
    let is_native = client.metadata.application_type.as_deref() == Some("native")
        || !(uri.is_empty() || uri.starts_with("https:") || uri.starts_with("http:"));
    client.metadata.token_endpoint_auth_method == AuthMethod::None && is_native && !uri.starts_with("https:")
}

struct Issue {
    digest: TokenDigest,
    code: codes::Code,
    /// What was allowed on the page, if one was shown.
    allowed: Option<(ClientNo, Scope)>,
    now: Timestamp,
}

impl Work for Issue {
    /// Whether the browser's session is still there.
    type Output = bool;
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let account: AccountId = self.code.account;
        if !sessions::hold(tx, account, self.code.parent).await? {
            return Ok(false);
        }
        if let Some((client, scope)) = &self.allowed {
            consents::allow(tx, account, *client, scope, self.now).await?;
        }
        codes::insert(tx, &self.digest, &self.code).await?;
        Ok(true)
    }
}
