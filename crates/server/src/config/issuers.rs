//! `[[oauth.trusted_issuers]]`: who may say whom a client acts for.

use countersign_model::oauth::{Jwks, Scope};
use countersign_ops::{AssertedSubject, IssuerKeys, TrustedIssuer};
use serde::Deserialize;
use serde_json::Value;

use super::origin::Problem;
use super::written::MemberTable;

/// A table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    issuer: String,
    jwks: Option<Jwks>,
    jwks_uri: Option<String>,
    #[serde(default)]
    audience: Vec<String>,
    subject: Subject,
    scope: String,
    #[serde(default)]
    clients: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Subject {
    AccountId,
    Username,
    Email,
}

/// Understands them all.
pub fn read(tables: &[MemberTable], problems: &mut Vec<Problem>) -> Vec<TrustedIssuer> {
    let mut issuers: Vec<TrustedIssuer> = Vec::new();
    for table in tables {
        let mut tell = |text: String| {
            problems.push(Problem::at(&table.origin, format!("[[oauth.trusted_issuers]]: {text}")));
        };
        match table.check_lists(&["clients"]).and_then(|()| issuer(Value::Object(table.members.clone()))) {
            Ok(one) if issuers.iter().any(|known| known.issuer == one.issuer) => {
                tell(format!("{:?} is there twice", one.issuer));
            }
            Ok(one) => issuers.push(one),
            Err(text) => tell(text),
        }
    }
    issuers
}

fn issuer(members: Value) -> Result<TrustedIssuer, String> {
    let written: Written = serde_json::from_value(members).map_err(|error| error.to_string())?;
    let keys = match (written.jwks, written.jwks_uri) {
        (Some(keys), None) => IssuerKeys::Fixed(keys),
        (None, Some(url)) if url.starts_with("https://") || url.starts_with("http://") => IssuerKeys::At(url),
        (None, Some(_)) => return Err("`jwks_uri` must be a URL".to_owned()),
        (Some(_), Some(_)) => return Err("`jwks` and `jwks_uri` are both set".to_owned()),
        (None, None) => return Err("`jwks` or `jwks_uri` is missing".to_owned()),
    };
    if written.issuer.is_empty() {
        return Err("`issuer` must be a text that is not empty".to_owned());
    }
    Ok(TrustedIssuer {
        issuer: written.issuer,
        keys,
        audience: written.audience,
        subject: match written.subject {
            Subject::AccountId => AssertedSubject::AccountId,
            Subject::Username => AssertedSubject::Username,
            Subject::Email => AssertedSubject::Email,
        },
        scope: Scope::parse(&written.scope).map_err(|error| format!("`scope`: {error}"))?,
        clients: written.clients,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Origin;

    #[test]
    fn what_is_wrong_with_an_issuer_is_told() {
        let good = json!({
            "issuer": "https://idp.example.com", "jwks_uri": "https://idp.example.com/jwks",
            "subject": "email", "scope": "openid email",
        });
        assert_eq!(issuer(good.clone()).unwrap().subject, AssertedSubject::Email);
        let with = |name: &str, value: Value| {
            let mut all = good.clone();
            all[name] = value;
            issuer(all).unwrap_err()
        };
        assert!(with("subject", json!("phone")).contains("unknown variant `phone`"));
        assert!(with("jwks", json!({"keys": []})).contains("both"));
        assert!(with("jwks_uri", json!("file:///etc/passwd")).contains("must be a URL"));
        assert!(with("jwksuri", json!("x")).contains("unknown field `jwksuri`"));
        assert!(with("scope", json!("a  b")).contains("`scope`"));
        assert!(with("issuer", json!("")).contains("not empty"));
        let mut all = good;
        all["clients"] = json!([]);
        let table = MemberTable { members: all.as_object().cloned().unwrap(), origin: Origin::Default };
        let mut problems = Vec::new();
        assert!(
            read(&[table], &mut problems).is_empty()
                && problems[0].text.contains("`clients` is an empty list")
        );
        assert!(issuer(json!({"issuer": "x"})).unwrap_err().contains("missing field"));
    }
}
