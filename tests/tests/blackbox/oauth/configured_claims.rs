//! Claims that an operator adds (`[[oauth.claims]]`).

use countersign_testkit::scratch;
use serde_json::{Value, json};

use super::exchanging::{API, DEVICE, EXCHANGE, exchange};
use super::provider::{Granted, Provider, RegisteredClient, User, decoded};
use crate::case::{Case, on_both_engines, password};
use crate::cross::obtain_token;
use crate::running::schema::sql;

on_both_engines! {
    every_token_says_what_is_configured
    a_device_and_who_exchanges_a_token_are_told_too
    who_leaves_a_group_loses_its_claims_at_the_next_refresh
    a_claim_is_told_with_its_scope_and_to_its_clients_only
    a_configured_claim_can_be_asked_for_by_its_name
    facts_of_an_account_become_claims
    what_is_configured_is_announced
    a_claim_with_a_meaning_is_refused_at_the_start
    a_long_token_can_be_revoked_and_a_longer_one_is_not_issued
}

/// Somebody in `research` has one department, an `editor` another, and everybody else none; the policies of all that
/// somebody is are joined.
const DEPARTMENTS: &str = "
[[oauth.claims]]
name = 'department'
scope = 'profile'
groups = ['research']
value = 'Research'

[[oauth.claims]]
name = 'department'
scope = 'profile'
groups = ['nobody-made-this']
roles = ['editor']
value = { name = 'Press', floor = 1.5, open = true }

[[oauth.claims]]
name = 'policy'
scope = 'storage'
groups = ['research']
value = ['readwrite', 'diagnostics']

[[oauth.claims]]
name = 'policy'
scope = 'storage'
roles = ['editor']
value = ['readonly', 'diagnostics']
";

const SCOPE: &str = "openid profile storage offline_access";

/// A server with these claims, a group `research` and a role `editor`.
fn configured(case: &Case, toml: &str) -> Case {
    let case = case.with_config(toml);
    let provider = Provider::new(&case);
    provider.command(&["group", "add", "research", "--json"]);
    provider.command(&["role", "add", "editor", "--json"]);
    case
}

fn join(provider: &Provider<'_>, user: &User) {
    provider.command(&["group", "grant", "research", &user.email, "--json"]);
}

fn become_editor(provider: &Provider<'_>, user: &User) {
    provider.command(&["role", "grant", "editor", "--account", &user.email, "--json"]);
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}"))
}

fn in_id_token(tokens: &Value) -> Value {
    decoded(text(tokens, "id_token")).1
}

fn in_userinfo(provider: &Provider<'_>, tokens: &Value) -> Value {
    provider.userinfo(text(tokens, "access_token")).expect(200).json()
}

/// Department and policy, as they are told.
#[track_caller]
fn expect_told(told: &Value, department: Value, policy: Value) {
    let claim = |name: &str| told.get(name).cloned().unwrap_or_default();
    assert_eq!((claim("department"), claim("policy")), (department, policy), "{told}");
}

