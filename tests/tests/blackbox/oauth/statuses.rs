//! Resource servers that only check signatures learn of an end from a list (Token Status List).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_testkit::{Engine, poll};
use serde_json::{Value, json};

use super::browser::Browser;
use super::keys::verifies;
use super::provider::{Provider, RegisteredClient, User, another_node, decoded};
use crate::case::{Case, on_both_engines, password};
use crate::ouser;

on_both_engines! {
    whatever_ends_a_token_ends_its_status
    a_status_list_is_as_its_specification_says
    a_grant_has_one_place_and_places_tell_nothing
    another_node_serves_the_same_list
    tokens_without_a_grant_have_no_status
}

/// What docs/surfaces/oauth.md promises, and what a loaded machine may need besides.
const KNOWN_WITHIN: Duration = Duration::from_secs(20);
const SLACK: Duration = Duration::from_secs(10);

/// Somebody's signed access token.
struct Signed {
    user: User,
    browser: Browser,
    tokens: Value,
}

impl Signed {
    fn new(provider: &Provider<'_>, client: &RegisteredClient) -> Signed {
        let (user, mut browser) = (provider.user(), provider.browser());
        let granted = provider.grant_in(&mut browser, &provider.ask(client), &user);
        let tokens = provider.redeem(client, &granted).expect(200).json();
        Signed { user, browser, tokens }
    }

    fn token(&self, name: &str) -> &str {
        self.tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.tokens))
    }

    fn place(&self) -> (String, usize) {
        place(self.token("access_token"))
    }
}

/// Which list a token names, and where in it.
fn place(token: &str) -> (String, usize) {
    let claims = decoded(token).1;
    let status = &claims["status"]["status_list"];
    let idx = status["idx"].as_u64().unwrap_or_else(|| panic!("no idx in {claims}"));
    (status["uri"].as_str().expect("a uri").to_owned(), usize::try_from(idx).unwrap())
}

fn signing(provider: &Provider<'_>) -> RegisteredClient {
    provider.client(json!({"access_token_format": "jwt", "scope": "openid profile", "first_party": true}))
}

/// The list at a URI of this server: the token and the bits.
fn list(case: &Case, uri: &str) -> (String, Vec<u8>) {
    let path =
        uri.strip_prefix(&Provider::new(case).issuer()).unwrap_or_else(|| panic!("{uri} is elsewhere"));
    let answer = case.get(path).expect(200);
    assert_eq!(answer.header("content-type"), Some("application/statuslist+jwt"));
    let token = answer.text().to_owned();
    let lst = decoded(&token).1["status_list"]["lst"].as_str().expect("a lst").to_owned();
    let packed = URL_SAFE_NO_PAD.decode(lst).expect("base64url");
    (token, miniz_oxide::inflate::decompress_to_vec_zlib(&packed).expect("ZLIB"))
}

/// What a resource server would see that asks now: 0 valid, 1 invalid.
fn status(case: &Case, (uri, idx): &(String, usize)) -> u8 {
    list(case, uri).1[idx / 8] >> (idx % 8) & 1
}

/// R065, for who only reads the list.
fn whatever_ends_a_token_ends_its_status(case: &Case) {
    let provider = Provider::new(case);
    let (client, doomed) = (signing(&provider), signing(&provider));
    let others = [Signed::new(&provider, &client), Signed::new(&provider, &client)];
    let of = |client: &RegisteredClient| Signed::new(&provider, client);
    let mut ended = Vec::new();
    let mut one = of(&client);
    one.browser.open("/oauth2/logout").submit(&[("decision", "sign_out")]);
    ended.push(("signed out", one));
    let one = of(&client);
    provider.revoke(&client, one.token("refresh_token")).expect(200);
    ended.push(("the refresh token is revoked", one));
    let one = of(&client);
    provider.revoke(&client, one.token("access_token")).expect(200);
    let next = provider.refresh(&client, one.token("refresh_token")).expect(200).string("access_token");
    ended.push(("the access token is revoked", one));
    let one = of(&client);
    let login =
        json!({"identifier": one.user.email, "identifier_type": "email", "password": one.user.password});
    let session = case.post("/login", login).expect(200).string("session_token");
    ouser::change(case, &session, &one.user.password, &password()).expect(204);
    ended.push(("the password is changed", one));
    for command in ["suspend", "close"] {
        let one = of(&client);
        provider.command(&["account", command, &one.user.email, "--json"]);
        ended.push((command, one));
    }
    let one = of(&doomed);
    provider.command(&["client", "suspend", &doomed.id, "--json"]);
    ended.push(("the client is suspended", one));
    let promised = std::time::Instant::now();
    for (cause, one) in &ended {
        let place = one.place();
        poll::until(&format!("the list tells: {cause}"), || (status(case, &place) == 1).then_some(()));
    }
    // A list says itself how long it may be kept, and what stands between may keep it, too.
    let answer = case.get(&format!("/oauth2/status/{}", ended[0].1.place().0.rsplit('/').next().unwrap()));
    let between: u64 = answer.header("cache-control").unwrap().rsplit('=').next().unwrap().parse().unwrap();
    let ttl = decoded(answer.text()).1["ttl"].as_u64().unwrap();
    let worst = promised.elapsed() + Duration::from_secs(ttl + between);
    assert!(worst <= KNOWN_WITHIN + SLACK, "{worst:?}");
    assert!(Duration::from_secs(ttl + between) < KNOWN_WITHIN, "ttl {ttl}, caches {between}");
    for one in &others {
        assert_eq!(status(case, &one.place()), 0, "it goes on");
    }
    assert_eq!(status(case, &place(&next)), 0, "what is refreshed afterwards has another place");
    // A client may be used again.
    let (_, one) = ended.last().unwrap();
    provider.command(&["client", "restore", &doomed.id, "--json"]);
    poll::until("its tokens are valid again", || (status(case, &one.place()) == 0).then_some(()));
}

