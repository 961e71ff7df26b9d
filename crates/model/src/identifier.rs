//! Identifiers: what a person types to say which account is meant.
//!
//! Each kind has one canonical form, so that one account cannot be reached, counted or
//! registered under two spellings (R132); the form as given is kept beside it for people.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_script::{Script, UnicodeScript};
use unicode_security::is_potential_mixed_script_confusable_char;
use unicode_security::mixed_script::AugmentedScriptSet;

/// The kind of an identifier. The number stands in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdentifierKind {
    /// A name.
    Username = 1,
    /// An e-mail address.
    Email = 2,
    /// A telephone number.
    Phone = 3,
}

impl IdentifierKind {
    /// From the number in the store.
    pub fn from_number(number: i64) -> Option<IdentifierKind> {
        use IdentifierKind::{Email, Phone, Username};
        [Username, Email, Phone].into_iter().find(|kind| *kind as i64 == number)
    }

    /// What people call it.
    fn words(self) -> &'static str {
        match self {
            IdentifierKind::Username => "username",
            IdentifierKind::Email => "e-mail address",
            IdentifierKind::Phone => "phone number",
        }
    }
}

/// A well-formed identifier.
#[derive(Clone, PartialEq, Eq)]
pub struct Identifier {
    kind: IdentifierKind,
    canonical: String,
    given: String,
}

/// Personal data: shows its kind only.
impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identifier({:?})", self.kind)
    }
}

/// The text is not a well-formed identifier of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed {}", kind.words())]
pub struct Malformed {
    /// The kind asked for.
    pub kind: IdentifierKind,
}

impl Malformed {
    /// What it has to be like, for who must write it another way.
    pub fn rule(self) -> &'static str {
        match self.kind {
            IdentifierKind::Username => {
                "a username has 3 to 255 characters without spaces, `@` and `:`, is no number of 7 to 15 digits, and \
                 mixes no scripts that look alike"
            }
            IdentifierKind::Email => {
                "an e-mail address is like ann@example.com: ASCII before the `@`, and a domain with a dot or localhost"
            }
            IdentifierKind::Phone => {
                "a phone number has 7 to 15 digits, such as +49 30 1234567, with nothing but spaces, `-`, `.` and \
                 brackets between them"
            }
        }
    }
}

/// The longest e-mail address, in bytes (RFC 5321 §4.5.3.1.3, less the angle brackets).
const EMAIL_MAX_BYTES: usize = 254;

impl Identifier {
    /// The kind.
    pub fn kind(&self) -> IdentifierKind {
        self.kind
    }

    /// The form that is hashed for look-up.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The form as its owner wrote it, surrounding white space removed.
    pub fn given(&self) -> &str {
        &self.given
    }

    /// An e-mail address: ASCII dot-atom local part, internationalised domains as IDNA.
    /// Quoted local parts, comments and address literals are refused (R133).
    ///
    /// # Errors
    /// [`Malformed`] if it is none.
    pub fn email(text: &str) -> Result<Identifier, Malformed> {
        let malformed = Malformed { kind: IdentifierKind::Email };
        let given = text.trim_matches([' ', '\t']);
        let (local, domain) = given.split_once('@').ok_or(malformed)?;
        let domain = canonical_domain(domain).ok_or(malformed)?;
        if !is_dot_atom(local) || local.len() > 64 {
            return Err(malformed);
        }
        let canonical = format!("{}@{domain}", local.to_ascii_lowercase());
        if given.len() > EMAIL_MAX_BYTES || canonical.len() > EMAIL_MAX_BYTES {
            return Err(malformed);
        }
        Ok(Identifier { kind: IdentifierKind::Email, canonical, given: given.to_owned() })
    }

    /// A username of 3 to `max` characters without white space, control or invisible characters,
    /// `@` or `:` (002's framing), which is not shaped like a phone number (R134).
    /// Compared after NFKC and in lower case.
    ///
    /// # Errors
    /// [`Malformed`] if it is none.
    pub fn username(text: &str, max: usize) -> Result<Identifier, Malformed> {
        let malformed = Malformed { kind: IdentifierKind::Username };
        let canonical: String = text.nfkc().collect::<String>().to_lowercase().nfkc().collect();
        let chars = text.chars().count();
        let forbidden =
            |c: char| c.is_whitespace() || c.is_control() || is_invisible(c) || matches!(c, '@' | ':');
        if !(3..=max).contains(&chars)
            || text.contains(forbidden)
            || canonical.is_empty()
            || canonical.contains(forbidden)
            || bare_number(&canonical).is_some()
        {
            return Err(malformed);
        }
        Ok(Identifier { kind: IdentifierKind::Username, canonical, given: text.to_owned() })
    }

