//! What has expired leaves the store.

use std::time::Duration;

use countersign_testkit::{Server, poll};
use serde_json::json;

use super::schema::sql;
use crate::case::{Case, on_both_engines, password};
use crate::{authd, line, ouser, parity};

on_both_engines! {
    nothing_that_has_expired_stays
    messages_that_nobody_fetched_go_at_their_age
}

const DAY: Duration = Duration::from_secs(86_400);

/// The tables whose rows have an end.
const TABLES: [&str; 8] = [
    "tokens",
    "sessions",
    "codes",
    "registrations",
    "pending_phones",
    "limits",
    "quota_uses",
    "known_sources",
];

fn rows(case: &Case, table: &str) -> u64 {
    let query = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}");
    sql(case.engine(), case.server().database_url(), &query).parse().expect("a number")
}

fn nothing_that_has_expired_stays(case: &Case) {
    let mut case = case.with_clock();
    let people = parity::Surface::ALL.map(|surface| parity::register(&case, surface));
    for (surface, person) in parity::Surface::ALL.into_iter().zip(&people) {
        parity::sign_in(&case, surface, &person.email, &person.password).expect("signed in");
    }
    ouser::code_for(&case, &people[0].email);
    line::Registration::new(&case).registered(&case);
    case.post("/auth/v1/passwordreset", json!({ "email": people[3].email })).expect(200);
    authd::create(&case, &case.email(), &password());
    for table in TABLES {
        assert!(rows(&case, table) > 0, "nothing in {table}: this test shows nothing about it");
    }
    case.server_mut().advance(DAY * 5000);
    for table in TABLES {
        poll::until(&format!("{table} to be swept"), || (rows(&case, table) == 0).then_some(()));
    }
    // What has no end is there.
    for (surface, person) in parity::Surface::ALL.into_iter().zip(&people) {
        assert!(parity::sign_in(&case, surface, &person.email, &person.password).is_some());
    }
}

/// They hold addresses and codes. Without a mail server nobody else would remove them.
fn messages_that_nobody_fetched_go_at_their_age(case: &Case) {
    let mut case = case.with_own(Server::builder().fake_clock().config("[delivery]\nkeep = \"3d\""));
    let member = ouser::register(&case);
    ouser::code_for(&case, &member.email);
    let first = rows(&case, "outbox");
    assert!(first > 0);
    case.server_mut().advance(DAY * 2);
    ouser::code_for(&case, &member.email);
    assert_eq!(rows(&case, "outbox"), first + 1, "two days are less than three");
    case.server_mut().advance(DAY + DAY / 2);
    poll::until("the older messages to go", || (rows(&case, "outbox") == 1).then_some(()));
}
