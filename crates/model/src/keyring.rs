//! The keys of a store: the master key, the data key under it, and what is derived from that one:
//! look-up hashes, code digests and seals.

mod master_key;

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::code::Code;
use crate::identifier::{Identifier, IdentifierKind};
use crate::ids::Uuid;
use crate::limit::Scope;
use crate::random::Random;
use crate::session::TokenDigest;

pub use master_key::{DataKey, MasterKey, MasterKeyId, WrappedDataKey};

/// HKDF-SHA-256 (RFC 5869) to 32 bytes.
#[allow(clippy::expect_used)] // 32 bytes are always below HKDF's bound of 255 blocks.
fn derive(salt: &[u8], secret: &[u8], info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(info, hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut *out))
        .expect("32 bytes are within HKDF's bound");
    out
}

/// The keyed hash by which an identifier is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lookup {
    /// The identifier's kind.
    pub kind: IdentifierKind,
    /// HMAC-SHA-256 of its canonical form.
    pub hash: [u8; 32],
}

/// What a sealed value belongs to; a value sealed for one place does not open in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An account's profile.
    Profile,
    /// The particulars of a registration that awaits its proof.
    Registration,
    /// The identifier that a code was sent to.
    CodeTarget,
    /// A message's contents.
    Message,
    /// A private signing key.
    SigningKey,
    /// An authorization request on its way through the browser.
    Flow,
    /// A pushed authorization request (RFC 9126).
    PushedRequest,
}

impl Place {
    fn label(self) -> &'static [u8] {
        match self {
            Place::Profile => b"profile",
            Place::Registration => b"registration",
            Place::CodeTarget => b"code target",
            Place::Message => b"message",
            Place::SigningKey => b"signing key",
            Place::Flow => b"flow",
            Place::PushedRequest => b"pushed request",
        }
    }
}

/// A sealed value cannot be opened: another key sealed it, or it was altered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open with this key")]
pub struct SealBroken;

/// The keys in use. Cheap to clone behind an `Arc`; made once at start.
pub struct Keyring {
    data: DataKey,
    id: [u8; KEY_ID],
    lookup: hmac::Key,
    code: hmac::Key,
    limit: hmac::Key,
    spent_phone: hmac::Key,
    pending_phone: hmac::Key,
    csrf: hmac::Key,
    pairwise: hmac::Key,
    dpop_nonce: hmac::Key,
    seal: LessSafeKey,
    phone_link: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(…)")
    }
}

const KEY_ID: usize = 4;
const NONCE: usize = 12;
const TAG: usize = 16;

impl Keyring {
    /// Derives every key from the data key, each under a label of its own.
    pub fn new(data: DataKey) -> Keyring {
        let key = |label: &str| derive(b"countersign", &*data.0, &[label.as_bytes()]);
        let hmac_key = |label| hmac::Key::new(hmac::HMAC_SHA256, &*key(label));
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&key("key id")[..KEY_ID]);
        Keyring {
            id,
            lookup: hmac_key("identifier look-up"),
            code: hmac_key("code digest"),
            limit: hmac_key("limit subject"),
            spent_phone: hmac_key("spent phone"),
            pending_phone: hmac_key("pending phone"),
            csrf: hmac_key("csrf"),
            pairwise: hmac_key("pairwise subject"),
            dpop_nonce: hmac_key("dpop nonce"),
            seal: sealing_key(&key("seal")),
            phone_link: key("phone link"),
            data,
        }
    }

    /// What everything here is derived from, to be wrapped under another master key.
    pub fn data_key(&self) -> &DataKey {
        &self.data
    }

    /// Names the data key without giving anything of it away; stands in front of every sealed value.
    pub fn id(&self) -> [u8; KEY_ID] {
        self.id
    }

    /// The hash by which the identifier is found.
    pub fn lookup(&self, identifier: &Identifier) -> Lookup {
        let kind = identifier.kind();
        Lookup { kind, hash: mac(&self.lookup, &[&[kind as u8], identifier.canonical().as_bytes()]) }
    }

    /// The digest under which a short code is stored: keyed, so that a stolen database alone does
    /// not let anyone try all codes (R034).
    pub fn code_digest(&self, code: &Code) -> TokenDigest {
        TokenDigest(mac(&self.code, &[code.canonical().as_bytes()]))
    }

    /// The same for a code that one browser asked for at a page, for one identifier: anywhere else there is no
    /// such code (R033). No other code is as long as what is digested here.
    pub fn page_code_digest(&self, code: &Code, browser: &TokenDigest, target: &Lookup) -> TokenDigest {
        let bound = [&browser.0[..], &[target.kind as u8], &target.hash, code.canonical().as_bytes()];
        TokenDigest(mac(&self.code, &bound))
    }

    /// The key of a counter, so that no address or source stands in the store.
    pub fn limit_key(&self, scope: Scope, subject: &[u8]) -> [u8; 16] {
        let full = mac(&self.limit, &[&[scope as u8], subject]);
        let mut out = [0; 16];
        out.copy_from_slice(&full[..16]);
        out
    }

    /// 002: the hash of a number that has validated an account. Its key is used for nothing else,
    /// so it cannot be compared with any other column (002-12).
    pub fn spent_phone(&self, phone: &Identifier) -> [u8; 32] {
        mac(&self.spent_phone, &[phone.canonical().as_bytes()])
    }

    /// 002: the hash of a number that awaits its code.
    pub fn pending_phone(&self, phone: &Identifier) -> [u8; 32] {
        mac(&self.pending_phone, &[phone.canonical().as_bytes()])
    }

    /// What a form must bring along: only a page that this server gave to this browser for this flow
    /// has it.
    pub fn csrf(&self, browser: &TokenDigest, flow: &[u8]) -> [u8; 32] {
        mac(&self.csrf, &[&browser.0, flow])
    }

    /// A subject that only the clients of one sector share (OpenID Connect Core §8.1).
    pub fn pairwise(&self, sector: &str, account: Uuid) -> String {
        URL_SAFE_NO_PAD.encode(mac(&self.pairwise, &[sector.as_bytes(), &[0], account.as_bytes()]))
    }

    /// The nonce for DPoP proofs in a step of time (RFC 9449 §8): the same at every node, and no row.
    pub fn dpop_nonce(&self, step: i64) -> String {
        URL_SAFE_NO_PAD.encode(&mac(&self.dpop_nonce, &[&step.to_be_bytes()])[..16])
    }

    /// Seals the link from a 002 number to its registration under the code that was sent to it.
    /// The code is stored nowhere, so the link cannot be read back without it.
    pub fn seal_phone_link(&self, phone: &Identifier, code: &Code, link: &[u8], random: &Random) -> Vec<u8> {
        let key = self.phone_link_key(phone, code);
        seal_with(&key, &[], b"phone link", link, random)
    }

    /// Opens what [`Keyring::seal_phone_link`] sealed.
    ///
    /// # Errors
    /// [`SealBroken`] if the number or the code is another.
    pub fn open_phone_link(
        &self,
        phone: &Identifier,
        code: &Code,
        sealed: &[u8],
    ) -> Result<Vec<u8>, SealBroken> {
        open_with(&self.phone_link_key(phone, code), b"phone link", sealed)
    }

    fn phone_link_key(&self, phone: &Identifier, code: &Code) -> LessSafeKey {
        sealing_key(&derive(
            &*self.phone_link,
            code.canonical().as_bytes(),
            &[b"phone link", phone.canonical().as_bytes()],
        ))
    }

    /// Seals `plain` for `place` with AES-256-GCM: key id, nonce, ciphertext, tag.
    pub fn seal(&self, place: Place, plain: &[u8], random: &Random) -> Vec<u8> {
        seal_with(&self.seal, &self.id, place.label(), plain, random)
    }

    /// Opens what was sealed for `place`.
    ///
    /// # Errors
    /// [`SealBroken`] if it was sealed with another key or for another place, or altered.
    pub fn open(&self, place: Place, sealed: &[u8]) -> Result<Vec<u8>, SealBroken> {
        let rest = sealed.strip_prefix(&self.id).ok_or(SealBroken)?;
        open_with(&self.seal, place.label(), rest)
    }
}