    /// The same for an account that is to be made: nor may it be mistaken for another because it mixes
    /// scripts (R132). What has been registered goes on to be found by [`Identifier::username`].
    ///
    /// # Errors
    /// [`Malformed`] if it is none.
    pub fn new_username(text: &str, max: usize) -> Result<Identifier, Malformed> {
        let username = Identifier::username(text, max)?;
        match mixes_lookalikes(&username.canonical) {
            true => Err(Malformed { kind: IdentifierKind::Username }),
            false => Ok(username),
        }
    }

    /// A telephone number: with `+` as E.164; without, of `region` if one is set, else the bare
    /// 7 to 15 digits as a number of their own (acceptance decision 15).
    ///
    /// # Errors
    /// [`Malformed`] if it is none.
    pub fn phone(text: &str, region: Option<Region>) -> Result<Identifier, Malformed> {
        let malformed = Malformed { kind: IdentifierKind::Phone };
        let given = text.trim_matches([' ', '\t']);
        let number = bare_number(given).ok_or(malformed)?;
        let canonical = match region {
            Some(Region(region)) if !number.starts_with('+') => {
                let parsed = phonenumber::parse(Some(region), &number).map_err(|_| malformed)?;
                // With its country code a number may be longer than E.164 allows.
                let e164 = parsed.format().mode(phonenumber::Mode::E164).to_string();
                bare_number(&e164).ok_or(malformed)?
            }
            Some(_) | None => number,
        };
        Ok(Identifier { kind: IdentifierKind::Phone, canonical, given: given.to_owned() })
    }

    /// Whatever a person typed into a field that takes any identifier: with `@` an e-mail address,
    /// shaped like a number a phone number, else a username. `None` if it can be no account's.
    pub fn any(text: &str, region: Option<Region>) -> Option<Identifier> {
        if text.contains('@') {
            Identifier::email(text).ok()
        } else if bare_number(text).is_some() {
            Identifier::phone(text, region).ok()
        } else {
            Identifier::username(text, 255).ok()
        }
    }
}

/// A country whose national phone numbers are accepted without `+`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region(phonenumber::country::Id);

impl Region {
    /// From an ISO 3166-1 alpha-2 code such as `DE`; `None` if there is no such region.
    pub fn parse(code: &str) -> Option<Region> {
        code.to_ascii_uppercase().parse().ok().map(Region)
    }
}

