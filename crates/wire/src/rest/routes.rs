//! The five calls.

use countersign_model::password::Rule;
use countersign_model::session::Surface;
use countersign_ops::check_session::Principal;
use countersign_ops::register_account::RegisterAccount;
use countersign_ops::sign_in::SignIn;
use countersign_ops::update_profile::UpdateProfile;
use http::StatusCode;

use super::error::Error;
use super::openapi::{
    AnyBody, AnyCall, Detail, Limited, LoginBody, NonceBody, ProfileChangeBody, RegistrationBody,
    Unauthorized,
};
use super::reply::{IdentityTokenReply, ProfileReply, TokenReply};
use super::token_header::TokenHeader;
use super::{reply, request};
use crate::http::{Call, Reply, Route, Verb, handler};

/// The paths.
pub const ROUTES: &[Route] = &[
    Route { path: "/auth/register", handlers: &[(Verb::Post, handler!(register))] },
    Route { path: "/auth/login", handlers: &[(Verb::Post, handler!(login))] },
    Route {
        path: "/auth/profile",
        handlers: &[(Verb::Get, handler!(show_profile)), (Verb::Patch, handler!(update_profile))],
    },
    Route { path: "/auth/layer", handlers: &[(Verb::Post, handler!(layer))] },
];

/// Makes an account.
#[utoipa::path(
    post,
    path = "/auth/register/",
    tag = "rest",
    request_body(content(
        (RegistrationBody = "application/json"),
        (RegistrationBody = "application/x-www-form-urlencoded"),
        (RegistrationBody = "multipart/form-data")
    )),
    responses(
        (status = 201, description = "The account.", body = ProfileReply),
        (status = 403, description = "The request bears credentials.", body = Detail),
        AnyBody,
        AnyCall,
        Limited,
    )
)]
pub(super) async fn register(call: &Call<'_>) -> Result<Reply, Error> {
    TokenHeader::read(call.headers()).require_none()?;
    let registration = request::registration(call)?;
    let register = RegisterAccount {
        username: None,
        email: registration.email,
        first_name: registration.first_name,
        last_name: registration.last_name,
        password: &registration.password,
        rule: Rule::Rest,
        surface: Surface::Rest,
        source: call.source(),
        start_session: false,
    };
    let registered = call.core().register_account(register).await?;
    Ok(reply::profile(StatusCode::CREATED, registered.account, &registered.profile))
}

/// Gives a token for credentials. Wrong ones are answered 400.
#[utoipa::path(
    post,
    path = "/auth/login/",
    tag = "rest",
    request_body(content(
        (LoginBody = "application/json"),
        (LoginBody = "application/x-www-form-urlencoded"),
        (LoginBody = "multipart/form-data")
    )),
    responses(
        (status = 200, description = "A token.", body = TokenReply),
        AnyBody,
        AnyCall,
        Limited,
    )
)]
pub(super) async fn login(call: &Call<'_>) -> Result<Reply, Error> {
    let login = request::login(call)?;
    let sign_in = SignIn {
        identifier: login.identifier,
        password: &login.password,
        surface: Surface::Rest,
        source: call.source(),
    };
    Ok(reply::token(&call.sign_in(sign_in).await?.tokens.access))
}

/// Shows the account of the token.
#[utoipa::path(
    get,
    path = "/auth/profile/",
    tag = "rest",
    security(("token" = [])),
    responses(
        (status = 200, description = "The account.", body = ProfileReply),
        AnyCall,
        Unauthorized,
    )
)]
pub(super) async fn show_profile(call: &Call<'_>) -> Result<Reply, Error> {
    let principal = authenticate(call).await?;
    Ok(reply::profile(StatusCode::OK, principal.account, &principal.profile))
}

/// Changes the account of the token.
#[utoipa::path(
    patch,
    path = "/auth/profile/",
    tag = "rest",
    request_body(content(
        (ProfileChangeBody = "application/json"),
        (ProfileChangeBody = "application/x-www-form-urlencoded"),
        (ProfileChangeBody = "multipart/form-data")
    )),
    security(("token" = [])),
    responses(
        (status = 200, description = "The account as it is now.", body = ProfileReply),
        AnyBody,
        AnyCall,
        Unauthorized,
    )
)]
pub(super) async fn update_profile(call: &Call<'_>) -> Result<Reply, Error> {
    let token = TokenHeader::read(call.headers()).require()?;
    // Who may not change anything is told so before being told what is wrong with the change.
    call.core().check_session(token).await?;
    let change = request::profile_change(call)?;
    let update = UpdateProfile {
        token,
        email: change.email,
        first_name: change.first_name,
        last_name: change.last_name,
    };
    let principal = call.core().update_profile(update).await?;
    Ok(reply::profile(StatusCode::OK, principal.account, &principal.profile))
}

/// Gives an identity token for Layer.
#[utoipa::path(
    post,
    path = "/auth/layer/",
    tag = "rest",
    request_body(content(
        (NonceBody = "application/json"),
        (NonceBody = "application/x-www-form-urlencoded"),
        (NonceBody = "multipart/form-data")
    )),
    security(("token" = [])),
    responses(
        (status = 201, description = "The identity token.", body = IdentityTokenReply),
        AnyBody,
        AnyCall,
        Unauthorized,
    )
)]
pub(super) async fn layer(call: &Call<'_>) -> Result<Reply, Error> {
    let principal = authenticate(call).await?;
    let nonce = request::nonce(call)?;
    let identity_token = call.core().issue_layer_token(&principal, &nonce).await?;
    Ok(reply::identity_token(&identity_token))
}

/// Any surface's token shows who is asking (acceptance decision 14).
async fn authenticate(call: &Call<'_>) -> Result<Principal, Error> {
    let token = TokenHeader::read(call.headers()).require()?;
    Ok(call.core().check_session(token).await?)
}
