//! `countersign token`.

use serde_json::json;

use super::args::Token;
use super::output::{self, say};
use super::{admin, open};
use crate::failure::{Failure, Outcome};
use crate::open::Opener;

/// Does it.
///
/// # Errors
/// What went wrong.
pub async fn run(command: Token) -> Outcome {
    let (place, token, form) = match command {
        Token::Inspect { place, token, form } => (place, token, form),
        // Not repeated: it may be a secret.
        Token::Other(words) => {
            let what = match words.as_slice() {
                [_] => "`countersign token` wants to know what to do with it",
                _ => "`countersign token` has no such command",
            };
            return Err(
                Failure::usage(what).advice("`countersign token inspect TOKEN` shows what a token is")
            );
        }
    };
    let core = open(&place, Opener::Command).await?;
    let found = core.inspect_token(token.trim()).await.map_err(|error| admin(&error.into(), "token"))?;
    let told = json!(found.introspection);
    if form.json {
        return output::json(&json!({
            "header": found.header,
            "claims": found.claims,
            "signed_by": found.signed_by,
            "introspection": told,
        }));
    }
    for (name, part) in [("Header", &found.header), ("Claims", &found.claims)] {
        if let Some(part) = part {
            say(&format!("{name}: {part:#}"))?;
        }
    }
    if found.header.is_some() {
        say(&match &found.signed_by {
            Some(kid) => format!("Signed by the key {kid} of this server."),
            None => "Not signed by a key of this server.".to_owned(),
        })?;
    }
    say(&format!("Introspection: {told:#}"))
}