/// The number without punctuation, if the text is one: an optional `+` and 7 to 15 digits (E.164).
fn bare_number(text: &str) -> Option<String> {
    let bare: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.')).collect();
    let digits = bare.strip_prefix('+').unwrap_or(&bare);
    let well_formed = (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    (well_formed && text.len() <= 40).then_some(bare)
}

/// RFC 5322 §3.2.3 `dot-atom`, in ASCII.
fn is_dot_atom(text: &str) -> bool {
    let is_atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    text.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

/// The domain in lower-case ASCII, if it is one that mail can reach.
fn canonical_domain(domain: &str) -> Option<String> {
    if domain.is_empty() || domain.contains(is_invisible) {
        return None;
    }
    let ascii = idna::domain_to_ascii_strict(domain).ok()?;
    let label_ok = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels: Vec<&str> = ascii.split('.').collect();
    let top = labels.last()?;
    let reachable = ascii == "localhost" || (labels.len() > 1 && !top.bytes().all(|b| b.is_ascii_digit()));
    (reachable && ascii.len() <= 253 && labels.iter().all(|l| label_ok(l))).then_some(ascii)
}

/// Whether the text mixes scripts, and a letter of it looks like one of another script (UTS 39 §5).
/// Latin beside Han, Kana, Bopomofo or Hangul is how people write there; Latin beside Cyrillic or Greek
/// is refused whatever the letters, and so is a script that nobody writes today, since it is not compared.
fn mixes_lookalikes(text: &str) -> bool {
    let is_latin = |c: &char| AugmentedScriptSet::for_char(*c).base.contains_script(Script::Latin);
    let others: String = text.chars().filter(|c| !is_latin(c)).collect();
    let beside_latin = AugmentedScriptSet::for_str(&others);
    let is_east_asian = beside_latin.jpan || beside_latin.hanb || beside_latin.kore;
    if !AugmentedScriptSet::for_str(text).is_empty() || is_east_asian {
        return false;
    }
    let looks_like_another = |c: char| {
        let script = c.script();
        matches!(script, Script::Cyrillic | Script::Greek)
            || !script.is_recommended()
            || is_potential_mixed_script_confusable_char(c)
    };
    others.chars().any(looks_like_another)
}

/// Format and bidi characters (Unicode category Cf) and fillers, which let two names look alike.
fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0x00AD | 0x034F | 0x0600..=0x0605 | 0x061C | 0x06DD | 0x070F | 0x0890..=0x0891 | 0x08E2
        | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F | 0x202A..=0x202E
        | 0x2060..=0x206F | 0x2800 | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
        | 0x110BD | 0x110CD | 0x13430..=0x1343F | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A
        | 0xE0000..=0xE0FFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_have_one_canonical_form() {
        let id = Identifier::email(" Some.One+x@EXAMPLE.com ").unwrap();
        assert_eq!(id.canonical(), "some.one+x@example.com");
        assert_eq!(id.given(), "Some.One+x@EXAMPLE.com");
        let idn = Identifier::email("a@bücher.example").unwrap();
        assert_eq!(idn.canonical(), "a@xn--bcher-kva.example");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in [
            "",
            "a",
            "@",
            "a@",
            "@b.c",
            "a@b",
            "a@b@c.d",
            "a@evil@good.com",
            "\"q\"@b.c",
            "a(c)@b.c",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "mıke@example.com",
            "a\u{200b}@b.com",
            "a@b\u{0}.com",
            "a@b..com",
            "a@-b.com",
            "a@b.com.",
            ".a@b.com",
            "a b@c.com",
            "a@b.com\r\nBcc: x@y.z",
            "a@xn--example-.org",
            &long,
        ] {
            assert!(Identifier::email(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn usernames_follow_002_05_and_r134() {
        assert!(Identifier::username("bob", 32).is_ok());
        assert!(Identifier::username(&"x".repeat(32), 32).is_ok());
        assert_eq!(Identifier::username("ＢＯＢ", 32).unwrap().canonical(), "bob");
        for bad in ["bo", "b b b", "a@b", "a:b", "8885551212", "+8885551212", "a\u{202e}bc", "a＠b", "ab\0c"]
        {
            assert!(Identifier::username(bad, 32).is_err(), "{bad:?}");
        }
        assert!(Identifier::username(&"x".repeat(33), 32).is_err());
    }

    #[test]
    fn new_usernames_are_not_mistaken_for_others() {
        let accepted = |text| Identifier::new_username(text, 32).is_ok();
        // The first letter of each is not what it looks like, or not of the script of the others.
        for bad in ["аlice", "αlice", "ⲣaul", "օlga", "саndy", "раураl", "жanna", "Ωmega", "пaвел", "αлиса"]
        {
            assert!(!accepted(bad), "{bad}");
            assert!(Identifier::username(bad, 32).is_ok(), "{bad} is no longer found");
        }
        for good in [
            "alice",
            "José",
            "алиса",
            "Алиса_77",
            "αλίκη",
            "田中太郎",
            "taro田中",
            "たろうtaro",
            "ラーメン24",
            "김철수kim",
            "דבdan_9",
            "dan-גבשת",
            "علی_1",
            "श्याम",
            "สมชาย",
            "Ægir-9",
            "b.o_b-3",
        ] {
            assert!(accepted(good), "{good}");
        }
        assert!(!accepted("a@b.example") && !accepted("8885551212"));
    }

    #[test]
    fn phones_are_the_same_only_where_a_region_says_so() {
        let bare = Identifier::phone("(888) 555-1212", None).unwrap();
        assert_eq!(bare.canonical(), "8885551212");
        let us = Region::parse("us");
        let national = Identifier::phone("(201) 555-0123", us).unwrap();
        assert_eq!(
            national,
            Identifier { given: "(201) 555-0123".into(), ..Identifier::phone("+12015550123", us).unwrap() }
        );
        for bad in ["", "123456", "1234567890123456", "12345678x", "++12345678", "+dwPAA;phone-context=AA"] {
            assert!(Identifier::phone(bad, None).is_err(), "{bad:?}");
            assert!(Identifier::phone(bad, us).is_err(), "{bad:?}");
        }
        // 14 digits of a national number and the country code are more than E.164's 15.
        assert!(Identifier::phone("07301 1232234567", Region::parse("DE")).is_err());
    }
}