fn every_token_says_what_is_configured(case: &Case) {
    let case = configured(case, DEPARTMENTS);
    let provider = Provider::new(&case);
    let (both, editor, nobody) = (provider.user(), provider.user(), provider.user());
    join(&provider, &both);
    for user in [&both, &editor] {
        become_editor(&provider, user);
    }
    let press = json!({"name": "Press", "floor": 1.5, "open": true});
    for (user, department, policy) in [
        // The first that applies; lists are joined.
        (&both, json!("Research"), json!(["readwrite", "diagnostics", "readonly"])),
        (&editor, press, json!(["readonly", "diagnostics"])),
        (&nobody, Value::Null, Value::Null),
    ] {
        for format in ["opaque", "jwt"] {
            let client = provider.client(json!({"scope": SCOPE, "access_token_format": format}));
            let first = provider.code_flow(&client, user);
            let refreshed = provider.refresh(&client, text(&first, "refresh_token")).expect(200).json();
            for tokens in [first, refreshed] {
                let mut told = vec![in_id_token(&tokens), in_userinfo(&provider, &tokens)];
                if format == "jwt" {
                    told.push(decoded(text(&tokens, "access_token")).1);
                }
                for told in told {
                    expect_told(&told, department.clone(), policy.clone());
                }
                // As groups and roles, they are not told there.
                let introspected = provider.introspect(&client, text(&tokens, "access_token"));
                assert_eq!(introspected["active"], true);
                expect_told(&introspected, Value::Null, Value::Null);
            }
        }
        let signed = provider.client(json!({"scope": SCOPE, "userinfo_signed_response_alg": "ES256"}));
        let tokens = provider.code_flow(&signed, user);
        let told = provider.userinfo(text(&tokens, "access_token")).expect(200);
        expect_told(&decoded(told.text()).1, department, policy);
    }
    // Without OpenID Connect, too.
    let client = provider.client(json!({"scope": "storage", "access_token_format": "jwt"}));
    let told = decoded(text(&provider.code_flow(&client, &editor), "access_token")).1;
    expect_told(&told, Value::Null, json!(["readonly", "diagnostics"]));
}

fn a_device_and_who_exchanges_a_token_are_told_too(case: &Case) {
    let case = configured(case, DEPARTMENTS);
    let provider = Provider::new(&case);
    let user = provider.user();
    join(&provider, &user);
    let (department, policy) = (json!("Research"), json!(["readwrite", "diagnostics"]));
    let device = provider.client(json!({
        "grant_types": [DEVICE, "refresh_token"], "redirect_uris": [], "response_types": [],
        "token_endpoint_auth_method": "none", "scope": SCOPE, "access_token_format": "jwt",
    }));
    let asked = [("scope", SCOPE)];
    let started = provider.call(&device, "/oauth2/device_authorization", &asked).expect(200).json();
    let mut browser = provider.browser();
    browser.open(&format!("/device?user_code={}", text(&started, "user_code")));
    browser.submit(&[("user_code", text(&started, "user_code"))]).sign_in(&user);
    if !browser.has_form(&[("decision", "allow")]) {
        browser.submit(&[("user_code", text(&started, "user_code"))]);
    }
    browser.submit(&[("decision", "allow")]);
    let pairs = [("grant_type", DEVICE), ("device_code", text(&started, "device_code"))];
    let tokens = provider.token(&device, &pairs).expect(200).json();
    for told in [in_id_token(&tokens), decoded(text(&tokens, "access_token")).1] {
        expect_told(&told, department.clone(), policy.clone());
    }
    let client = provider.client(json!({"scope": SCOPE, "audience": [API]}));
    let asked = provider.ask(&client).with("resource", API);
    let granted = provider.grant_in(&mut browser, &asked, &user);
    let subject = provider.redeem(&client, &granted).expect(200).json();
    for (scope, policy) in [("profile storage", policy), ("profile", Value::Null)] {
        let api = provider.service(json!({
            "grant_types": [EXCHANGE], "audience": [API], "scope": scope, "access_token_format": "jwt",
        }));
        let other = exchange(&provider, &api, text(&subject, "access_token"), &[]).expect(200).json();
        expect_told(&decoded(text(&other, "access_token")).1, department.clone(), policy);
    }
}

fn who_leaves_a_group_loses_its_claims_at_the_next_refresh(case: &Case) {
    let case = configured(case, DEPARTMENTS);
    let provider = Provider::new(&case);
    let user = provider.user();
    join(&provider, &user);
    let client = provider.client(json!({"scope": SCOPE, "access_token_format": "jwt"}));
    let tokens = provider.code_flow(&client, &user);
    let policy = json!(["readwrite", "diagnostics"]);
    expect_told(&decoded(text(&tokens, "access_token")).1, json!("Research"), policy);
    provider.command(&["group", "withdraw", "research", &user.email, "--json"]);
    expect_told(&in_userinfo(&provider, &tokens), Value::Null, Value::Null);
    let tokens = provider.refresh(&client, text(&tokens, "refresh_token")).expect(200).json();
    for told in [decoded(text(&tokens, "access_token")).1, in_id_token(&tokens)] {
        expect_told(&told, Value::Null, Value::Null);
    }
}

