//! What is left in the database.

use std::fs;

use countersign_testkit::{Engine, Postgres};

use super::{Registration, token_of};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    seed_002_12
}

/// Password, number and e-mail address are nowhere in the database as they are; the e-mail address leads to the
/// account, the number leads nowhere.
fn seed_002_12(case: &Case) {
    let mut case = case.with_config("");
    let who = Registration {
        username: "inspected".to_owned(),
        password: "Qz7-canary-password".to_owned(),
        phone: "8887654321".to_owned(),
        email: Some("canary.address@inspected.example".to_owned()),
    };
    let pending = who.registered(&case);
    assert_eq!(found(&case, &pending), Vec::<String>::new(), "while pending");
    let done = pending.verified(&case);
    let (token, _) = token_of(&done.login(&case));
    assert_eq!(found(&case, &done), Vec::<String>::new(), "once validated");
    assert!(!contains(&stored(&case), &token), "the token is stored");

    let shown = |name: &str| case.server().command(&["account", "show", name, "--json"]);
    let account = shown("inspected");
    assert!(account.status.success(), "{}", String::from_utf8_lossy(&account.stderr));
    let text = String::from_utf8_lossy(&account.stdout).into_owned();
    assert!(!text.contains("7654321"), "{text}");
    assert_eq!(shown("canary.address@inspected.example").stdout, account.stdout);
    assert!(!shown("8887654321").status.success(), "the number leads to an account");
    case.server_mut().kill();
    assert_eq!(found(&case, &done), Vec::<String>::new(), "in what a crash leaves");
}

/// Which of the secrets can be read in the database, in whatever usual spelling.
fn found(case: &Case, who: &Registration) -> Vec<String> {
    let bytes = stored(case);
    let parts = [who.password.as_str(), "8887654321", "canary.address", "inspected.example", "7654321"];
    let spellings = parts.iter().flat_map(|part| {
        let hex: String = part.bytes().map(|byte| format!("{byte:02x}")).collect();
        [(*part).to_owned(), hex]
    });
    spellings.filter(|spelling| contains(&bytes, spelling)).collect()
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle.as_bytes()))
}

/// All bytes of the database, with what SQLite keeps beside it.
fn stored(case: &Case) -> Vec<u8> {
    if case.engine() == Engine::Postgres {
        return Postgres::shared().dump(case.server().database_url());
    }
    let files = fs::read_dir(case.server().data_dir()).expect("the data directory").flatten();
    let database = files.filter(|file| file.file_name().to_string_lossy().starts_with("countersign.db"));
    let bytes: Vec<u8> = database.flat_map(|file| fs::read(file.path()).expect("a file")).collect();
    assert!(bytes.len() > 10_000, "no database in the data directory");
    bytes
}
