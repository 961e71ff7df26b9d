//! `[[oauth.claims]]`: claims that the operator adds.

use countersign_model::oauth::claims::is_reserved;
use countersign_model::oauth::{AccountFact, ClaimSource, ConfiguredClaim, ConfiguredClaims, Scope};
use countersign_ops::oauth::manage_groups::{AccessError, check_name};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::origin::Problem;
use super::written::MemberTable;

/// More are refused: each is looked at whenever a token is issued.
const MOST: usize = 100;

/// Bytes of all names and values as JSON: all of them may be told in one token, which has to fit the header of a
/// request.
const LARGEST: usize = 4096;

/// For so many bytes a fact counts, the longest of which is an address.
const FACT: usize = 256;

const VALUES: &str = "a text, a number, true or false, or a list or table of these; write a date as a text";

/// A table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    scope: String,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    clients: Vec<String>,
    #[serde(default, deserialize_with = "as_it_is")]
    value: Option<Value>,
    from: Option<AccountFact>,
}

/// What JSON has no form for is `null` by now, which is not the same as nothing.
fn as_it_is<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Understands them all.
pub fn read(tables: &[MemberTable], problems: &mut Vec<Problem>) -> ConfiguredClaims {
    let mut claims: Vec<ConfiguredClaim> = Vec::new();
    let mut bytes = 0;
    for (number, table) in tables.iter().enumerate() {
        let mut tell = |text: String| {
            problems.push(Problem::at(&table.origin, format!("[[oauth.claims]]: {text}")));
        };
        if number == MOST {
            tell(format!("at most {MOST} are taken"));
            break;
        }
        let lists = table.check_lists(&["groups", "roles", "clients"]);
        let claim = lists.and_then(|()| claim(Value::Object(table.members.clone())));
        bytes += claim.as_ref().map_or(0, size);
        if bytes > LARGEST {
            tell(format!(
                "names and values up to here have {bytes} bytes as JSON; at most {LARGEST} are taken"
            ));
            break;
        }
        match claim {
            Ok(one) => match claims.iter().find(|known| known.name == one.name && known.scope != one.scope) {
                Some(known) => tell(format!(
                    "{:?} stands under the scope {:?} above: a claim has one scope, so that it can be allowed by it",
                    one.name, known.scope
                )),
                None => claims.push(one),
            },
            Err(text) => tell(text),
        }
    }
    claims.into_iter().collect()
}

fn claim(members: Value) -> Result<ConfiguredClaim, String> {
    let written: Written = serde_json::from_value(members).map_err(|error| error.to_string())?;
    let Written { name, scope, groups, roles, clients, .. } = written;
    if name.is_empty() {
        return Err("`name` must be a text that is not empty".to_owned());
    }
    if is_reserved(&name) {
        return Err(format!(
            "{name:?} has a meaning of its own in a token or is told by the server; choose another `name`"
        ));
    }
    if Scope::parse(&scope).map_or(0, |scope| scope.names().count()) != 1 {
        return Err("`scope` must be the name of one scope".to_owned());
    }
    if scope == Scope::OFFLINE {
        return Err(
            "`scope` must be another: nobody who allows \"offline_access\" is told of a claim".to_owned()
        );
    }
    if let Some(name) = groups.iter().chain(&roles).find(|name| check_name(name).is_err()) {
        return Err(format!("{name:?} is no group or role: {}", AccessError::Name));
    }
    let source = match (written.value, written.from) {
        (Some(value), None) => ClaimSource::Value(checked(value)?),
        (None, Some(fact)) => {
            check_fact(fact, &scope, !clients.is_empty())?;
            ClaimSource::Fact(fact)
        }
        (Some(_), Some(_)) => return Err("`value` and `from` are both set".to_owned()),
        (None, None) => return Err("`value` or `from` is missing".to_owned()),
    };
    Ok(ConfiguredClaim { name, scope, groups, roles, clients, source })
}

/// Whoever allows a scope expects from it what its words say. `openid` is in every sign-in, and nobody is asked for it
/// everywhere.
fn check_fact(fact: AccountFact, scope: &str, is_limited: bool) -> Result<(), String> {
    let own = match fact {
        AccountFact::Email => Some(Scope::EMAIL),
        AccountFact::Phone => Some(Scope::PHONE),
        AccountFact::Username | AccountFact::Name | AccountFact::GivenName | AccountFact::FamilyName => None,
    };
    match own {
        Some(own) if scope != own && Scope::KNOWN.contains(&scope) => Err(format!(
            "an address or number is told under the scope {own:?} or one of yours, not {scope:?}"
        )),
        None if scope == Scope::OPENID && !is_limited => Err(
            "`from` under \"openid\" would be told to every client: name `clients`, or choose another scope"
                .to_owned(),
        ),
        Some(_) | None => Ok(()),
    }
}

fn checked(value: Value) -> Result<Value, String> {
    if has_null(&value) {
        return Err(format!("`value` must be {VALUES}"));
    }
    Ok(value)
}

