//! Claims: which scope stands for which.

use super::scope::Scope;

/// Signing in with a password.
pub const ACR_PASSWORD: &str = "urn:countersign:acr:password";
/// Signing in with a code from a message.
pub const ACR_CODE: &str = "urn:countersign:acr:code";
/// RFC 8176: a password.
pub const AMR_PASSWORD: &str = "pwd";
/// RFC 8176: a code from a message.
pub const AMR_CODE: &str = "otp";

/// The claims that a scope stands for (OpenID Connect Core §5.4), in discovery's order.
pub fn of_scope(name: &str) -> &'static [&'static str] {
    match name {
        Scope::PROFILE => &["name", "given_name", "family_name", "preferred_username", "updated_at"],
        Scope::EMAIL => &["email", "email_verified"],
        Scope::PHONE => &["phone_number", "phone_number_verified"],
        Scope::GROUPS => &["groups"],
        Scope::ROLES => &["roles"],
        _ => &[],
    }
}

/// The scope that stands for a claim; none for those that every token has, and for unknown ones: nobody can ask for
/// these (R084).
pub fn scope_of(claim: &str) -> Option<&'static str> {
    Scope::KNOWN.into_iter().find(|scope| of_scope(scope).contains(&claim))
}
