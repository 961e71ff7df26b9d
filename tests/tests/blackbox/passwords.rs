//! What an operator can set about passwords, on every surface.

use std::fs;
use std::path::Path;

use countersign_testkit::scratch;

use crate::case::{Case, on_both_engines};
use crate::parity::{Person, Surface, register, sign_in};

on_both_engines! {
    a_pepper_is_added_changed_and_dropped
}

/// R011: nobody notices, but for those whose pepper is gone.
fn a_pepper_is_added_changed_and_dropped(case: &Case) {
    let (first, second) = ("0f".repeat(32), "a1".repeat(32));
    let file = scratch::directory("pepper").join("pepper");
    let write = |text: &str| fs::write(&file, text).expect("a file of our own");
    let with_pepper = |file: &Path| format!("[password]\npepper_file = \"{}\"", file.display());
    let works = |case: &Case, person: &Person| {
        sign_in(case, Surface::Rest, &person.email, &person.password).is_some()
    };
    write(&first);
    let mut case = case.with_config(&with_pepper(&file));
    let (early, away) = (register(&case, Surface::Rest), register(&case, Surface::AuthV1));
    assert!(works(&case, &early));
    write(&format!("{second}\n{first}\n"));
    case.server_mut().restart();
    let late = register(&case, Surface::Line);
    // Hashed anew, and not for the second time only.
    assert!(works(&case, &early) && works(&case, &early) && works(&case, &late));
    write(&second);
    case.server_mut().restart();
    assert!(works(&case, &early), "the hash was not made anew");
    assert!(works(&case, &late));
    assert!(!works(&case, &away), "the pepper plays no part");
    assert!(case.server().log().contains("pepper"), "the log does not say why");
}