/// How much of a token it takes.
fn size(claim: &ConfiguredClaim) -> usize {
    let value = match &claim.source {
        ClaimSource::Value(value) => value.to_string().len(),
        ClaimSource::Fact(_) => FACT,
    };
    claim.name.len() + value
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Origin;

    fn table(members: Value) -> MemberTable {
        MemberTable { members: members.as_object().cloned().unwrap(), origin: Origin::Default }
    }

    #[test]
    fn what_is_wrong_with_a_claim_is_told() {
        let good = json!({"name": "department", "scope": "profile", "value": "Research"});
        assert_eq!(claim(good.clone()).unwrap().source, ClaimSource::Value(json!("Research")));
        let with = |name: &str, value: Value| {
            let mut all = good.clone();
            all[name] = value;
            claim(all).unwrap_err()
        };
        for name in ["sub", "iss", "exp", "scope", "client_id", "email", "groups", "roles", "act", "cnf"] {
            let told = with("name", json!(name));
            assert!(told.contains(&format!("{name:?} has a meaning of its own")), "{told}");
        }
        assert!(with("name", json!("")).contains("not empty"));
        for scope in ["", "a b", "a  b", "a\"b"] {
            assert!(with("scope", json!(scope)).contains("`scope` must be the name of one scope"), "{scope}");
        }
        assert!(with("from", json!("username")).contains("both set"));
        assert!(with("valeu", json!(1)).contains("unknown field `valeu`, expected one of `name`, `scope`"));
        assert!(with("groups", json!("staff")).contains("expected a sequence"));
        for value in [json!(null), json!([null]), json!({"a": [1, null]})] {
            assert!(with("value", value).contains("write a date as a text"));
        }
        assert!(with("scope", json!("offline_access")).contains("`scope` must be another"));
        for list in ["groups", "roles"] {
            assert!(
                with(list, json!(["staff", "a b"]))
                    .contains("\"a b\" is no group or role: a name has 1 to 64")
            );
            assert!(with(list, json!([""])).contains("is no group or role"));
        }
        let without = json!({"name": "department", "scope": "profile"});
        assert!(claim(without.clone()).unwrap_err().contains("`value` or `from` is missing"));
        let mut from = without;
        from["from"] = json!("passwort");
        assert!(claim(from).unwrap_err().contains("unknown variant `passwort`, expected one of `username`"));
    }

    #[test]
    fn a_fact_is_told_as_what_it_is() {
        let from = |fact: &str, scope: &str, clients: &[&str]| {
            claim(json!({"name": "a", "scope": scope, "from": fact, "clients": clients})).map(|_| ())
        };
        for (fact, scope) in [
            ("email", "email"),
            ("phone", "phone"),
            ("email", "mine"),
            ("username", "profile"),
            ("name", "mine"),
        ] {
            assert_eq!(from(fact, scope, &[]), Ok(()), "{fact} {scope}");
        }
        for (fact, scope) in
            [("email", "profile"), ("email", "phone"), ("phone", "email"), ("phone", "openid")]
        {
            assert!(
                from(fact, scope, &["app"]).unwrap_err().contains("is told under the scope"),
                "{fact} {scope}"
            );
        }
        assert!(from("username", "openid", &[]).unwrap_err().contains("name `clients`"));
        assert_eq!(from("username", "openid", &["app"]), Ok(()));
    }

    #[test]
    fn a_list_of_nobody_is_refused() {
        for list in ["groups", "roles", "clients"] {
            let mut members = json!({"name": "a", "scope": "profile", "value": 1});
            members[list] = json!([]);
            let mut problems = Vec::new();
            assert_eq!(read(&[table(members)], &mut problems), ConfiguredClaims::default());
            let text = format!(
                "[[oauth.claims]]: `{list}` is an empty list; name some, or leave it out for all of them"
            );
            assert_eq!(problems[0].text, text);
        }
    }

    #[test]
    fn a_claim_has_one_scope_and_there_are_not_too_many() {
        let one = |scope: &str| table(json!({"name": "a", "scope": scope, "value": 1}));
        let told = |tables: &[MemberTable]| {
            let mut problems = Vec::new();
            read(tables, &mut problems);
            problems.into_iter().map(|problem| problem.text).collect::<Vec<_>>()
        };
        assert_eq!(told(&[one("x"), one("x")]), [""; 0]);
        let twice = told(&[one("x"), one("y")]);
        assert!(twice.len() == 1 && twice[0].contains("stands under the scope \"x\""), "{twice:?}");
        assert_eq!(told(&vec![one("x"); 100]), [""; 0]);
        assert_eq!(told(&vec![one("x"); 102]), ["[[oauth.claims]]: at most 100 are taken"]);
        let text = |bytes: usize| table(json!({"name": "a", "scope": "x", "value": "x".repeat(bytes)}));
        assert_eq!(told(&[text(2045), text(2045)]), [""; 0]);
        let more =
            "[[oauth.claims]]: names and values up to here have 4097 bytes as JSON; at most 4096 are taken";
        assert_eq!(told(&[text(2045), text(2046), text(1)]), [more]);
        let from = table(json!({"name": "a", "scope": "x", "from": "username"}));
        assert_eq!(told(&vec![from; 16]).len(), 1);
    }
}
