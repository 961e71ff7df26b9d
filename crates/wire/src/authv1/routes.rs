//! The five calls.

use countersign_model::password::Rule;
use countersign_model::session::{Surface, TokenPurpose};
use countersign_ops::register_account::RegisterAccount;
use countersign_ops::request_reset::RequestReset;
use countersign_ops::sign_in::SignIn;
use countersign_ops::sign_out::{SignOut, SignOutError};

use super::error::Error;
use super::{reply, request};
use crate::http::{Call, Handler, Reply, Route, Verb, handler};
use crate::metrics::Outcome;

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

async fn token_request(call: &Call<'_>) -> Result<Reply, Error> {
    let login = request::login(call)?;
    let sign_in = SignIn {
        identifier: login.identifier,
        password: &login.password,
        surface: Surface::AuthV1,
        source: call.source(),
    };
    let signed_in = call.core().sign_in(sign_in).await;
    call.metrics().signed_in(Surface::AuthV1, Outcome::of(&signed_in));
    Ok(reply::token(&signed_in?.tokens.access))
}

async fn token_refresh(call: &Call<'_>) -> Result<Reply, Error> {
    let token = request::token(call)?;
    let tokens = call.core().refresh_session(token.reveal(), TokenPurpose::AuthV1Token).await?;
    Ok(reply::token(&tokens.access))
}

async fn register_member(call: &Call<'_>) -> Result<Reply, Error> {
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

async fn logoff(call: &Call<'_>) -> Result<Reply, Error> {
    let token = request::token(call)?;
    match call.core().sign_out(token.reveal(), TokenPurpose::AuthV1Token, SignOut::This).await {
        // A token that grants nothing is as terminated as can be (003-16).
        Ok(()) | Err(SignOutError::Invalid) => Ok(reply::done()),
        Err(SignOutError::Unavailable(why)) => Err(why.into()),
    }
}

async fn password_reset(call: &Call<'_>) -> Result<Reply, Error> {
    let email = request::email(call)?;
    let reset = RequestReset { email, surface: Surface::AuthV1, source: call.source() };
    call.core().request_reset(reset).await?;
    Ok(reply::message(
        "If this address belongs to a member, a message with instructions is on its way to it.",
    ))
}