fn a_claim_is_told_with_its_scope_and_to_its_clients_only(case: &Case) {
    let limited = "[[oauth.claims]]\nname = 'department'\nscope = 'profile'\nclients = ['grafana']\nvalue = 1\n\
                   [[oauth.claims]]\nname = 'policy'\nscope = 'profile'\nvalue = 2\n";
    let case = configured(case, limited);
    let provider = Provider::new(&case);
    let user = provider.user();
    let told = |client: &RegisteredClient, department: Value, policy: Value| {
        let tokens = provider.code_flow(client, &user);
        for told in
            [in_id_token(&tokens), in_userinfo(&provider, &tokens), decoded(text(&tokens, "access_token")).1]
        {
            expect_told(&told, department.clone(), policy.clone());
        }
    };
    let uri = "https://grafana.example.com/login";
    let add = ["client", "add", "--client-id", "grafana", "--web", uri, "--scope", "openid profile"];
    let made = provider.command(&[&add[..], &["--access-token-format", "jwt", "--json"]].concat());
    let grafana = RegisteredClient {
        id: "grafana".to_owned(),
        secret: made["client_secret"].as_str().map(str::to_owned),
        redirect_uri: uri.to_owned(),
        method: "client_secret_basic".to_owned(),
        scope: "openid profile".to_owned(),
    };
    let client = |scope: &str| provider.client(json!({"scope": scope, "access_token_format": "jwt"}));
    told(&grafana, json!(1), json!(2));
    told(&client("openid profile"), Value::Null, json!(2));
    told(&client("openid email"), Value::Null, Value::Null);
    // A token of a document stands for all of the account, and for no client.
    let token = obtain_token(&case, &user.email, &user.password).json();
    let of_document = provider.userinfo(text(&token, "token")).expect(200).json();
    expect_told(&of_document, Value::Null, json!(2));
}

fn a_configured_claim_can_be_asked_for_by_its_name(case: &Case) {
    let case = configured(case, DEPARTMENTS);
    let provider = Provider::new(&case);
    let user = provider.user();
    join(&provider, &user);
    let claims = json!({
        "userinfo": {"policy": null, "email": null, "groups": null},
        "id_token": {"department": null, "policy": null, "email": null, "groups": null},
    });
    let research = json!(["readwrite", "diagnostics"]);
    for (scope, page, in_id, in_info) in [
        (
            "openid profile storage email groups",
            "storage",
            (json!("Research"), research.clone()),
            (Value::Null, research.clone()),
        ),
        ("openid profile", "see your name", (json!("Research"), Value::Null), (Value::Null, Value::Null)),
        ("openid", "know that it is you", (Value::Null, Value::Null), (Value::Null, Value::Null)),
    ] {
        let client = provider.client(json!({"scope": scope, "access_token_format": "jwt"}));
        let mut browser = provider.signed_in(&client, &user);
        let asked = provider.ask(&client).with("scope", "openid").with("claims", &claims.to_string());
        browser.open(&asked.target());
        let text_of_page = browser.page().text();
        assert!(text_of_page.contains(page), "{text_of_page}");
        assert!(page == "storage" || !text_of_page.contains("storage"), "{text_of_page}");
        let answer = browser.allow().answer();
        let granted = Granted { code: answer.get("code").to_owned(), asked, answer };
        let first = provider.redeem(&client, &granted).expect(200).json();
        let refreshed = provider.refresh(&client, text(&first, "refresh_token")).expect(200).json();
        for tokens in [&first, &refreshed] {
            assert_eq!(tokens["scope"], "openid");
            expect_told(&in_id_token(tokens), in_id.0.clone(), in_id.1.clone());
            expect_told(&in_userinfo(&provider, tokens), in_info.0.clone(), in_info.1.clone());
            for told in [in_id_token(tokens), in_userinfo(&provider, tokens)] {
                for name in ["email", "groups"] {
                    assert_eq!(told.get(name).is_some(), scope.contains(name), "{name}: {told}");
                }
            }
            // Single claims are of the ID token and of userinfo.
            expect_told(&decoded(text(tokens, "access_token")).1, Value::Null, Value::Null);
        }
        // A client that loses the scope loses what was allowed as the scope.
        provider.command(&["client", "update", &client.id, "--scope", "openid", "--json"]);
        let refreshed = provider.refresh(&client, text(&refreshed, "refresh_token")).expect(200).json();
        for told in [in_id_token(&refreshed), in_userinfo(&provider, &refreshed)] {
            expect_told(&told, Value::Null, Value::Null);
            assert!(told.get("email").is_none() && told.get("groups").is_none(), "{told}");
        }
    }
}

