//! 000's paths. All answer POST only (000-51).

use countersign_model::identifier::Identifier;
use countersign_model::password::{Password, Rule};
use countersign_model::session::{Surface, TokenPurpose};
use countersign_ops::change_password::ChangePassword;
use countersign_ops::register_with_code::RegisterWithCode;
use countersign_ops::reset_password::{ResetPassword, ResetProof};
use countersign_ops::send_code::SendCode;
use countersign_ops::sign_in::SignIn;
use countersign_ops::sign_in_with_code::SignInWithCode;

use super::error::Error;
use super::reply;
use super::request::{self, Proof};
use crate::http::{Call, Reply, Route, Verb, handler};
use crate::metrics::Outcome;

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

async fn send(call: &Call<'_>) -> Result<Reply, Error> {
    let fields = request::parameters(call)?;
    let target = request::identifier(&fields, call.core().settings.phone_region)?;
    let template = request::template(&fields)?;
    call.core().send_code(SendCode { target, template, source: call.source() }).await?;
    Ok(reply::queued())
}

async fn login(call: &Call<'_>) -> Result<Reply, Error> {
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
    let signed_in = call.core().sign_in(request).await;
    call.metrics().signed_in(Surface::Ouser, Outcome::of(&signed_in));
    Ok(reply::session(&signed_in?.tokens))
}

async fn login_with_code(call: &Call<'_>, identifier: Identifier, code: &str) -> Result<Reply, Error> {
    let request = SignInWithCode { identifier, code, surface: Surface::Ouser, source: call.source() };
    let signed_in = call.core().sign_in_with_code(request).await;
    call.metrics().signed_in(Surface::Ouser, Outcome::of_code(&signed_in));
    Ok(reply::session(&signed_in?.tokens))
}

async fn register(call: &Call<'_>) -> Result<Reply, Error> {
    let fields = request::parameters(call)?;
    let code = request::text(&fields, "verification_code")?;
    let password = &request::password(&fields, "password")?;
    let request = RegisterWithCode { code, password, rule: Rule::Ouser, source: call.source() };
    call.core().register_with_code(request).await?;
    Ok(reply::created())
}

async fn reset_password(call: &Call<'_>) -> Result<Reply, Error> {
    let fields = request::parameters(call)?;
    let proof = ResetProof::VerificationCode(request::text(&fields, "verification_code")?);
    let new = &request::password(&fields, "password")?;
    call.core()
        .reset_password(ResetPassword { proof, new, rule: Rule::Ouser, source: call.source() })
        .await?;
    Ok(reply::done())
}

async fn refresh(call: &Call<'_>) -> Result<Reply, Error> {
    let fields = request::parameters(call)?;
    let token = request::text(&fields, "session_token")?;
    let tokens = call.core().refresh_session(token, TokenPurpose::OuserSession).await?;
    Ok(reply::session(&tokens))
}

async fn change_password(call: &Call<'_>) -> Result<Reply, Error> {
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

async fn logout(call: &Call<'_>) -> Result<Reply, Error> {
    let fields = request::parameters(call)?;
    let token = request::text(&fields, "session_token")?;
    let which = request::which_sessions(&fields)?;
    call.core().sign_out(token, TokenPurpose::OuserSession, which).await?;
    Ok(reply::done())
}
