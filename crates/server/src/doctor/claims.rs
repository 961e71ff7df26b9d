//! Claims that the operator adds: whether those exist for whom they are.

use countersign_ops::Core;
use countersign_ops::oauth::manage_clients::ClientError;

use super::finding::Findings;
use crate::config::Settings;

const CHECK: &str = "claims";

/// Looks at them, if there are some.
pub async fn examine(core: &Core, settings: &Settings, findings: &mut Findings) {
    if settings.operations.oauth.claims.names().is_empty() {
        return;
    }
    match missing(core, settings).await {
        Err(error) => findings.problem(CHECK, error, "see the log of the server"),
        Ok(missing) if missing.is_empty() => {
            findings.good(CHECK, "the groups, roles and clients of [[oauth.claims]] exist");
        }
        Ok(missing) => findings.warning(
            CHECK,
            format!("[[oauth.claims]] names what does not exist: {}", missing.join(", ")),
            "correct the name, or make it: `countersign group add`, `role add`, `client add`",
        ),
    }
}

/// The groups, roles and clients that are named and do not exist, each once.
async fn missing(core: &Core, settings: &Settings) -> Result<Vec<String>, String> {
    let claims = &settings.operations.oauth.claims;
    let groups = core.list_groups().await.map_err(|error| error.to_string())?;
    let roles = core.list_roles().await.map_err(|error| error.to_string())?;
    let mut missing = Vec::new();
    for claim in claims.iter() {
        let absent = |name: &&String| !groups.iter().any(|group| group.name == **name);
        missing.extend(claim.groups.iter().filter(absent).map(|name| format!("group {name:?}")));
        let absent = |name: &&String| !roles.iter().any(|role| role.name == **name);
        missing.extend(claim.roles.iter().filter(absent).map(|name| format!("role {name:?}")));
        for id in &claim.clients {
            // Those of the file are made at the next start.
            let is_planned = settings.clients.iter().any(|client| client.id == *id);
            match core.show_client(id).await {
                Err(ClientError::NotFound) if !is_planned => missing.push(format!("client {id:?}")),
                Ok(_) | Err(ClientError::NotFound) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }
    missing.sort();
    missing.dedup();
    Ok(missing)
}
