//! 001's paths.

use countersign_model::identifier::Identifier;
use countersign_model::password::Rule;
use countersign_model::session::{Surface, TokenPurpose};
use countersign_ops::SessionTokens;
use countersign_ops::confirm_account::ConfirmAccountError;
use countersign_ops::request_account::RequestAccount;
use countersign_ops::request_reset::RequestReset;
use countersign_ops::reset_password::{ResetPassword, ResetProof};
use countersign_ops::sign_in::SignIn;
use countersign_ops::sign_out::{SignOut, SignOutError};

use super::error::Error;
use super::openapi::{
    AccountRequest, AnyBody, AnyCall, Errors, Grant, Login, NewPassword, ResetRequest, Tokens,
};
use super::reply::AccountBody;
use super::{grant, reply, request};
use crate::http::{CONFIRMED, Call, Encoding, LINK_INVALID, Reply, Route, Verb, handler};

/// The paths.
pub const ROUTES: &[Route] = &[
    Route { path: "/v1/requests/accounts", handlers: &[(Verb::Post, handler!(request_account))] },
    CONFIRMATION,
    Route { path: "/v1/tokens", handlers: &[(Verb::Post, handler!(tokens))] },
    Route { path: "/v1/requests/credentials", handlers: &[(Verb::Post, handler!(request_reset))] },
    Route { path: "/v1/requests/credentials/{id}", handlers: &[(Verb::Post, handler!(reset_password))] },
];

/// The target of the link in a confirmation mail. GET acts, as the document has it; HEAD, which
/// mail scanners send, must not (001-11).
const CONFIRMATION: Route =
    Route { path: "/v1/requests/accounts/{id}", handlers: &[(Verb::GetThatActs, handler!(confirm_account))] };

/// The paths that links in messages lead to.
pub const LINKS: &[Route] = &[CONFIRMATION];

/// Opens a registration, which a message confirms.
#[utoipa::path(
    post,
    path = "/v1/requests/accounts",
    tag = "authd",
    request_body(content((AccountRequest = "application/json"), (AccountRequest = "application/x-www-form-urlencoded"))),
    responses((status = 201, description = "The account, not yet active.", body = AccountBody), AnyBody, AnyCall)
)]
pub(super) async fn request_account(call: &Call<'_>) -> Result<Reply, Error> {
    let fields = request::fields(call)?;
    let email = request::email(&fields)?;
    let password = &request::new_password(&fields)?;
    let request = RequestAccount { email, password, rule: Rule::Authd, source: call.source() };
    Ok(reply::requested(&call.core().request_account(request).await?))
}

/// Confirms an account and signs in.
#[utoipa::path(
    get,
    path = "/v1/requests/accounts/{id}",
    tag = "authd",
    params(("id" = String, Path, description = "From the message.")),
    responses((status = 200, description = "The account and its tokens.", body = AccountBody), (status = 303, description = "A browser that navigates here is sent to a page."), (status = 404, description = "Unknown, used or expired.", body = Errors), AnyCall)
)]
pub(super) async fn confirm_account(call: &Call<'_>) -> Result<Reply, Error> {
    let confirmed = call.core().confirm_account(call.parameter(), call.source()).await;
    match confirmed {
        Ok(signed_in) if call.is_visit() => Ok(show_confirmed(call, &signed_in.tokens).await),
        Err(ConfirmAccountError::Invalid) if call.is_visit() => Ok(Reply::see_other(LINK_INVALID)),
        confirmed => Ok(reply::confirmed(&confirmed?)),
    }
}

/// For a person, who has no use for the tokens: they end, and a page says that it is done.
async fn show_confirmed(call: &Call<'_>, tokens: &SessionTokens) -> Reply {
    let access = tokens.access.token.reveal();
    match call.core().sign_out(access, TokenPurpose::AuthdAccess, SignOut::This).await {
        // Nobody has seen them: if they cannot be ended now, they expire.
        Ok(()) | Err(SignOutError::Invalid | SignOutError::Unavailable(_)) => Reply::see_other(CONFIRMED),
    }
}

/// Signs in (JSON), or exchanges a grant of RFC 6749 (form).
#[utoipa::path(
    post,
    path = "/v1/tokens/",
    tag = "authd",
    request_body(content((Login = "application/json"), (Grant = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "The tokens.", body = Tokens), (status = 401, description = "The credentials are not valid.", body = Errors), AnyBody, AnyCall)
)]
pub(super) async fn tokens(call: &Call<'_>) -> Result<Reply, Reply> {
    match call.encoding() {
        Some(Encoding::Form) => Ok(grant::exchange(call).await?),
        Some(Encoding::Json | Encoding::Multipart) | None => Ok(login(call).await?),
    }
}

async fn login(call: &Call<'_>) -> Result<Reply, Error> {
    let fields = request::fields(call)?;
    let (name, password) = &request::credentials(&fields, "email")?;
    let identifier = Identifier::any(name, call.core().settings.phone_region);
    let request = SignIn { identifier, password, surface: Surface::Authd, source: call.source() };
    Ok(reply::signed_in(&call.sign_in(request).await?.tokens))
}

/// Sends a message to reset a password, if the address is known.
#[utoipa::path(
    post,
    path = "/v1/requests/credentials/",
    tag = "authd",
    request_body(content((ResetRequest = "application/json"), (ResetRequest = "application/x-www-form-urlencoded"))),
    responses((status = 204, description = "Whether or not the address is known."), AnyBody, AnyCall)
)]
pub(super) async fn request_reset(call: &Call<'_>) -> Result<Reply, Error> {
    let email = request::email(&request::fields(call)?)?;
    call.core().request_reset(RequestReset { email, surface: Surface::Authd, source: call.source() }).await?;
    Ok(reply::done())
}

/// Sets a new password.
#[utoipa::path(
    post,
    path = "/v1/requests/credentials/{id}",
    tag = "authd",
    params(("id" = String, Path, description = "From the message.")),
    request_body(content((NewPassword = "application/json"), (NewPassword = "application/x-www-form-urlencoded"))),
    responses((status = 204, description = "Password changed."), (status = 404, description = "Unknown, used or expired.", body = Errors), AnyBody, AnyCall)
)]
pub(super) async fn reset_password(call: &Call<'_>) -> Result<Reply, Error> {
    let proof = ResetProof::Link(call.parameter());
    let new = &request::new_password(&request::fields(call)?)?;
    call.core()
        .reset_password(ResetPassword { proof, new, rule: Rule::Authd, source: call.source() })
        .await?;
    Ok(reply::done())
}
