//! 000's paths. All answer POST only (000-51).

use countersign_model::identifier::Identifier;
use countersign_model::password::{Password, Rule};
use countersign_model::session::{Surface, TokenPurpose};
use countersign_ops::CodeUse;
use countersign_ops::change_password::ChangePassword;
use countersign_ops::register_with_code::RegisterWithCode;
use countersign_ops::reset_password::{ResetPassword, ResetProof};
use countersign_ops::send_code::SendCode;
use countersign_ops::sign_in::SignIn;
use countersign_ops::sign_in_with_code::SignInWithCode;

use super::error::Error;
use super::openapi::{
    AnyCall, ChangeBody, CodeBody, Gone, Limited, LoginBody, LogoutBody, Message, SendBody, SessionBody,
};
use super::reply;
use super::request::{self, Proof};
use crate::http::{Call, Reply, Route, Verb, handler};

/// The paths.
pub const ROUTES: &[Route] = &[
    Route { path: "/send", handlers: &[(Verb::Post, handler!(send))] },
    Route { path: "/login", handlers: &[(Verb::Post, handler!(login))] },
    Route { path: "/register", handlers: &[(Verb::Post, handler!(register))] },
    Route { path: "/reset_password", handlers: &[(Verb::Post, handler!(reset_password))] },
    Route { path: "/refresh", handlers: &[(Verb::Post, handler!(refresh))] },
    Route { path: "/change_password", handlers: &[(Verb::Post, handler!(change_password))] },
    Route { path: "/logout", handlers: &[(Verb::Post, handler!(logout))] },
];

/// Sends a verification code.
#[utoipa::path(
    post,
    path = "/send",
    tag = "ouser",
    request_body(content((SendBody = "application/json"), (SendBody = "application/x-www-form-urlencoded"))),
    responses((status = 202, description = "Queued for delivery."), (status = 404, description = "There is no such message.", body = Message), Limited, AnyCall)
)]
pub(super) async fn send(call: &Call<'_>) -> Result<Reply, Error> {
    let fields = request::parameters(call)?;
    let target = request::identifier(&fields, call.core().settings.phone_region)?;
    let template = request::template(&fields)?;
    call.core()
        .send_code(SendCode { target, template, code_use: CodeUse::Document, source: call.source() })
        .await?;
    Ok(reply::queued())
}

/// Starts a session, with a password or a code.
#[utoipa::path(
    post,
    path = "/login",
    tag = "ouser",
    request_body(content((LoginBody = "application/json"), (LoginBody = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "The session.", body = SessionBody), (status = 401, description = "Incorrect identifier, password or code.", body = Message), Limited, AnyCall)
)]
pub(super) async fn login(call: &Call<'_>) -> Result<Reply, Error> {
    let fields = request::parameters(call)?;
    let identifier = request::identifier(&fields, call.core().settings.phone_region)?;
    match request::proof(&fields)? {
        Proof::Password(password) => login_with_password(call, identifier, password).await,
        Proof::Code(code) => login_with_code(call, identifier, code).await,
    }
}

async fn login_with_password(
    call: &Call<'_>,
    identifier: Identifier,
    password: &str,
) -> Result<Reply, Error> {
    // What can be no password at all is nobody's.
    let password = &Password::new(password).map_err(|_| Error::Credentials)?;
    let request =
        SignIn { identifier: Some(identifier), password, surface: Surface::Ouser, source: call.source() };
    Ok(reply::session(&call.sign_in(request).await?.tokens))
}

async fn login_with_code(call: &Call<'_>, identifier: Identifier, code: &str) -> Result<Reply, Error> {
    let (code_use, surface) = (CodeUse::Document, Surface::Ouser);
    let request = SignInWithCode { identifier, code, code_use, surface, source: call.source() };
    Ok(reply::session(&call.sign_in_with_code(request).await?.tokens))
}

/// Registers the identifier that a code was sent to.
#[utoipa::path(
    post,
    path = "/register",
    tag = "ouser",
    request_body(content((CodeBody = "application/json"), (CodeBody = "application/x-www-form-urlencoded"))),
    responses((status = 201, description = "Created."), (status = 409, description = "The identifier is already registered.", body = Message), Gone, Limited, AnyCall)
)]
pub(super) async fn register(call: &Call<'_>) -> Result<Reply, Error> {
    let fields = request::parameters(call)?;
    let code = request::text(&fields, "verification_code")?;
    let password = &request::password(&fields, "password")?;
    let (code_use, rule) = (CodeUse::Document, Rule::Ouser);
    let request = RegisterWithCode { code, code_use, password, rule, source: call.source() };
    call.core().register_with_code(request).await?;
    Ok(reply::created())
}

/// Changes a password without the current one.
#[utoipa::path(
    post,
    path = "/reset_password",
    tag = "ouser",
    request_body(content((CodeBody = "application/json"), (CodeBody = "application/x-www-form-urlencoded"))),
    responses((status = 204, description = "Password changed."), Gone, Limited, AnyCall)
)]
pub(super) async fn reset_password(call: &Call<'_>) -> Result<Reply, Error> {
    let fields = request::parameters(call)?;
    let proof = ResetProof::Code(request::text(&fields, "verification_code")?, CodeUse::Document);
    let new = &request::password(&fields, "password")?;
    call.core()
        .reset_password(ResetPassword { proof, new, rule: Rule::Ouser, source: call.source() })
        .await?;
    Ok(reply::done())
}

/// Exchanges a session token for a new one.
#[utoipa::path(
    post,
    path = "/refresh",
    tag = "ouser",
    request_body(content((SessionBody = "application/json"), (SessionBody = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "The new token; the old one is void.", body = SessionBody), Gone, AnyCall)
)]
pub(super) async fn refresh(call: &Call<'_>) -> Result<Reply, Error> {
    let fields = request::parameters(call)?;
    let token = request::text(&fields, "session_token")?;
    let tokens = call.core().refresh_session(token, TokenPurpose::OuserSession, call.source()).await?;
    Ok(reply::session(&tokens))
}

/// Changes a password, given the current one.
#[utoipa::path(
    post,
    path = "/change_password",
    tag = "ouser",
    request_body(content((ChangeBody = "application/json"), (ChangeBody = "application/x-www-form-urlencoded"))),
    responses((status = 204, description = "Password changed."), (status = 403, description = "The current password is incorrect.", body = Message), Gone, Limited, AnyCall)
)]
pub(super) async fn change_password(call: &Call<'_>) -> Result<Reply, Error> {
    let fields = request::parameters(call)?;
    let request = ChangePassword {
        token: request::text(&fields, "session_token")?,
        purpose: TokenPurpose::OuserSession,
        current: &request::password(&fields, "current_password")?,
        new: &request::password(&fields, "password")?,
        rule: Rule::Ouser,
        source: call.source(),
    };
    call.core().change_password(request).await?;
    Ok(reply::done())
}

/// Ends a session, or all of its account.
#[utoipa::path(
    post,
    path = "/logout",
    tag = "ouser",
    request_body(content((LogoutBody = "application/json"), (LogoutBody = "application/x-www-form-urlencoded"))),
    responses((status = 204, description = "Logged out."), Gone, AnyCall)
)]
pub(super) async fn logout(call: &Call<'_>) -> Result<Reply, Error> {
    let fields = request::parameters(call)?;
    let token = request::text(&fields, "session_token")?;
    let which = request::which_sessions(&fields)?;
    call.core().sign_out(token, TokenPurpose::OuserSession, which).await?;
    Ok(reply::done())
}