fn facts_of_an_account_become_claims(case: &Case) {
    let facts = ["username", "email", "phone", "name", "given_name", "family_name"];
    let mut toml = String::new();
    for fact in facts {
        toml += &format!("[[oauth.claims]]\nname = 'my_{fact}'\nscope = 'facts'\nfrom = '{fact}'\n");
    }
    // What is not there gives way to the next.
    toml += "[[oauth.claims]]\nname = 'my_email'\nscope = 'facts'\nvalue = 'none'\n";
    let case = configured(case, &toml);
    let provider = Provider::new(&case);
    let client = provider.client(json!({"scope": "openid facts", "access_token_format": "jwt"}));
    let told = |user: &User| {
        let tokens = provider.code_flow(&client, user);
        let told = in_id_token(&tokens);
        for other in [in_userinfo(&provider, &tokens), decoded(text(&tokens, "access_token")).1] {
            for fact in facts {
                let name = format!("my_{fact}");
                assert_eq!(other.get(&name), told.get(&name), "{other}");
            }
        }
        facts.map(|fact| told.get(format!("my_{fact}")).cloned().unwrap_or_default())
    };
    // Who registers on 004 has proven nothing.
    let claimed = told(&provider.user());
    let names = [json!("Ada Byron"), json!("Ada"), json!("Byron")];
    assert_eq!(claimed[..3], [Value::Null, json!("none"), Value::Null]);
    assert_eq!(claimed[3..], names);
    // What an operator enters counts as verified.
    let user = User { email: case.email(), password: password() };
    let file = scratch::directory("facts").join("password");
    std::fs::write(&file, &user.password).expect("a file of our own");
    let (file, username, phone) = (file.display().to_string(), case.username(), case.phone());
    let names = ["--username", &username, "--email", &user.email, "--phone", &phone];
    let more = ["--password-file", &file, "--json"];
    provider.command(&[&["account", "add"][..], &names, &more].concat());
    let proven = told(&user);
    assert_eq!(proven[..3], [json!(username), json!(user.email), json!(phone)]);
    assert_eq!(proven[3..], [Value::Null, Value::Null, Value::Null]);
}

fn what_is_configured_is_announced(case: &Case) {
    let case = configured(case, DEPARTMENTS);
    let provider = Provider::new(&case);
    let of = |path: &str, member: &str| -> Vec<String> {
        let told = case.get(path).expect(200).json();
        let list = told[member].as_array().expect("a list");
        list.iter().map(|name| name.as_str().expect("a name").to_owned()).collect()
    };
    let times = |names: Vec<String>, name: &str| names.iter().filter(|known| *known == name).count();
    let server = "/.well-known/openid-configuration";
    for claim in ["department", "policy", "groups", "sub"] {
        assert_eq!(times(of(server, "claims_supported"), claim), 1, "{claim}");
    }
    for document in [server, "/.well-known/oauth-protected-resource"] {
        for scope in ["storage", "profile", "openid"] {
            assert_eq!(times(of(document, "scopes_supported"), scope), 1, "{document}: {scope}");
        }
    }
    // Whoever is asked sees the scope by its name.
    let client = provider.client(json!({"scope": SCOPE}));
    let mut browser = provider.signed_in(&client, &provider.user());
    browser.open(&provider.ask(&client).target());
    assert!(browser.page().text().contains("storage"), "{browser}");
}

