//! `[[clients]]`: the metadata of clients under the names of RFC 7591.

use std::collections::BTreeSet;
use std::fs;

use countersign_model::oauth::Metadata;
use countersign_model::secret::Secret;
use countersign_ops::OAuthSettings;
use countersign_ops::oauth::plan_clients::ConfiguredClient;
use serde_json::{Value, json};

use super::origin::{Origin, Problem};
use super::reader::Reader;
use super::unknown::nearest;
use super::written::MemberTable;

/// Understands them all.
pub fn read(tables: &[MemberTable], problems: &mut Vec<Problem>) -> Vec<ConfiguredClient> {
    let mut ids = BTreeSet::new();
    let mut clients = Vec::new();
    for table in tables {
        match client(table) {
            Ok(client) if ids.insert(client.id.clone()) => clients.push(client),
            Ok(client) => {
                let text = format!("the client {:?} is there twice", client.id);
                problems.push(Problem::at(&table.origin, text));
            }
            Err(text) => problems.push(Problem::at(&table.origin, format!("[[clients]]: {text}"))),
        }
    }
    clients
}

/// Whether a server with these settings can have them.
pub fn check(
    clients: &[ConfiguredClient],
    tables: &[MemberTable],
    reader: &mut Reader<'_>,
    oauth: &OAuthSettings,
) {
    for client in clients {
        if let Err(error) = client.check(oauth) {
            let is_its = |table: &&MemberTable| table.members.get("client_id") == Some(&json!(client.id));
            let origin = tables.iter().find(is_its).map_or(Origin::Default, |table| table.origin.clone());
            reader.problem(&origin, format!("[[clients]]: {error}"));
        }
    }
}

fn client(table: &MemberTable) -> Result<ConfiguredClient, String> {
    let mut members = table.members.clone();
    let mut text = |name: &str| match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(format!("`{name}` must be a text that is not empty")),
    };
    let id = text("client_id")?.ok_or("`client_id` is missing")?;
    let (secret, file) = (text("client_secret")?, text("client_secret_file")?);
    let secret = match (secret, file) {
        (Some(_), Some(_)) => return Err("`client_secret` and `client_secret_file` are both set".to_owned()),
        (Some(secret), None) => Some(secret),
        (None, Some(file)) => Some(secret_file(&file, &table.origin)?),
        (None, None) => None,
    };
    let metadata = Metadata::from_json(&Value::Object(members.clone())).map_err(|fault| fault.to_string())?;
    let known = metadata.to_json();
    let is_empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
    if let Some((name, _)) =
        members.iter().find(|(name, value)| known.get(name).is_none() && !is_empty(value))
    {
        return Err(format!("unknown member `{name}`{}", meant(name)));
    }
    metadata.check().map_err(|fault| fault.to_string())?;
    match (metadata.token_endpoint_auth_method.has_secret(), &secret) {
        (true, None) => {
            return Err("`client_secret` or `client_secret_file` is missing, or \
                        `token_endpoint_auth_method` is to be another"
                .to_owned());
        }
        (false, Some(_)) => {
            return Err("a secret is set, but `token_endpoint_auth_method` uses none".to_owned());
        }
        (true, Some(secret)) if secret.chars().count() < 32 => {
            return Err("the secret must have 32 characters at least".to_owned());
        }
        (_, _) => {}
    }
    Ok(ConfiguredClient { id, metadata, secret: secret.map(Secret::new) })
}

/// The member that a name was meant to be, as the end of a sentence.
pub fn meant(name: &str) -> String {
    let own = ["client_id", "client_secret"].into_iter();
    nearest(name, Metadata::members().iter().copied().chain(own))
        .map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// Its path is relative to the folder of the file that names it.
fn secret_file(path: &str, origin: &Origin) -> Result<String, String> {
    let folder = match origin {
        Origin::File { path, .. } => path.parent(),
        Origin::Default | Origin::Environment(_) | Origin::Flag(_) => None,
    };
    let path = folder.map_or_else(|| path.into(), |folder| folder.join(path));
    let text =
        fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(json: Value) -> String {
        let members = json.as_object().cloned().unwrap();
        client(&MemberTable { members, origin: Origin::Default }).unwrap_err()
    }

    #[test]
    fn what_is_wrong_with_a_client_is_told() {
        let uris = ["https://app.example.com/cb"];
        let secret = "0123456789abcdef0123456789abcdef";
        assert!(fault(json!({})).contains("`client_id` is missing"));
        assert!(fault(json!({"client_id": 1})).contains("must be a text"));
        assert!(fault(json!({"client_id": "a", "redirect_uris": uris})).contains("`client_secret`"));
        let short = json!({"client_id": "a", "redirect_uris": uris, "client_secret": "short"});
        assert!(fault(short).contains("32 characters"));
        let typo = json!({"client_id": "a", "redirect_uri": uris, "client_secret": secret});
        assert!(fault(typo).contains("unknown member `redirect_uri`; did you mean `redirect_uris`?"));
        let script = json!({"client_id": "a", "redirect_uris": ["javascript:alert(1)"]});
        assert!(fault(script).contains("not allowed"));
    }
}
