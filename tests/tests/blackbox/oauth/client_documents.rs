//! Clients whose id is the address of their metadata (draft-ietf-oauth-client-id-metadata-document).

use std::time::{Duration, Instant};

use countersign_testkit::{HttpsSite, Page, Response, Server, poll, scratch};
use serde_json::{Value, json};

use super::codes::expect_error;
use super::dpop::{Key, now};
use super::provider::{Asked, Provider, RegisteredClient};
use crate::case::{Case, at_once, on_both_engines, told_or_counted, unique};

on_both_engines! {
    a_document_makes_a_client
    only_documents_of_the_list_are_fetched
    what_a_document_must_not_say
    a_document_writes_no_line_of_its_own
    documents_that_are_not_taken_cannot_fill_the_log
    a_document_is_fetched_once_however_many_ask
    what_a_document_says_ends_with_it
    what_an_operator_limits_no_document_undoes
    strangers_bring_up_few_documents
    who_asks_is_named_by_its_host_and_remembered_for_it_only
    a_document_gives_no_rights_but_those_of_the_settings
    a_document_that_nobody_needs_is_forgotten
}

const PATH: &str = "/client.json";

/// A server that takes documents of this site, with these settings besides.
fn taking(case: &Case, site: &HttpsSite, settings: &str) -> Case {
    case.with_own(wishes(site, settings))
}

fn wishes(site: &HttpsSite, settings: &str) -> countersign_testkit::Builder {
    let own = site.url("");
    let oauth = format!("[oauth]\nclient_documents = ['{own}']\nfetch_allowed = ['127.0.0.0/8']\n{settings}");
    Server::builder().config(&oauth).env("SSL_CERT_FILE", site.authority())
}

/// What is put at [`PATH`]: a client with a redirect URI of its own host.
fn document(site: &HttpsSite, more: &Value) -> Value {
    let mut all = json!({
        "client_id": site.url(PATH),
        "client_name": "Your Bank",
        "redirect_uris": [site.url("/cb")],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
    });
    for (name, value) in more.as_object().expect("metadata are an object") {
        all[name] = value.clone();
    }
    all
}

fn client(site: &HttpsSite, redirect_uri: &str) -> RegisteredClient {
    RegisteredClient {
        id: site.url(PATH),
        secret: None,
        redirect_uri: redirect_uri.to_owned(),
        method: "none".to_owned(),
        scope: "openid email offline_access".to_owned(),
    }
}

/// What a browser that nobody has signed in with gets for such a request.
fn open(case: &Case, asked: &Asked) -> Response {
    case.get(&asked.target())
}

fn a_document_makes_a_client(case: &Case) {
    let site = HttpsSite::start();
    site.put(PATH, Page::json(document(&site, &json!({}))));
    let case = taking(case, &site, "");
    let provider = Provider::new(&case);
    let told = case.get("/.well-known/oauth-authorization-server").expect(200).json();
    assert_eq!(told["client_id_metadata_document_supported"], true);

    let client = client(&site, &site.url("/cb"));
    let user = provider.user();
    let tokens = provider.code_flow(&client, &user);
    let access = tokens["access_token"].as_str().expect("an access token");
    assert_eq!(provider.userinfo(access).expect(200).json()["email"], user.email.as_str());
    let refresh = tokens["refresh_token"].as_str().expect("a refresh token");
    provider.refresh(&client, refresh).expect(200);
    assert_eq!(site.asked(PATH), 1, "it was kept");
    let shown = provider.command(&["client", "show", &client.id, "--json"]);
    assert_eq!(shown["origin"], "metadata_document");

    // By a key that stands in the document.
    let key = Key::new();
    let signing = json!({
        "client_id": site.url("/signing.json"),
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [key.jwk()]},
    });
    site.put("/signing.json", Page::json(document(&site, &signing)));
    let signing = RegisteredClient { id: site.url("/signing.json"), ..client };
    let granted = provider.grant(&signing, &user);
    expect_error(&provider.redeem(&signing, &granted), "invalid_client");
    let claims = json!({
        "iss": signing.id, "sub": signing.id, "aud": provider.issuer(),
        "jti": format!("document-{}", unique()), "iat": now(), "exp": now() + 60,
    });
    let form = [
        ("grant_type", "authorization_code"),
        ("code", granted.code.as_str()),
        ("redirect_uri", &signing.redirect_uri),
        ("code_verifier", &granted.asked.verifier),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &key.sign(&json!({"alg": "ES256"}), &claims)),
    ];
    case.http().post("/oauth2/token").form(&form).send().expect(200);
}

