//! Usernames that could be taken for somebody else's name, address or number.

use crate::case::{Case, on_both_engines, password};
use crate::cross::register_member;
use crate::running::failed;

on_both_engines! {
    a_username_is_not_mistaken_for_another
    a_username_is_no_address_and_no_number
}

/// Wherever a username can be chosen: on 002 and 003, and by the operator.
fn is_accepted(case: &Case, username: &str) -> bool {
    let line = format!("register u:{username} p:{} n:{}", password(), case.phone());
    let member = register_member(case, username, &case.email(), &password()).status;
    let added = case.server().command(&["account", "add", "--no-password", "--username", username]);
    match case.line().ask(&line).as_str() {
        "nop invalidusername" => {
            assert_eq!(member, 400, "{username}");
            failed(&added);
            false
        }
        answer => {
            // The one that was sent first has the name now; 002 has it once its number is validated.
            assert_eq!((answer, member), ("nop usernametaken", 200), "{username}");
            assert!(failed(&added).contains("already"), "{username}");
            true
        }
    }
}

/// R132: mixed scripts that look like one; one name in another width or case is one name.
fn a_username_is_not_mistaken_for_another(case: &Case) {
    let name = case.username();
    // A Cyrillic, a Greek and a Cherokee letter in a Latin name.
    for lookalike in ["\u{430}", "\u{3bf}", "\u{13aa}"] {
        assert!(!is_accepted(case, &format!("{lookalike}{name}")), "{lookalike}");
    }
    assert!(is_accepted(case, &name));
    let wide: String = name.chars().filter_map(|c| char::from_u32(u32::from(c) + 0xfee0)).collect();
    for same in [name.to_uppercase(), wide] {
        register_member(case, &same, &case.email(), &password()).expect(409);
    }
    // What people write.
    let number: String = name.chars().filter(char::is_ascii_digit).collect();
    for fine in ["алиса", "田中taro", "José"] {
        assert!(is_accepted(case, &format!("{fine}{number}")), "{fine}");
    }
}

/// R134: whoever types their address or number into a field for any name must not reach somebody else.
fn a_username_is_no_address_and_no_number(case: &Case) {
    let phone = case.phone();
    for bad in [case.email(), phone.clone(), phone.replace('+', ""), "888-555-12-12".to_owned()] {
        assert!(!is_accepted(case, &bad), "{bad}");
    }
}
