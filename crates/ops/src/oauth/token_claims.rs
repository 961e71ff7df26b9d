//! What signed tokens say.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_model::key::Algorithm;
use countersign_model::oauth::{GrantFacts, TokenFacts};
use serde_json::{Map, Value, json};

use super::issue::{Carried, DrawnTokens, Issued};
use super::membership::Membership;
use crate::{Core, Unavailable};

impl Core {
    /// RFC 9068 §2.2.
    ///
    /// # Errors
    /// [`Unavailable`] if what is known about the person does not open.
    pub(super) fn access_claims(
        &self,
        drawn: &DrawnTokens,
        issued: &Issued<'_>,
        jti: &str,
    ) -> Result<Value, Unavailable> {
        let Issued { client, facts, carried: Carried { access, end, .. }, membership, .. } = *issued;
        let mut claims = json!({
            "iss": self.settings.public_url,
            "sub": self.subject(client, issued.uuid),
            "aud": self.audience_claim(&access.audience),
            "exp": drawn.access_until(*end).seconds(),
            "iat": drawn.now.seconds(),
            "jti": jti,
            "client_id": client.id.as_str(),
            "scope": access.scope,
            "sid": issued.session.to_string(),
            "auth_time": facts.signed_in_at().seconds(),
        });
        if let Value::Object(claims) = &mut claims {
            add_authentication(claims, facts);
            add_membership(claims, membership);
            add_facts(claims, access);
            if let Some(person) = &membership.person {
                add_new(claims, self.configured_claims(person, &access.scope)?);
            }
            if let Some(place) = membership.status {
                claims.insert("status".to_owned(), self.status_claim(place));
            }
        }
        Ok(claims)
    }

    /// OpenID Connect Core §2.
    ///
    /// # Errors
    /// [`Unavailable`] if what is known about the person does not open.
    pub(super) fn id_claims(
        &self,
        drawn: &DrawnTokens,
        issued: &Issued<'_>,
        nonce: Option<&str>,
        at_hash: &str,
    ) -> Result<Value, Unavailable> {
        let Issued { client, facts, membership, .. } = *issued;
        let mut claims = json!({
            "iss": self.settings.public_url,
            "sub": self.subject(client, issued.uuid),
            "aud": client.id.as_str(),
            "exp": drawn.now.after(self.settings.oauth.id_token).seconds(),
            "iat": drawn.now.seconds(),
            "auth_time": facts.signed_in_at().seconds(),
            "at_hash": at_hash,
            "sid": issued.session.to_string(),
        });
        if let Value::Object(claims) = &mut claims {
            if let Some(nonce) = nonce {
                claims.insert("nonce".to_owned(), nonce.into());
            }
            add_authentication(claims, facts);
            add_membership(claims, membership);
            if let Some(person) = &membership.person {
                add_new(claims, self.claims_about(person)?);
            }
        }
        Ok(claims)
    }

    /// `aud`: one text if there is one, and this server where none was asked for (RFC 9068 §3).
    pub(crate) fn audience_claim(&self, audience: &[String]) -> Value {
        match audience {
            [] => self.settings.public_url.clone().into(),
            [one] => one.clone().into(),
            several => several.to_vec().into(),
        }
    }
}

fn add_authentication(claims: &mut Map<String, Value>, facts: &GrantFacts) {
    if let Some(acr) = &facts.acr {
        claims.insert("acr".to_owned(), acr.clone().into());
    }
    if !facts.amr.is_empty() {
        claims.insert("amr".to_owned(), facts.amr.clone().into());
    }
}

fn add_membership(claims: &mut Map<String, Value>, membership: &Membership) {
    for (name, names) in [("groups", &membership.groups), ("roles", &membership.roles)] {
        if let Some(names) = names {
            claims.insert(name.to_owned(), names.clone().into());
        }
    }
}

/// What is there stays as it is (R084).
fn add_new(claims: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        claims.entry(name).or_insert(value);
    }
}

/// `cnf` (RFC 7800 §3.1), `act` (RFC 8693 §4.1) and `authorization_details` (RFC 9396 §9.1).
pub(crate) fn add_facts(claims: &mut Map<String, Value>, facts: &TokenFacts) {
    if let Some(jkt) = &facts.jkt {
        claims.insert("cnf".to_owned(), json!({ "jkt": jkt }));
    }
    if let Some(x5t) = &facts.x5t {
        claims.insert("cnf".to_owned(), json!({ "x5t#S256": x5t }));
    }
    if let Some(act) = &facts.act {
        claims.insert("act".to_owned(), json!(act));
    }
    if !facts.details.is_empty() {
        claims.insert("authorization_details".to_owned(), json!(facts.details));
    }
}

/// The left half of the access token's digest, which is the one of the signature (OpenID Connect Core
/// §3.1.3.6): Ed25519 uses SHA-512.
pub(super) fn at_hash(algorithm: Algorithm, access: &str) -> String {
    let algorithm = match algorithm {
        Algorithm::Es256 | Algorithm::Rs256 => &digest::SHA256,
        Algorithm::EdDsa => &digest::SHA512,
    };
    let sum = digest::digest(algorithm, access.as_bytes());
    let (left, _) = sum.as_ref().split_at(sum.as_ref().len() / 2);
    URL_SAFE_NO_PAD.encode(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_replaces_nothing() {
        let object = |json: Value| json.as_object().cloned().unwrap();
        let mut claims = object(json!({"sub": "somebody", "exp": 1}));
        add_new(&mut claims, object(json!({"sub": "admin", "exp": 2, "department": "Research"})));
        assert_eq!(Value::Object(claims), json!({"sub": "somebody", "exp": 1, "department": "Research"}));
    }

    #[test]
    fn at_hash_is_that_of_the_example_in_openid_connect_core() {
        // Appendix A.3.
        let access = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(at_hash(Algorithm::Es256, access), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(at_hash(Algorithm::EdDsa, access).len(), 43);
    }
}