fn a_claim_with_a_meaning_is_refused_at_the_start(case: &Case) {
    let file = case.server().data_dir().join("claims.toml");
    let toml = "\n[[oauth.claims]]\nname = 'sub'\nscope = 'openid'\nvalue = 'admin'\n\
                [[oauth.claims]]\nname = 'since'\nscope = 'openid'\nvalue = 2026-01-01\n\
                [[oauth.claims]]\nname = 'a'\nscope = 'profile'\ngroups = []\nvalue = 1\n\
                [[oauth.claims]]\nname = 'inf'\nscope = 'openid'\nvalue = [inf]\n";
    std::fs::write(&file, toml).expect("a file of our own");
    let file = file.display().to_string();
    let output = case.server().command(&["config", "check", "--config", &file]);
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("claims.toml:2: [[oauth.claims]]: \"sub\" has a meaning of its own"), "{said}");
    assert!(said.contains("`groups` is an empty list; name some"), "{said}");
    assert_eq!(said.matches("write a date as a text").count(), 2, "{said}");
}

/// R101. What was presented for a token that cannot be issued is good for one that can.
fn a_long_token_can_be_revoked_and_a_longer_one_is_not_issued(case: &Case) {
    let value = "x".repeat(4000);
    let toml = format!("[[oauth.claims]]\nname = 'long'\nscope = 'profile'\nvalue = '{value}'\n");
    let mut case = configured(case, &toml);
    let (user, client) = {
        let provider = Provider::new(&case);
        let user = provider.user();
        join(&provider, &user);
        let metadata = json!({"scope": "openid profile groups", "access_token_format": "jwt"});
        (user, provider.client(metadata))
    };
    let with_groups = |case: &mut Case, count: u32| {
        case.server_mut().kill();
        let several = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250)";
        let name = format!("CAST(1000 + i AS TEXT) || '{}'", "-".repeat(60));
        for statement in [
            format!(
                "INSERT INTO groups {several} SELECT i, {name}, 0 FROM n WHERE i > 0 ON CONFLICT DO NOTHING"
            ),
            "DELETE FROM group_members WHERE group_id <= 250".to_owned(),
            format!(
                "INSERT INTO group_members SELECT m.account_id, g.id FROM group_members m, groups g \
                 WHERE g.id <= {count}"
            ),
        ] {
            sql(case.engine(), case.server().database_url(), &statement);
        }
        case.server_mut().launch();
    };
    with_groups(&mut case, 100);
    let provider = Provider::new(&case);
    let tokens = provider.code_flow(&client, &user);
    let other = provider.code_flow(&client, &user);
    let access = text(&other, "access_token");
    assert!(access.len() > 12_000, "{}", access.len());
    assert!(provider.is_active(&client, access));
    provider.revoke(&client, access).expect(200);
    assert!(!provider.is_active(&client, access));
    let granted = provider.grant(&client, &user);
    with_groups(&mut case, 250);
    let provider = Provider::new(&case);
    let refresh = text(&tokens, "refresh_token");
    for answer in [provider.refresh(&client, refresh), provider.redeem(&client, &granted)] {
        assert_eq!((answer.status, answer.string("error")), (500, "server_error".to_owned()), "{answer:?}");
    }
    with_groups(&mut case, 10);
    let provider = Provider::new(&case);
    provider.redeem(&client, &granted).expect(200);
    let refreshed = provider.refresh(&client, refresh).expect(200).json();
    assert_eq!(decoded(text(&refreshed, "access_token")).1["groups"].as_array().map(Vec::len), Some(11));
}