fn a_document_writes_no_line_of_its_own(case: &Case) {
    let site = HttpsSite::start();
    let case = taking(case, &site, "");
    let forged = format!("x\n2030-01-01T00:00:00Z ERROR forged\u{1b}[31m{}", "y".repeat(1000));
    site.put(PATH, Page::json(document(&site, &json!({"grant_types": [forged]}))));
    let provider = Provider::new(&case);
    assert_eq!(open(&case, &provider.ask(&client(&site, &site.url("/cb")))).status, 400);
    let log = poll::until("the line", || {
        let log = case.server().log();
        log.contains("document was not taken").then_some(log)
    });
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("forged")).collect();
    assert!(
        matches!(lines[..], [line] if line.contains("WARN") && line.contains("grant_types")),
        "{lines:?}"
    );
    assert!(!lines[0].contains('\u{1b}') && !lines[0].contains(&"y".repeat(400)), "{lines:?}");
}

fn documents_that_are_not_taken_cannot_fill_the_log(case: &Case) {
    let site = HttpsSite::start();
    let limits = "[limits]\nclient_documents_per_source_burst = 1000\n[log]\nformat = 'json'\n";
    let case = taking(case, &site, limits);
    let provider = Provider::new(&case);
    let since = Instant::now();
    for number in 0..100 {
        let id = site.url(&format!("/{number}.json"));
        let nobody = RegisteredClient { id, ..client(&site, &site.url("/cb")) };
        assert_eq!(open(&case, &provider.ask(&nobody)).status, 400);
    }
    let line = ("message", "a client's document was not taken");
    told_or_counted(&case, since, 100, line, "more documents were not taken");
}

fn only_documents_of_the_list_are_fetched(case: &Case) {
    let site = HttpsSite::start();
    site.put(PATH, Page::json(document(&site, &json!({}))));
    let client = client(&site, &site.url("/cb"));
    let refused = |case: &Case| {
        let provider = Provider::new(case);
        let page = open(case, &provider.ask(&client));
        assert!(page.status == 400 && page.text().contains("invalid_client"), "{}", page.text());
        expect_error(&provider.token(&client, &[("grant_type", "authorization_code")]), "invalid_client");
    };
    // Off, somebody else's, one at the same port of a longer name, private networks that nobody has allowed.
    refused(case);
    let told = case.get("/.well-known/oauth-authorization-server").expect(200).json();
    assert!(told.get("client_id_metadata_document_supported").is_none());
    let other = |list: &str, allowed: &str| {
        let toml = format!("[oauth]\nclient_documents = [{list}]\nfetch_allowed = [{allowed}]\n");
        case.with_own(Server::builder().config(&toml).env("SSL_CERT_FILE", site.authority()))
    };
    refused(&other("'https://app.example.com'", "'127.0.0.0/8'"));
    let longer = format!("'{}0', '{}'", site.url(""), site.url("/apps/"));
    refused(&other(&longer, "'127.0.0.0/8'"));
    refused(&other("'*'", ""));
    assert_eq!(site.asked(PATH), 0, "somebody asked");
    let everybodys = other("'*'", "'127.0.0.0/8'");
    open(&everybodys, &Provider::new(&everybodys).ask(&client)).expect(200);
    assert_eq!(site.asked(PATH), 1);
}