fn mac(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

#[allow(clippy::expect_used)] // The length is in the type.
fn sealing_key(bytes: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).expect("an AES-256 key has 32 bytes"))
}

#[allow(clippy::expect_used)] // AES-GCM seals anything shorter than 64 GiB.
fn seal_with(key: &LessSafeKey, prefix: &[u8], context: &[u8], plain: &[u8], random: &Random) -> Vec<u8> {
    let nonce = random.bytes::<NONCE>();
    let mut body = plain.to_vec();
    let tag = key
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut body)
        .expect("a stored value is shorter than 64 GiB");
    [prefix, &nonce, &body, tag.as_ref()].concat()
}

fn open_with(key: &LessSafeKey, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealBroken> {
    if sealed.len() < NONCE + TAG {
        return Err(SealBroken);
    }
    let (nonce, body) = sealed.split_at(NONCE);
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealBroken)?;
    let mut body = body.to_vec();
    let length = key.open_in_place(nonce, Aad::from(context), &mut body).map_err(|_| SealBroken)?.len();
    body.truncate(length);
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(byte: u8) -> Keyring {
        Keyring::new(DataKey(Zeroizing::new([byte; 32])))
    }

    #[test]
    fn a_seal_opens_only_in_its_place_with_its_key_unaltered() {
        let random = Random::seeded(1);
        let sealed = keyring(1).seal(Place::Profile, b"alice", &random);
        assert_eq!(keyring(1).open(Place::Profile, &sealed).unwrap(), b"alice");
        assert_eq!(keyring(1).open(Place::Message, &sealed), Err(SealBroken));
        assert_eq!(keyring(2).open(Place::Profile, &sealed), Err(SealBroken));
        for i in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[i] ^= 1;
            assert_eq!(keyring(1).open(Place::Profile, &altered), Err(SealBroken), "byte {i}");
            assert_eq!(keyring(1).open(Place::Profile, &sealed[..i]), Err(SealBroken), "cut at {i}");
        }
    }

    #[test]
    fn a_phone_link_opens_only_with_the_code() {
        let random = Random::seeded(2);
        let phone = Identifier::phone("+15550100100", None).unwrap();
        let (code, other) = (Code::draw(&random), Code::draw(&random));
        let sealed = keyring(1).seal_phone_link(&phone, &code, b"link", &random);
        assert_eq!(keyring(1).open_phone_link(&phone, &code, &sealed).unwrap(), b"link");
        assert_eq!(keyring(1).open_phone_link(&phone, &other, &sealed), Err(SealBroken));
    }
}
