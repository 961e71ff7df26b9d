//! Codes that pages send: each works at the page that sent it, in the browser that asked, for the address that it asked
//! for (R033).

use super::browser::Browser;
use super::provider::{Provider, User};
use crate::case::{Case, on_both_engines, password};
use crate::ouser;

on_both_engines! {
    a_code_of_a_page_is_for_that_page_only
    a_code_of_a_page_is_for_its_browser_only
    a_code_of_a_page_is_for_its_address_only
    codes_of_pages_and_of_documents_are_apart
}

const PAGES: [&str; 3] = ["/sign-in/code", "/sign-up", "/recover"];

/// Asks a page for a code; the code, and the browser with the form that takes it.
fn ask(case: &Case, browser: &Browser, page: &str, address: &str) -> (String, Browser) {
    let mut browser = browser.clone();
    browser.open(page).submit(&[("identifier", address)]);
    (case.server().latest_to(address).code(), browser)
}

/// Types a code into the form that asks for it; the status of what comes next.
fn status(form: &Browser, code: &str, more: &[(&str, &str)]) -> u16 {
    let (mut browser, password) = (form.clone(), password());
    let mut fields = [&[("code", code)], more].concat();
    if browser.has_form(&[("new_password", "")]) {
        fields.push(("new_password", &password));
    }
    browser.submit(&fields).page().status
}

/// Somebody, and a browser that has been here.
fn somebody(case: &Case) -> (User, Browser) {
    let provider = Provider::new(case);
    let mut browser = provider.browser();
    browser.open("/sign-in");
    (provider.user(), browser)
}

fn a_code_of_a_page_is_for_that_page_only(case: &Case) {
    let (user, browser) = somebody(case);
    let asked = PAGES.map(|page| ask(case, &browser, page, &user.email));
    for (own, (code, _)) in asked.iter().enumerate() {
        for (other, (_, form)) in asked.iter().enumerate().filter(|(other, _)| *other != own) {
            let refused = if other == 0 { 401 } else { 400 };
            assert_eq!(status(form, code, &[]), refused, "{} takes a code of {}", PAGES[other], PAGES[own]);
        }
    }
    // Who has the code of the second is told that there is an account.
    for ((code, form), fine) in asked.iter().zip([200, 409, 200]) {
        assert_eq!(status(form, code, &[]), fine, "{form}");
    }
}

fn a_code_of_a_page_is_for_its_browser_only(case: &Case) {
    let ((user, here), (_, elsewhere)) = (somebody(case), somebody(case));
    for (page, fine) in PAGES.into_iter().zip([200, 409, 200]) {
        let (_, other) = ask(case, &elsewhere, page, &user.email);
        let (code, form) = ask(case, &here, page, &user.email);
        let refused = if page == PAGES[0] { 401 } else { 400 };
        assert_eq!(status(&other, &code, &[]), refused, "{page} takes a code of another browser");
        assert_eq!(status(&form, &code, &[]), fine, "{page}");
    }
}

fn a_code_of_a_page_is_for_its_address_only(case: &Case) {
    let ((user, browser), (other, _)) = (somebody(case), somebody(case));
    for page in PAGES {
        let (code, form) = ask(case, &browser, page, &user.email);
        let refused = if page == PAGES[0] { 401 } else { 400 };
        assert_eq!(status(&form, &code, &[("identifier", &other.email)]), refused, "{page}");
    }
}

/// 000-32: those of the document work wherever the document says, and at no page.
fn codes_of_pages_and_of_documents_are_apart(case: &Case) {
    let (user, browser) = somebody(case);
    for page in PAGES {
        let (code, form) = ask(case, &browser, page, &user.email);
        assert_eq!(ouser::login_by_code(case, &user.email, &code).status, 401, "{page}");
        assert_eq!(ouser::redeem(case, &code, &password()).status, 410, "{page}");
        assert_eq!(ouser::reset(case, &code, &password()).status, 410, "{page}");
        let of_document = ouser::code_for(case, &user.email);
        let refused = if page == PAGES[0] { 401 } else { 400 };
        assert_eq!(status(&form, &of_document, &[]), refused, "{page}");
    }
}
