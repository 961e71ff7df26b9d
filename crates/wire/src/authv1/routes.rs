//! The five calls.

use countersign_model::password::Rule;
use countersign_model::session::{Surface, TokenPurpose};
use countersign_ops::register_account::RegisterAccount;
use countersign_ops::request_reset::RequestReset;
use countersign_ops::sign_in::SignIn;
use countersign_ops::sign_out::{SignOut, SignOutError};

use super::error::Error;
use super::openapi::{AnyCall, EmailBody, Limited, LoginBody, MemberBody, TokenBody, Unauthorized};
use super::reply::{MessageReply, TokenReply};
use super::{reply, request};
use crate::http::{Call, Handler, Reply, Route, Verb, handler};

const TOKEN_REQUEST: &[(Verb, Handler)] = &[(Verb::Post, handler!(token_request))];
const TOKEN_REFRESH: &[(Verb, Handler)] = &[(Verb::Post, handler!(token_refresh))];
const REGISTER_MEMBER: &[(Verb, Handler)] = &[(Verb::Post, handler!(register_member))];
const LOGOFF: &[(Verb, Handler)] = &[(Verb::Post, handler!(logoff))];
const PASSWORD_RESET: &[(Verb, Handler)] = &[(Verb::Post, handler!(password_reset))];

/// The paths, each at both of its places (003-21).
pub const ROUTES: &[Route] = &[
    Route { path: "/auth/v1/tokenrequest", handlers: TOKEN_REQUEST },
    Route { path: "/auth/v1/tokenrefresh", handlers: TOKEN_REFRESH },
    Route { path: "/auth/v1/registermember", handlers: REGISTER_MEMBER },
    Route { path: "/auth/v1/logoff", handlers: LOGOFF },
    Route { path: "/auth/v1/passwordreset", handlers: PASSWORD_RESET },
    Route { path: "/rest/auth/v1/tokenrequest", handlers: TOKEN_REQUEST },
    Route { path: "/rest/auth/v1/tokenrefresh", handlers: TOKEN_REFRESH },
    Route { path: "/rest/auth/v1/registermember", handlers: REGISTER_MEMBER },
    Route { path: "/rest/auth/v1/logoff", handlers: LOGOFF },
    Route { path: "/rest/auth/v1/passwordreset", handlers: PASSWORD_RESET },
];

/// Gives a token for a member's credentials.
#[utoipa::path(
    post,
    path = "/auth/v1/tokenrequest",
    tag = "authv1",
    request_body = LoginBody,
    responses(
        (status = 200, description = "A token.", body = TokenReply),
        AnyCall,
        Unauthorized,
        Limited,
    )
)]
pub(super) async fn token_request(call: &Call<'_>) -> Result<Reply, Error> {
    let login = request::login(call)?;
    let sign_in = SignIn {
        identifier: login.identifier,
        password: &login.password,
        surface: Surface::AuthV1,
        source: call.source(),
    };
    Ok(reply::token(&call.sign_in(sign_in).await?.tokens.access))
}

/// Exchanges a token for a new one; the old one is void.
#[utoipa::path(
    post,
    path = "/auth/v1/tokenrefresh",
    tag = "authv1",
    request_body = TokenBody,
    responses(
        (status = 200, description = "A new token.", body = TokenReply),
        AnyCall,
        Unauthorized,
    )
)]
pub(super) async fn token_refresh(call: &Call<'_>) -> Result<Reply, Error> {
    let token = request::token(call)?;
    let tokens =
        call.core().refresh_session(token.reveal(), TokenPurpose::AuthV1Token, call.source()).await?;
    Ok(reply::token(&tokens.access))
}

/// Makes a member and gives a token.
#[utoipa::path(
    post,
    path = "/auth/v1/registermember",
    tag = "authv1",
    request_body = MemberBody,
    responses(
        (status = 200, description = "A token of the new member.", body = TokenReply),
        (status = 409, description = "The username or the address is in use.", body = MessageReply),
        AnyCall,
        Limited,
    )
)]
pub(super) async fn register_member(call: &Call<'_>) -> Result<Reply, Error> {
    let member = request::member(call)?;
    let register = RegisterAccount {
        username: Some(member.username),
        email: member.email,
        first_name: String::new(),
        last_name: String::new(),
        password: &member.password,
        rule: Rule::AuthV1,
        surface: Surface::AuthV1,
        source: call.source(),
        start_session: true,
    };
    let registered = call.core().register_account(register).await?;
    Ok(registered.tokens.map_or_else(reply::done, |tokens| reply::token(&tokens.access)))
}

/// Ends a token, whether or not there is such a one.
#[utoipa::path(
    post,
    path = "/auth/v1/logoff",
    tag = "authv1",
    request_body = TokenBody,
    responses(
        (status = 200, description = "This document's token grants nothing any more. One of another surface is none here, and works on."),
        AnyCall,
    )
)]
pub(super) async fn logoff(call: &Call<'_>) -> Result<Reply, Error> {
    let token = request::token(call)?;
    match call.core().sign_out(token.reveal(), TokenPurpose::AuthV1Token, SignOut::This).await {
        // A token that grants nothing is as terminated as can be (003-16).
        Ok(()) | Err(SignOutError::Invalid) => Ok(reply::done()),
        Err(SignOutError::Unavailable(why)) => Err(why.into()),
    }
}

/// Sends a member a link to set a new password, at most three times in 24 hours.
#[utoipa::path(
    post,
    path = "/auth/v1/passwordreset",
    tag = "authv1",
    request_body = EmailBody,
    responses(
        (status = 200, description = "Whether or not there is such a member.", body = MessageReply),
        AnyCall,
        Limited,
    )
)]
pub(super) async fn password_reset(call: &Call<'_>) -> Result<Reply, Error> {
    let email = request::email(call)?;
    let reset = RequestReset { email, surface: Surface::AuthV1, source: call.source() };
    call.core().request_reset(reset).await?;
    Ok(reply::message(
        "If this address belongs to a member, a message with instructions is on its way to it.",
    ))
}