fn what_a_document_must_not_say(case: &Case) {
    let site = HttpsSite::start();
    let case = taking(case, &site, "[limits]\nclient_documents_per_source_burst = 100\n");
    let provider = Provider::new(&case);
    let with = |more: Value| Page::json(document(&site, &more));
    let mut anonymous = document(&site, &json!({}));
    anonymous.as_object_mut().expect("an object").remove("client_id");
    let bad = [
        with(json!({"client_id": site.url("/other.json")})),
        Page::json(anonymous),
        with(json!({"client_secret": "0123456789abcdef0123456789abcdef"})),
        with(json!({"client_secret_expires_at": 0})),
        with(json!({"token_endpoint_auth_method": "client_secret_basic"})),
        with(json!({"token_endpoint_auth_method": "client_secret_post"})),
        with(json!({"token_endpoint_auth_method": "client_secret_jwt"})),
        with(json!({"token_endpoint_auth_method": "private_key_jwt"})),
        with(json!({"redirect_uris": []})),
        with(json!({"redirect_uris": ["javascript:alert(1)"]})),
        with(json!({"redirect_uris": ["http://app.example.com/cb"]})),
        with(json!({"grant_types": ["client_credentials"], "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [Key::new().jwk()]}})),
        with(json!({"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}})),
        with(json!({"client_uri": "x".repeat(65_536)})),
        Page::json("[]"),
        Page::json("no JSON"),
        with(json!({})).status(404),
        with(json!({})).status(201),
        Page::json("").status(302).header(&format!("Location: {}", site.url("/good.json"))),
    ];
    site.put("/good.json", with(json!({})));
    for (number, page) in bad.into_iter().enumerate() {
        let path = format!("/{number}.json");
        let own = page.body.replace(&site.url(PATH), &site.url(&path));
        site.put(&path, Page { body: own, ..page.clone() });
        let client = RegisteredClient { id: site.url(&path), ..client(&site, &site.url("/cb")) };
        let answer = open(&case, &provider.ask(&client));
        assert!(answer.status == 400 && answer.header("location").is_none(), "{page:?}: {}", answer.text());
        assert!(answer.text().contains("invalid_client"), "{page:?}: {}", answer.text());
        assert_eq!(site.asked(&path), 1);
    }
    assert_eq!(site.asked("/good.json"), 0, "no redirect is followed");
    // What is not an address of a document is not asked for.
    for id in [site.url("/c.json?x=1"), site.url("/a/../c.json"), site.url("/c.json#x"), site.url("")] {
        let client = RegisteredClient { id, ..client(&site, &site.url("/cb")) };
        assert_eq!(open(&case, &provider.ask(&client)).status, 400);
    }
    assert_eq!(site.asked("/c.json?x=1") + site.asked("/c.json") + site.asked("/"), 0);
}

fn a_document_is_fetched_once_however_many_ask(case: &Case) {
    let site = HttpsSite::start();
    let slow = Duration::from_millis(500);
    site.put(PATH, Page::json(document(&site, &json!({}))).delay(slow));
    let case = taking(case, &site, "");
    let provider = Provider::new(&case);
    let statuses = |client: &RegisteredClient| at_once(20, |_| open(&case, &provider.ask(client)).status);
    let all = statuses(&client(&site, &site.url("/cb")));
    assert!(all.iter().all(|status| *status == 200), "{all:?}");
    assert_eq!(site.asked(PATH), 1);
    // Nor is one that cannot be had.
    site.put("/gone.json", Page::json("{}").status(503).delay(slow));
    let gone = RegisteredClient { id: site.url("/gone.json"), ..client(&site, &site.url("/cb")) };
    let all = statuses(&gone);
    assert!(all.iter().all(|status| *status == 400), "{all:?}");
    assert_eq!(site.asked("/gone.json"), 1);
}

fn what_a_document_says_ends_with_it(case: &Case) {
    let site = HttpsSite::start();
    let (old, new) = (site.url("/old"), site.url("/new"));
    let says = |uri: &str| Page::json(document(&site, &json!({"redirect_uris": [uri]})));
    site.put(PATH, says(&old).header("Cache-Control: no-store"));
    let mut case = case.with_own(wishes(&site, "").fake_clock());
    let (old, new) = (client(&site, &old), client(&site, &new));
    let status = |case: &Case, client: &RegisteredClient| open(case, &Provider::new(case).ask(client)).status;
    let later = |case: &mut Case, seconds| case.server_mut().advance(Duration::from_secs(seconds));
    assert_eq!((status(&case, &old), status(&case, &new)), (200, 400));
    let user = Provider::new(&case).user();
    let tokens = Provider::new(&case).code_flow(&old, &user);
    let refresh = |case: &Case, tokens: &Value| {
        Provider::new(case).refresh(&old, tokens["refresh_token"].as_str().expect("a refresh token"))
    };

    // It holds for five minutes at least, then what it says now does.
    site.put(PATH, says(&new.redirect_uri).header("Cache-Control: max-age=9999999"));
    later(&mut case, 200);
    assert_eq!((status(&case, &old), status(&case, &new), site.asked(PATH)), (200, 400, 1));
    later(&mut case, 101);
    assert_eq!((status(&case, &old), status(&case, &new), site.asked(PATH)), (400, 200, 2));
    let tokens = refresh(&case, &tokens).expect(200).json();

    // No longer than a day, and one that cannot be had then makes no client.
    site.put(PATH, says(&new.redirect_uri).status(404));
    later(&mut case, 86_000);
    assert_eq!((status(&case, &new), site.asked(PATH)), (200, 2));
    later(&mut case, 500);
    assert_eq!((status(&case, &new), site.asked(PATH)), (400, 3));
    expect_error(&refresh(&case, &tokens), "invalid_client");
    assert_eq!((status(&case, &new), site.asked(PATH)), (400, 3), "it is not asked again at once");
    // When it is there again, so is the client with all that it has.
    site.put(PATH, says(&new.redirect_uri));
    later(&mut case, 11);
    assert_eq!((status(&case, &new), site.asked(PATH)), (200, 4));
    refresh(&case, &tokens).expect(200);
    // Not if an operator has put an end to it.
    Provider::new(&case).command(&["client", "suspend", &new.id, "--json"]);
    later(&mut case, 86_500);
    assert_eq!((status(&case, &new), site.asked(PATH)), (400, 4));
}

fn what_an_operator_limits_no_document_undoes(case: &Case) {
    let site = HttpsSite::start();
    let uris = [site.url("/cb"), site.url("/other")];
    let says = |name: &str| {
        Page::json(document(&site, &json!({"client_name": name, "redirect_uris": uris})))
            .header("Cache-Control: no-store")
    };
    site.put(PATH, says("Old"));
    let settings = "client_document_resources = ['https://a.example.com', 'https://b.example.com']\n";
    let mut case = case.with_own(wishes(&site, settings).fake_clock());
    let (one, other) = (client(&site, &uris[0]), client(&site, &uris[1]));
    let status = |case: &Case, client: &RegisteredClient| open(case, &Provider::new(case).ask(client)).status;
    assert_eq!((status(&case, &one), status(&case, &other)), (200, 200));
    let provider = Provider::new(&case);
    provider.command(&["group", "add", "staff", "--json"]);
    let limits = ["--group", "staff", "--redirect-uri", &uris[0], "--audience", "https://a.example.com"];
    provider.command(&[&["client", "update", &one.id, "--json"], &limits[..]].concat());
    site.put(PATH, says("New"));
    case.server_mut().advance(Duration::from_secs(400));
    assert_eq!((status(&case, &one), status(&case, &other), site.asked(PATH)), (200, 400, 2));
    let shown = Provider::new(&case).command(&["client", "show", &one.id, "--json"]);
    assert_eq!(
        (&shown["groups"], &shown["audience"]),
        (&json!(["staff"]), &json!(["https://a.example.com"]))
    );
    assert_eq!(shown["client_name"], "New", "what no operator changed is the document's");
}

fn strangers_bring_up_few_documents(case: &Case) {
    let site = HttpsSite::start();
    let limits =
        "[limits]\nclient_documents_per_source_burst = 2\nclient_documents_per_source_interval = '1h'\n";
    let case = taking(case, &site, limits);
    let provider = Provider::new(&case);
    let ids: Vec<String> = (0..3).map(|number| format!("/{number}.json")).collect();
    let ask = |path: &str| RegisteredClient { id: site.url(path), ..client(&site, &site.url("/cb")) };
    for path in &ids {
        site.put(path, Page::json(document(&site, &json!({"client_id": site.url(path)}))));
    }
    assert_eq!(open(&case, &provider.ask(&ask(&ids[0]))).status, 200);
    // The token endpoint counts with it.
    expect_error(&provider.refresh(&ask(&ids[1]), "x"), "invalid_grant");
    assert_eq!(open(&case, &provider.ask(&ask(&ids[2]))).status, 503);
    assert_eq!(provider.refresh(&ask(&ids[2]), "x").status, 503);
    assert_eq!(site.asked(&ids[2]), 0, "this server asked for a stranger");
    // What is known goes on.
    assert_eq!(open(&case, &provider.ask(&ask(&ids[0]))).status, 200);
}

fn who_asks_is_named_by_its_host_and_remembered_for_it_only(case: &Case) {
    let site = HttpsSite::start();
    let own = site.url("/cb");
    let uris = [
        own.as_str(),
        "http://127.0.0.1/cb",
        "http://localhost:9/cb",
        "com.example.app:/cb",
        "https://elsewhere.example.com/cb",
    ];
    site.put(PATH, Page::json(document(&site, &json!({"redirect_uris": uris, "first_party": true}))));
    let case = taking(case, &site, "");
    let provider = Provider::new(&case);
    let user = provider.user();
    for uri in uris {
        let client = client(&site, uri);
        let mut browser = provider.browser();
        browser.open(&provider.ask(&client).target());
        let heading = |text: &str| {
            let heading = text.split("<h1").nth(1).and_then(|rest| rest.split("</h1>").next());
            heading.expect("a heading").to_owned()
        };
        let text = browser.page().text().to_owned();
        assert!(!text.contains("Your Bank") && text.contains(&site.host()), "{text}");
        browser.sign_in(&user);
        let remembered = browser.asks_for_consent();
        assert!(remembered, "{uri}: {browser}");
        let text = browser.page().text().to_owned();
        assert!(heading(&text).contains(&site.host()) && !heading(&text).contains("Your Bank"), "{text}");
        let warning = text.split("class=\"warning\">").nth(1).and_then(|rest| rest.split("</p>").next());
        let warning = warning.expect("a warning");
        assert!(warning.contains("Your Bank") && warning.contains(&site.host()), "{warning}");
        assert_eq!(warning.contains("on this device"), !uri.starts_with("https:"), "{uri}: {warning}");
        let host =
            uri.split("//").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or("com.example.app");
        assert!(text.contains(&format!("sent on to {host}")), "{uri}: {text}");
        browser.allow().answer().get("code");
        // The next time.
        browser.open(&provider.ask(&client).target());
        assert_eq!(browser.asks_for_consent(), uri != own, "{uri}: {browser}");
        if uri == own {
            // So that the other ones show what they show to somebody who has allowed nothing.
            browser.open("/account");
            let shown = format!("{} (Your Bank)", site.host());
            let page = browser.page().text();
            assert!(page.contains(&shown) && !page.contains(&client.id), "{browser}");
            browser.submit(&[("action", "withdraw")]);
        }
    }
}

fn a_document_gives_no_rights_but_those_of_the_settings(case: &Case) {
    let site = HttpsSite::start();
    let key = Key::new();
    let wanted = json!({
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [key.jwk()]},
        "scope": "openid email tools:run admin",
        "grant_types": ["authorization_code", "client_credentials",
            "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:device_code"],
        "audience": ["https://admin.example.com"],
        "introspect_documents": true,
        "access_token_lifetime": 999_999,
    });
    site.put(PATH, Page::json(document(&site, &wanted)));
    let settings = "client_document_resources = ['https://mcp.example.com/mcp']\n\
                    client_document_scopes = ['tools:run']\n";
    let case = taking(case, &site, settings);
    let provider = Provider::new(&case);
    let client = RegisteredClient { scope: "openid tools:run".into(), ..client(&site, &site.url("/cb")) };
    let resource = "https://mcp.example.com/mcp";
    let asked = || provider.ask(&client).with("resource", resource);
    open(&case, &asked()).expect(200);
    for (name, value) in [("resource", "https://admin.example.com"), ("scope", "admin")] {
        assert_eq!(open(&case, &asked().with(name, value)).status, 400, "{name}={value}");
    }
    let shown = provider.command(&["client", "show", &client.id, "--json"]);
    // What it names beside others is left out of what is asked for.
    let scope: Vec<&str> = shown["scope"].as_str().expect("a scope").split(' ').collect();
    assert!(scope.contains(&"tools:run") && !scope.contains(&"admin"), "{scope:?}");
    assert_eq!(shown["grant_types"], json!(["authorization_code"]));
    assert_eq!(shown["audience"], json!([resource]));
    assert_eq!((&shown["introspect_documents"], &shown["first_party"]), (&json!(false), &json!(false)));
    assert!(shown["access_token_lifetime"].is_null(), "{shown}");

    // It may get tokens for the resource, and is not the resource: it is told nothing of others' tokens.
    let other = provider.service(json!({"scope": "read", "audience": [resource]}));
    let token = provider.token(&other, &[("grant_type", "client_credentials"), ("resource", resource)]);
    let token = token.expect(200).string("access_token");
    assert!(provider.is_active(&other, &token));
    let claims = json!({
        "iss": client.id, "sub": client.id, "aud": provider.issuer(),
        "jti": format!("document-{}", unique()), "iat": now(), "exp": now() + 60,
    });
    let form = [
        ("token", token.as_str()),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &key.sign(&json!({"alg": "ES256"}), &claims)),
    ];
    let told = case.http().post("/oauth2/introspect").form(&form).send().expect(200).json();
    assert_eq!(told, json!({"active": false}));
}

fn a_document_that_nobody_needs_is_forgotten(case: &Case) {
    let site = HttpsSite::start();
    let paths = ["/kept.json", "/suspended.json", "/forgotten.json", "/adopted.json", "/unused.json"];
    let mut case = case.with_own(wishes(&site, "").fake_clock());
    let ask = |path: &str| RegisteredClient { id: site.url(path), ..client(&site, &site.url("/cb")) };
    for path in paths {
        let page = document(&site, &json!({"client_id": site.url(path)}));
        site.put(path, Page::json(page).header("Cache-Control: max-age=86400"));
        open(&case, &Provider::new(&case).ask(&ask(path))).expect(200);
    }
    for path in ["/kept.json", "/forgotten.json"] {
        let provider = Provider::new(&case);
        provider.grant(&ask(path), &provider.user());
    }
    Provider::new(&case).command(&["client", "suspend", &site.url("/suspended.json"), "--json"]);
    // An operator has made one their own: it lapses with no document any more.
    let file = scratch::directory("adopted").join("clients.toml");
    let adopted = format!(
        "[[clients]]\nclient_id = '{}'\ntoken_endpoint_auth_method = 'none'\nredirect_uris = ['{}']\n",
        site.url("/adopted.json"),
        site.url("/cb")
    );
    std::fs::write(&file, adopted).expect("a file of our own");
    Provider::new(&case).command(&["config", "apply", "--config", &file.display().to_string(), "--json"]);
    let shown = |case: &Case, path: &str| {
        case.server().command(&["client", "show", &site.url(path)]).status.success()
    };
    // Anybody can name an address: one that nobody has allowed anything is known as long as its document is good.
    case.server_mut().advance(Duration::from_secs(86_400 - 60));
    open(&case, &Provider::new(&case).ask(&ask("/unused.json"))).expect(200);
    case.server_mut().advance(Duration::from_secs(2 * 3600));
    poll::until("the client to be forgotten", || (!shown(&case, "/unused.json")).then_some(()));
    assert!(shown(&case, "/forgotten.json") && shown(&case, "/suspended.json"));
    case.server_mut().advance(Duration::from_secs(86_400 * 49));
    open(&case, &Provider::new(&case).ask(&ask("/kept.json"))).expect(200);
    case.server_mut().advance(Duration::from_secs(86_400 * 45));
    poll::until("the client to be forgotten", || (!shown(&case, "/forgotten.json")).then_some(()));
    assert!(["/kept.json", "/suspended.json", "/adopted.json"].iter().all(|path| shown(&case, path)));
}