fn a_status_list_is_as_its_specification_says(case: &Case) {
    let provider = Provider::new(case);
    let (uri, _) = Signed::new(&provider, &signing(&provider)).place();
    let (token, bits) = list(case, &uri);
    assert!(verifies(case, &token));
    let (header, claims) = decoded(&token);
    assert_eq!(header["typ"], "statuslist+jwt");
    assert_eq!((&claims["sub"], &claims["iss"]), (&json!(uri), &json!(provider.issuer())));
    let number = |name: &str| claims[name].as_i64().unwrap_or_else(|| panic!("no {name} in {claims}"));
    assert!(number("ttl") > 0 && number("exp") >= number("iat") + number("ttl"));
    assert_eq!(claims["status_list"]["bits"], 1);
    assert_eq!(bits.len(), 16 * 1024, "a list is bounded");
    let answer = case.get("/oauth2/status/0").expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    for other in ["512", "-1", "00", "+1", "x", "99999999999999999999", ""] {
        case.get(&format!("/oauth2/status/{other}")).expect(404);
    }
    // What a token's status was some time ago is not known (§8.4).
    case.get("/oauth2/status/0?time=1686925000").expect(501);
    case.get("/oauth2/status/512?time=1686925000").expect(404);
}

fn a_grant_has_one_place_and_places_tell_nothing(case: &Case) {
    let provider = Provider::new(case);
    let client = signing(&provider);
    let (user, mut browser) = (provider.user(), provider.browser());
    let mut places = Vec::new();
    for _ in 0..12 {
        let granted = provider.grant_in(&mut browser, &provider.ask(&client), &user);
        let tokens = provider.redeem(&client, &granted).expect(200).json();
        let first = place(tokens["access_token"].as_str().unwrap());
        let refreshed = provider.refresh(&client, tokens["refresh_token"].as_str().unwrap()).expect(200);
        assert_eq!(place(&refreshed.string("access_token")), first);
        places.push(first.1);
    }
    let mut sorted = places.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), places.len(), "each has its own");
    let reversed: Vec<_> = sorted.iter().rev().copied().collect();
    assert!(places != sorted && places != reversed, "{places:?} tell their order");
}

fn another_node_serves_the_same_list(case: &Case) {
    // SQLite is for one server.
    if case.engine() == Engine::Sqlite {
        return;
    }
    let case = &case.with_config("");
    let beside = another_node(case);
    let provider = Provider::new(case);
    let client = signing(&provider);
    let (mut one, other) = (Signed::new(&provider, &client), Signed::new(&provider, &client));
    one.browser.open("/oauth2/logout").submit(&[("decision", "sign_out")]);
    let (_, idx) = one.place();
    let bits = |case: &Case| {
        let token = case.get("/oauth2/status/0").expect(200).text().to_owned();
        let lst = decoded(&token).1["status_list"]["lst"].as_str().unwrap().to_owned();
        miniz_oxide::inflate::decompress_to_vec_zlib(&URL_SAFE_NO_PAD.decode(lst).unwrap()).unwrap()
    };
    let told = |case: &Case| {
        poll::until("the list tells", || Some(bits(case)).filter(|bits| bits[idx / 8] >> (idx % 8) & 1 == 1))
    };
    assert_eq!(told(case), told(&beside));
    assert_eq!(status(case, &other.place()), 0);
}

fn tokens_without_a_grant_have_no_status(case: &Case) {
    let provider = Provider::new(case);
    let service = provider.service(json!({"access_token_format": "jwt", "scope": "read"}));
    let own = provider.token(&service, &[("grant_type", "client_credentials")]).expect(200);
    let claims = decoded(&own.string("access_token")).1;
    assert!(claims.get("status").is_none());
    // They are brief instead.
    assert!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() <= 300);
    let client = provider.client(json!({}));
    let tokens = provider.code_flow(&client, &provider.user());
    assert!(!tokens["access_token"].as_str().unwrap().contains('.'), "an opaque one");
}
