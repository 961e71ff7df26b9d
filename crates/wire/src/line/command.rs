//! The three commands: each translates a request into its operation and the outcome into a reply.

use countersign_model::identifier::Identifier;
use countersign_model::password::Password;
use countersign_model::session::Surface;
use countersign_ops::register_by_phone::RegisterByPhone;
use countersign_ops::sign_in::SignIn;
use countersign_ops::validate_phone::ValidatePhone;

use super::connection::Context;
use super::reply::{Refusal, Reply};
use super::request::Request;

/// The longest username (002-05).
const USERNAME_MAX_CHARS: usize = 32;

/// Obeys one request.
pub async fn obey(context: &Context, request: Request<'_>) -> Reply {
    let obeyed = match request {
        Request::Login { name, password } => login(context, name, password).await,
        Request::Register { username, password, phone, email } => {
            register(context, username, password, phone, email).await
        }
        Request::ValidatePhone { phone, code } => validate_phone(context, phone, code).await,
    };
    obeyed.unwrap_or_else(Reply::Refused)
}

async fn login(context: &Context, name: &str, password: &str) -> Result<Reply, Refusal> {
    let identifier = Identifier::any(name, context.core.settings.phone_region);
    // What can be no password at all is nobody's, which shows without a look at any account.
    let password = Password::new(password).map_err(|_| Refusal::Credentials)?;
    let request = SignIn { identifier, password: &password, surface: Surface::Line, source: context.source };
    Ok(Reply::Token(context.metrics.sign_in(&context.core, request).await?.tokens.access))
}

async fn register(
    context: &Context,
    username: &str,
    password: &str,
    phone: &str,
    email: Option<&str>,
) -> Result<Reply, Refusal> {
    let email =
        email.map(Identifier::email).transpose().map_err(|_| Refusal::Syntax(vec!["e".to_owned()]))?;
    let username =
        Identifier::new_username(username, USERNAME_MAX_CHARS).map_err(|_| Refusal::InvalidUsername)?;
    let password = Password::new(password).map_err(|_| Refusal::BadData)?;
    let phone = Identifier::phone(phone, context.core.settings.phone_region).map_err(|_| Refusal::BadData)?;
    let request = RegisterByPhone { username, password: &password, phone, email, source: context.source };
    context.core.register_by_phone(request).await?;
    Ok(Reply::Done)
}

async fn validate_phone(context: &Context, phone: &str, code: &str) -> Result<Reply, Refusal> {
    let phone =
        Identifier::phone(phone, context.core.settings.phone_region).map_err(|_| Refusal::InvalidNumber)?;
    context.core.validate_phone(ValidatePhone { phone, code, source: context.source }).await?;
    Ok(Reply::Done)
}
