//! What the pages say, in each of their languages. A struct, so that a missing word does not compile.

mod de;
mod en;
mod es;
mod fr;
mod ja;
mod pt;
mod zh;

use countersign_model::password::{Fault, Password, Unusable};
use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

/// The words of a language. `{app}`, `{who}` and the like are filled in by [`fill`].
#[derive(Debug)]
#[allow(missing_docs)] // The names say it, and the words do.
pub(super) struct Words {
    pub lang: &'static str,
    pub error: &'static str,
    pub next: &'static str,
    // Sign-in.
    pub sign_in: &'static str,
    pub to_continue: &'static str,
    pub again: &'static str,
    pub signed_in_as: &'static str,
    pub identifier: &'static str,
    pub password: &'static str,
    pub forgot: &'static str,
    pub with_code: &'static str,
    pub with_password: &'static str,
    pub wrong_password: &'static str,
    pub fill_in: &'static str,
    pub unverified_number: &'static str,
    pub unverified_email: &'static str,
    pub too_many: &'static str,
    pub busy: &'static str,
    pub select_account: &'static str,
    pub continue_as: &'static str,
    pub another_account: &'static str,
    // Codes, registration, recovery.
    pub code_title: &'static str,
    pub address: &'static str,
    pub address_malformed: &'static str,
    pub send_code: &'static str,
    pub code_sent: &'static str,
    pub code: &'static str,
    pub code_hint: &'static str,
    pub code_wrong: &'static str,
    pub other_code: &'static str,
    pub sign_up: &'static str,
    pub sign_up_lead: &'static str,
    pub create: &'static str,
    pub have_account: &'static str,
    pub taken: &'static str,
    pub recover: &'static str,
    pub recover_lead: &'static str,
    pub new_password: &'static str,
    pub password_hint: &'static str,
    pub set_password: &'static str,
    pub password_changed: &'static str,
    pub password_changed_text: &'static str,
    // Consent.
    pub consent_title: &'static str,
    pub consent_lead: &'static str,
    pub allow: &'static str,
    pub deny: &'static str,
    pub answer_goes_to: &'static str,
    pub unchecked_client: &'static str,
    pub document_client: &'static str,
    pub answer_stays_here: &'static str,
    pub terms: &'static str,
    pub privacy: &'static str,
    pub scope_openid: &'static str,
    pub scope_profile: &'static str,
    pub scope_email: &'static str,
    pub scope_phone: &'static str,
    pub scope_offline: &'static str,
    pub scope_groups: &'static str,
    pub scope_roles: &'static str,
    pub scope_other: &'static str,
    pub allowed_before: &'static str,
    pub details: &'static str,
    pub detail_locations: &'static str,
    pub detail_actions: &'static str,
    pub detail_datatypes: &'static str,
    pub detail_identifier: &'static str,
    pub detail_privileges: &'static str,
    // Devices.
    pub device_title: &'static str,
    pub device_lead: &'static str,
    pub device_code: &'static str,
    pub device_wrong: &'static str,
    pub device_ask_title: &'static str,
    pub device_ask: &'static str,
    pub device_warning: &'static str,
    pub device_from: &'static str,
    pub device_allowed: &'static str,
    pub device_allowed_text: &'static str,
    pub device_denied: &'static str,
    pub device_denied_text: &'static str,
    // The account.
    pub account: &'static str,
    pub addresses: &'static str,
    pub verified: &'static str,
    pub unverified: &'static str,
    pub verify_title: &'static str,
    pub sessions: &'static str,
    pub this_browser: &'static str,
    pub a_browser: &'static str,
    pub an_application: &'static str,
    pub since: &'static str,
    pub end_session: &'static str,
    pub sign_out_everywhere: &'static str,
    pub applications: &'static str,
    pub no_applications: &'static str,
    pub withdraw: &'static str,
    // Signing out.
    pub sign_out: &'static str,
    pub sign_out_title: &'static str,
    pub sign_out_ask: &'static str,
    pub stay: &'static str,
    pub signed_out: &'static str,
    pub signed_out_text: &'static str,
    // Refusals.
    pub failed: &'static str,
    pub start_again: &'static str,
    pub start_again_text: &'static str,
    pub cross_site: &'static str,
    pub cross_site_text: &'static str,
    pub refused_text: &'static str,
    pub for_developers: &'static str,
    pub too_many_title: &'static str,
    pub unavailable: &'static str,
    // Links in messages.
    pub confirm_title: &'static str,
    pub confirm_lead: &'static str,
    pub confirm: &'static str,
    pub confirmed: &'static str,
    pub confirmed_text: &'static str,
    pub link_invalid: &'static str,
    pub link_invalid_text: &'static str,
    pub no_page: &'static str,
    pub no_page_text: &'static str,
    // Passwords.
    pub weak_title: &'static str,
    pub weak_lead: &'static str,
    pub later: &'static str,
    pub too_short: &'static str,
    pub too_long: &'static str,
    pub common: &'static str,
    pub breached: &'static str,
    pub numeric: &'static str,
    pub context: &'static str,
    pub unusable: &'static str,
}

