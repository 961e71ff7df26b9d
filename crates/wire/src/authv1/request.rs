//! What the five calls are given.

use countersign_model::identifier::Identifier;
use countersign_model::password::Password;
use countersign_model::secret::Secret;

use super::error::Error;
use crate::http::{Accept, Call, Fault, Fields};

/// The longest username.
const USERNAME_MAX_CHARS: usize = 255;

/// `tokenrequest`.
pub struct Login {
    /// `None` if it can be no member's.
    pub identifier: Option<Identifier>,
    /// As typed.
    pub password: Password,
}

/// `registermember`.
pub struct Member {
    /// The username.
    pub username: Identifier,
    /// The address.
    pub email: Identifier,
    /// As typed.
    pub password: Password,
}

/// Reads `tokenrequest`. An e-mail address or a phone number is taken as the username too: an
/// account made through another surface may have no username.
pub fn login(call: &Call<'_>) -> Result<Login, Error> {
    let fields = call.fields(Accept::JSON)?;
    let password = required(&fields, "password")?;
    let username = required(&fields, "username")?;
    let identifier = Identifier::any(username, call.core().settings.phone_region);
    // What can be no password at all is nobody's, which shows without a look at any account.
    let password = Password::new(password).map_err(|_| Error::Credentials)?;
    Ok(Login { identifier, password })
}

/// Reads `tokenrefresh` and `logoff`. The timestamp is checked for its type and not used.
pub fn token(call: &Call<'_>) -> Result<Secret, Error> {
    let fields = call.fields(Accept::JSON)?;
    let token = Secret::new(required(&fields, "oauth_token")?);
    match fields.optional_text("oauth_timestamp") {
        Ok(_) | Err(Fault::Missing | Fault::Blank) => Ok(token),
        Err(fault @ (Fault::Null | Fault::WrongType(_) | Fault::Nul)) => {
            Err(Error::Field { name: "oauth_timestamp", fault })
        }
    }
}

/// Reads `registermember`.
pub fn member(call: &Call<'_>) -> Result<Member, Error> {
    let fields = call.fields(Accept::JSON)?;
    let email = required(&fields, "email")?;
    let password = required(&fields, "password")?;
    let username = required(&fields, "username")?;
    Ok(Member {
        email: Identifier::email(email).map_err(|_| Error::Malformed("email"))?,
        password: Password::new(password).map_err(|_| Error::Malformed("password"))?,
        username: Identifier::new_username(username, USERNAME_MAX_CHARS)
            .map_err(|_| Error::Malformed("username"))?,
    })
}

/// Reads `passwordreset`. A malformed address is refused here, before anything is counted
/// (acceptance decision 16).
pub fn email(call: &Call<'_>) -> Result<Identifier, Error> {
    let fields = call.fields(Accept::JSON)?;
    Identifier::email(required(&fields, "email")?).map_err(|_| Error::Malformed("email"))
}

fn required<'a>(fields: &'a Fields, name: &'static str) -> Result<&'a str, Error> {
    fields.text(name).map_err(|fault| Error::Field { name, fault })
}
