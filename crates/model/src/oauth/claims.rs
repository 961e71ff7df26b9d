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

/// The scope that stands for a claim of this server's own; none for those that every token has, and for unknown
/// ones.
pub fn scope_of(claim: &str) -> Option<&'static str> {
    Scope::KNOWN.into_iter().find(|scope| of_scope(scope).contains(&claim))
}

/// Claims with a meaning in a token besides those of [`of_scope`]: RFC 7519 §4.1, OpenID Connect Core §2 and §5.6.2,
/// their extensions, RFC 7800, RFC 8417, RFC 8485, RFC 8693, RFC 9068, RFC 9396, RFC 9449, RFC 9493, RFC 9701, and
/// what introspection says (RFC 7662 §2.2).
const OF_TOKENS: &str = "iss sub aud exp nbf iat jti typ \
    auth_time nonce acr amr azp at_hash c_hash s_hash sid sub_jwk sub_id _claim_names _claim_sources \
    cnf events toe txn vot vtm act may_act scope client_id authorization_details htm htu ath \
    token_introspection status status_list active token_type username";

/// Whether a claim of this name has a meaning of its own, so that nothing that an operator adds may take its place
/// (R084).
pub fn is_reserved(claim: &str) -> bool {
    OF_TOKENS.split(' ').any(|name| name == claim) || scope_of(claim).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_a_token_is_reserved() {
        let own = Scope::KNOWN.iter().flat_map(|scope| of_scope(scope));
        for name in
            own.chain(&["iss", "sub", "exp", "scope", "cnf", "act", "may_act", "status", "sid", "acr"])
        {
            assert!(is_reserved(name), "{name}");
        }
        assert!(!["department", "policy", "Sub", "https://example.com/sub"].into_iter().any(is_reserved));
    }
}