/// Every language there is.
pub(super) const ALL: &[&Words] =
    &[&en::WORDS, &de::WORDS, &fr::WORDS, &es::WORDS, &pt::WORDS, &ja::WORDS, &zh::WORDS];

/// The language that is asked for: by the application, else by the browser, else the one of the server.
pub(super) fn pick(ui_locales: &[String], headers: &HeaderMap, default: &str) -> &'static Words {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asked = ui_locales.iter().map(String::as_str).chain(preferred(accepted));
    asked.chain([default]).find_map(find).unwrap_or(&en::WORDS)
}

/// By the primary subtag (RFC 5646 section 2.2.1): there is one variant of each language here.
fn find(tag: &str) -> Option<&'static Words> {
    let primary = tag.split(['-', '_']).next().unwrap_or_default();
    ALL.iter().copied().find(|words| words.lang.eq_ignore_ascii_case(primary))
}

/// The tags of `Accept-Language`, the most wanted one first (RFC 9110 section 12.5.4).
fn preferred(header: &str) -> impl Iterator<Item = &str> {
    let weigh = |item| {
        let mut parts = str::split(item, ';');
        let tag = parts.next().unwrap_or_default().trim();
        let weight = parts.find_map(|part| part.trim().strip_prefix("q=")).unwrap_or("1");
        (weight.parse::<f32>().unwrap_or(0.0), tag)
    };
    let mut tags: Vec<(f32, &str)> = header.split(',').take(20).map(weigh).collect();
    tags.retain(|(weight, _)| *weight > 0.0);
    tags.sort_by(|a, b| b.0.total_cmp(&a.0));
    tags.into_iter().map(|(_, tag)| tag)
}

/// Puts values into a sentence. In one pass: a value that looks like a name is left alone.
pub(super) fn fill(sentence: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(sentence.len() + 32);
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(values.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A password that somebody chooses, or why it can be none.
pub(super) fn chosen_password(words: &Words, text: &str) -> Result<Password, &'static str> {
    Password::new(text).map_err(|unusable| match unusable {
        Unusable::Empty => words.fill_in,
        Unusable::TooLong | Unusable::Nul => words.unusable,
    })
}

/// Why a password was refused.
pub(super) fn password_fault(words: &Words, fault: &Fault) -> String {
    match fault {
        Fault::TooShort { min } => fill(words.too_short, &[("min", &min.to_string())]),
        Fault::TooLong { max } => fill(words.too_long, &[("max", &max.to_string())]),
        Fault::Common => words.common.to_owned(),
        Fault::Breached => words.breached.to_owned(),
        Fault::EntirelyNumeric => words.numeric.to_owned(),
        Fault::Context => words.context.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_never_read_as_a_sentence() {
        let filled = fill("{app} and {who}.", &[("app", "{who}"), ("who", "Ada")]);
        assert_eq!(filled, "{who} and Ada.");
    }

    #[test]
    fn the_most_wanted_language_is_taken() {
        let lang = |locales: &[&str], header: &str, default: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, header.parse().unwrap());
            let locales: Vec<String> = locales.iter().map(|l| (*l).to_owned()).collect();
            pick(&locales, &headers, default).lang
        };
        assert_eq!(lang(&["xx", "fr-CA"], "de", "en"), "fr");
        assert_eq!(lang(&[], "en;q=0.5, pt-BR, ja;q=0.9", "de"), "pt");
        assert_eq!(lang(&[], "de;q=0, xx", "zh"), "zh");
        assert_eq!(lang(&[], "", "nothing"), "en");
    }

    #[test]
    fn every_language_can_be_set_and_is_announced() {
        let langs: Vec<&str> = ALL.iter().map(|words| words.lang).collect();
        assert_eq!(langs, countersign_ops::PageSettings::LANGUAGES);
    }

    #[test]
    fn every_language_fills_in_the_same() {
        let names = |sentence: &str| {
            let mut names: Vec<String> = sentence
                .split('{')
                .skip(1)
                .filter_map(|p| p.split_once('}'))
                .map(|p| p.0.to_owned())
                .collect();
            names.sort();
            names
        };
        let lines = |words: &Words| -> Vec<String> {
            format!("{words:#?}").lines().map(str::trim).map(str::to_owned).collect()
        };
        for words in ALL {
            for (theirs, ours) in lines(words).iter().zip(lines(&en::WORDS)).skip(1) {
                let mut wanted = names(&ours);
                wanted.dedup();
                let mut given = names(theirs);
                given.dedup();
                assert_eq!(given, wanted, "{}: {theirs}", words.lang);
            }
        }
    }
}
