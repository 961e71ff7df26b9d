//! Redirect URIs by example: every spelling of the table in `redirects.json`, with what must become of it. Which fault
//! is named does not matter to anybody's safety, but a table that says it shows that each check is reached.

#![allow(clippy::unwrap_used)]

use countersign_model::oauth::RedirectUri;
use serde_json::Value;

fn table(name: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("redirects.json")).unwrap();
    all[name].as_array().unwrap().clone()
}

#[test]
fn two_hundred_spellings_of_a_redirect_uri() {
    let rows = table("matching");
    assert!(rows.len() >= 200, "{} rows", rows.len());
    for row in rows {
        let (registered, asked) = (row["registered"].as_str().unwrap(), row["asked"].as_str().unwrap());
        let uri = RedirectUri::register(registered).unwrap();
        assert_eq!(uri.matches(asked), row["matches"].as_bool().unwrap(), "{registered} asked as {asked:?}");
    }
}

#[test]
fn what_can_be_registered() {
    for row in table("registration") {
        let uri = row["uri"].as_str().unwrap();
        let fault = RedirectUri::register(uri).err().map(|fault| format!("{fault:?}"));
        assert_eq!(fault.as_deref(), row["refused"].as_str(), "{uri:?}");
    }
}
