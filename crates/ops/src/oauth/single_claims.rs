//! Claims that a client asks for one by one (OpenID Connect Core §5.5), besides those of its scopes.
//!
//! A single claim is allowed as the scope that stands for it: the person is asked in the words of that scope,
//! and a client that may not have the scope does not get the claim.

use countersign_model::oauth::claims::{ACR_CODE, ACR_PASSWORD};
use countersign_model::oauth::{AuthorizationRequest, ClaimDemand, ConfiguredClaims, Scope, SingleClaims};
use serde_json::Value;

use super::start_authorization::Flow;

impl Flow {
    /// The claims that are asked for, as far as this scope allows them. What is not known here is left out: every
    /// claim is a wish (OpenID Connect Core §5.5.1).
    pub(super) fn single_claims(&self, may: &Scope) -> SingleClaims {
        match &self.request.claims {
            Some(asked) if self.request.scope.has(Scope::OPENID) => {
                let all = SingleClaims {
                    userinfo: asked.userinfo.keys().cloned().collect(),
                    id_token: asked.id_token.keys().cloned().collect(),
                };
                all.within(&self.client.metadata.scope.intersect(may), &self.configured)
            }
            Some(_) | None => SingleClaims::default(),
        }
    }

    /// The scopes that stand for the claims that are asked for and that the client may have.
    pub(super) fn single_scope(&self) -> Scope {
        scope_for(&self.single_claims(&self.client.metadata.scope), &self.configured)
    }
}

/// The scopes that stand for these claims.
fn scope_for(claims: &SingleClaims, configured: &ConfiguredClaims) -> Scope {
    let names = claims.userinfo.iter().chain(&claims.id_token);
    let scopes = names.filter_map(|claim| configured.scope_of(claim));
    // Names of a client's scope, and no more than that has.
    Scope::parse(&scopes.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" "))
        .unwrap_or_default()
}

/// The acr values of which one is demanded: others are wishes (OpenID Connect Core §5.5.1.1).
pub(super) fn demanded_acr(request: &AuthorizationRequest) -> Option<Vec<String>> {
    let demand = request.claims.as_ref()?.id_token.get("acr")?.as_ref()?;
    let wanted = texts(demand);
    (demand.essential && !wanted.is_empty()).then_some(wanted)
}

/// Whether somebody can sign in here in the way of this class.
pub(super) fn can_do(acr: &str) -> bool {
    matches!(acr, ACR_PASSWORD | ACR_CODE)
}

/// Whether the request demands what is had by a code from a message and not by a password.
pub(super) fn demands_code(request: &AuthorizationRequest) -> bool {
    let demand = demanded_acr(request).unwrap_or_default();
    let has = |acr| demand.iter().any(|wanted| wanted == acr);
    has(ACR_CODE) && !has(ACR_PASSWORD)
}

/// Whether this subject is one that the request demands, if it demands any. It is never another's answer,
/// essential or not (OpenID Connect Core §5.5.1).
pub(super) fn fits_subject(request: &AuthorizationRequest, subject: &str) -> bool {
    let asked = request.claims.iter().flat_map(|claims| [&claims.id_token, &claims.userinfo]);
    let mut demands = asked.filter_map(|members| members.get("sub")?.as_ref());
    demands.all(|demand| {
        let names_none = demand.value.is_none() && demand.values.is_empty();
        names_none || texts(demand).iter().any(|wanted| wanted == subject)
    })
}

fn texts(demand: &ClaimDemand) -> Vec<String> {
    demand.values.iter().chain(&demand.value).filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_asked_for_as_its_scope() {
        let claims = |names: &[&str]| SingleClaims {
            userinfo: names.iter().map(|name| (*name).to_owned()).collect(),
            id_token: Vec::new(),
        };
        let none = ConfiguredClaims::default();
        let scope = |names: &[&str]| scope_for(&claims(names), &none).to_string();
        assert_eq!(scope(&["email", "email_verified", "given_name"]), "email profile");
        assert_eq!(scope(&["sub", "iss", "nobody_knows"]), "");
        let may = Scope::parse("openid email").unwrap();
        let asked = claims(&["email", "given_name", "sub", "unknown"]);
        assert_eq!(asked.within(&may, &none), claims(&["email"]));
    }
}
