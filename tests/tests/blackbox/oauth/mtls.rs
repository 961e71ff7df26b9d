//! Clients with certificates (RFC 8705): who they are, and what their tokens are bound to.

use std::net::Ipv4Addr;
use std::time::Instant;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_testkit::rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, SanType, date_time_ymd,
};
use countersign_testkit::{Authority, Client, Identity, Response, Server, poll, scratch, tls};
use serde_json::{Value, json};

use super::codes::expect_error;
use super::dpop::Key;
use super::provider::{Provider, RegisteredClient, decoded};
use crate::case::{Case, on_both_engines, told_or_counted};

on_both_engines! {
    a_self_signed_certificate_is_its_clients
    an_authoritys_certificate_is_its_clients
    a_revoked_certificate_is_refused
    a_revoked_certificate_cannot_fill_the_log
    a_bound_token_needs_its_certificate
    a_client_with_a_certificate_may_bind_its_tokens_to_a_key
    a_proxy_tells_of_certificates_and_nobody_else_does
    certificates_are_asked_for_where_they_are_set
}

/// A server that asks for certificates, with these lines in `[oauth.mtls]`.
fn asking(case: &Case, more: &str) -> Case {
    case.with_config(&format!("[oauth.mtls]\nlisten = '127.0.0.1:0'\n{more}\n"))
}

/// At the listener that asks, with this certificate.
fn with(case: &Case, identity: &Identity) -> Client {
    Client::new(case.server().mtls_address()).over_tls(identity.config())
}

/// At the listener that asks, without one.
fn without(case: &Case) -> Client {
    Client::new(case.server().mtls_address()).over_tls(tls::trusting_client())
}

fn named(name: &str) -> impl FnOnce(&mut CertificateParams) {
    let name = name.to_owned();
    move |params| params.distinguished_name.push(DnType::CommonName, name)
}

fn jwk(identity: &Identity) -> Value {
    let (x, y) = identity.public_key()[1..].split_at(32);
    json!({"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
}

fn thumbprint(identity: &Identity) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, &identity.chain[0]))
}

fn service(provider: &Provider<'_>, method: &str, more: Value) -> RegisteredClient {
    let mut all = json!({"scope": "read", "token_endpoint_auth_method": method});
    for (name, value) in more.as_object().expect("metadata are an object") {
        all[name] = value.clone();
    }
    let client = provider.service(all);
    assert_eq!(client.secret, None);
    client
}

fn own_token(http: &Client, client: &RegisteredClient) -> Response {
    http.post("/oauth2/token").form(&[("grant_type", "client_credentials"), ("client_id", &client.id)]).send()
}

fn a_self_signed_certificate_is_its_clients(case: &Case) {
    let case = asking(case, "");
    let provider = Provider::new(&case);
    let (own, other) = (Identity::self_signed(named("app")), Identity::self_signed(named("app")));
    let expired = Identity::self_signed(|params| params.not_after = date_time_ymd(2020, 1, 1));
    let by_key = |identity: &Identity| json!({"keys": [jwk(identity)]});
    let by_certificate = |identity: &Identity| {
        let mut key = jwk(identity);
        key["x5c"] = json!([STANDARD.encode(&identity.chain[0])]);
        json!({"keys": [key]})
    };
    for keys in [by_key(&own), by_certificate(&own)] {
        let client = service(&provider, "self_signed_tls_client_auth", json!({"jwks": keys}));
        let token = own_token(&with(&case, &own), &client).expect(200).json();
        assert!(token["access_token"].is_string() && token["token_type"] == "Bearer", "{token}");
        for http in [with(&case, &other), with(&case, &expired), without(&case), case.http()] {
            let refused = own_token(&http, &client);
            assert_eq!(refused.status, 401);
            expect_error(&refused, "invalid_client");
        }
        // A secret beside it is another method.
        let form = [("grant_type", "client_credentials"), ("client_id", &*client.id), ("client_secret", "x")];
        expect_error(&with(&case, &own).post("/oauth2/token").form(&form).send(), "invalid_client");
    }
    // The certificate itself is registered, not its key: another one of the same key is another one.
    let mut key = jwk(&other);
    key["x5c"] = json!([STANDARD.encode(&own.chain[0])]);
    let client = service(&provider, "self_signed_tls_client_auth", json!({"jwks": {"keys": [key]}}));
    own_token(&with(&case, &own), &client).expect(200);
    expect_error(&own_token(&with(&case, &other), &client), "invalid_client");
    let late = service(&provider, "self_signed_tls_client_auth", json!({"jwks": by_key(&expired)}));
    expect_error(&own_token(&with(&case, &expired), &late), "invalid_client");
    // Another method's client is not let in by a certificate.
    let secret = provider.service(json!({"scope": "read", "jwks": by_key(&own)}));
    expect_error(&own_token(&with(&case, &own), &secret), "invalid_client");
}

fn an_authoritys_certificate_is_its_clients(case: &Case) {
    let (root, stranger) = (Authority::new("Root of tests"), Authority::new("Root of tests"));
    let between = root.intermediate("Between");
    let case = asking(case, &format!("ca_file = '{}'", root.file().display()));
    let provider = Provider::new(&case);
    let describe = |params: &mut CertificateParams| {
        params.distinguished_name.push(DnType::CountryName, "DE");
        params.distinguished_name.push(DnType::OrganizationName, "Example, Inc.");
        params.distinguished_name.push(DnType::CommonName, "app");
        params.subject_alt_names = vec![
            SanType::DnsName("app.example.com".try_into().expect("a name")),
            SanType::URI("urn:app:1".try_into().expect("a URI")),
            SanType::Rfc822Name("app@example.com".try_into().expect("an address")),
            SanType::IpAddress([192, 0, 2, 7].into()),
        ];
    };
    let own = root.issue(describe);
    let by_intermediate = between.issue(describe);
    let refused = [
        root.issue(named("app")),
        root.issue(|params| {
            params.distinguished_name.push(DnType::CommonName, "app,O=Example\\, Inc.,C=DE");
            params.subject_alt_names = vec![
                SanType::DnsName("app.example.com.evil.example".try_into().expect("a name")),
                SanType::DnsName("*.example.com".try_into().expect("a name")),
                SanType::URI("urn:app:12".try_into().expect("a URI")),
                SanType::IpAddress([192, 0, 2, 70].into()),
            ];
        }),
        root.issue(|params| {
            describe(params);
            params.not_after = date_time_ymd(2020, 1, 1);
        }),
        root.issue(|params| {
            describe(params);
            params.not_before = date_time_ymd(2200, 1, 1);
        }),
        root.issue(|params| {
            describe(params);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        }),
        stranger.issue(describe),
        Identity::self_signed(describe),
    ];
    for (member, name) in [
        ("tls_client_auth_subject_dn", "CN=app,O=Example\\, Inc.,C=DE"),
        ("tls_client_auth_san_dns", "App.example.com"),
        ("tls_client_auth_san_uri", "urn:app:1"),
        ("tls_client_auth_san_email", "app@example.com"),
        ("tls_client_auth_san_ip", "192.0.2.7"),
    ] {
        let client = service(&provider, "tls_client_auth", json!({ member: name }));
        own_token(&with(&case, &own), &client).expect(200);
        own_token(&with(&case, &by_intermediate), &client).expect(200);
        for (number, identity) in refused.iter().enumerate() {
            let answer = own_token(&with(&case, identity), &client);
            assert_eq!(answer.status, 401, "{member}, certificate {number}: {}", answer.text());
        }
        for http in [without(&case), case.http()] {
            expect_error(&own_token(&http, &client), "invalid_client");
        }
    }
    // Without what lies between, nothing leads to the authority.
    let mut cut = by_intermediate;
    cut.chain.truncate(1);
    let client = service(&provider, "tls_client_auth", json!({"tls_client_auth_san_uri": "urn:app:1"}));
    expect_error(&own_token(&with(&case, &cut), &client), "invalid_client");
    // One name, and one that can be compared.
    for names in [
        json!({}),
        json!({"tls_client_auth_san_uri": "urn:app:1", "tls_client_auth_san_ip": "192.0.2.7"}),
        json!({"tls_client_auth_subject_dn": "app"}),
        json!({"tls_client_auth_san_ip": "app"}),
    ] {
        let mut metadata = json!({"grant_types": ["client_credentials"], "response_types": [],
            "token_endpoint_auth_method": "tls_client_auth"});
        for (name, value) in names.as_object().expect("an object") {
            metadata[name] = value.clone();
        }
        assert_eq!(add(&case, &metadata), Some(2), "{metadata}");
    }
}

fn a_revoked_certificate_is_refused(case: &Case) {
    let proxy = Ipv4Addr::new(127, 77, 0, 2);
    let root = Authority::new("Root of tests");
    let (between, silent) = (root.intermediate("Between"), root.intermediate("Silent"));
    let home = scratch::directory("lists");
    let (of_root, of_between) = (home.join("root.pem"), home.join("between.der"));
    let tell = |revoked: &[&Identity], until: i32| {
        // What it said before it had revoked anything may still be there: the newest list counts.
        let lists = [root.revoked(&[], until), root.revoked(revoked, until)];
        let lists = lists.map(|list| list.pem().expect("a list")).concat();
        std::fs::write(&of_root, lists).expect("a file of our own");
    };
    let [good, bad] = [(); 2].map(|()| root.issue(named("app")));
    let [good_below, bad_below] = [(); 2].map(|()| between.issue(named("app")));
    tell(&[&bad], 2200);
    std::fs::write(&of_between, between.revoked(&[&bad_below], 2200).der()).expect("a file of our own");
    let case = case.with_config(&format!(
        "[proxy]\ntrusted = ['{proxy}']\n[oauth.mtls]\nlisten = '127.0.0.1:0'\nproxy_header = 'Client-Cert'\n\
         ca_file = '{}'\ncrl_files = ['{}', '{}']\n",
        root.file().display(),
        of_root.display(),
        of_between.display()
    ));
    let provider = Provider::new(&case);
    let client = service(&provider, "tls_client_auth", json!({"tls_client_auth_subject_dn": "CN=app"}));
    let item = |der: &Vec<u8>| format!(":{}:", STANDARD.encode(der));
    let status = |identity: &Identity| {
        let over_tls = own_token(&with(&case, identity), &client).status;
        let chain = identity.chain[1..].iter().map(item).collect::<Vec<_>>().join(", ");
        let form = [("grant_type", "client_credentials"), ("client_id", client.id.as_str())];
        let by_proxy = Client::from_source(case.server().http_address(), proxy).post("/oauth2/token");
        let by_proxy = by_proxy.header("Client-Cert", &item(&identity.chain[0]));
        let by_proxy = by_proxy.header("Client-Cert-Chain", &chain).form(&form).send().status;
        assert_eq!(over_tls, by_proxy);
        over_tls
    };
    assert_eq!([&good, &good_below].map(status), [200, 200]);
    // Nor is that of an authority of which nobody knows what it has revoked.
    assert_eq!([&bad, &bad_below].map(status), [401, 401]);
    let told = |reason: &str| {
        let log = case.server().log();
        log.lines().any(|line| {
            line.contains("certificate was refused") && line.contains(reason) && line.contains(&client.id)
        })
    };
    assert!(told("it is revoked") && !told("missing"), "{}", case.server().log());
    assert_eq!(status(&silent.issue(named("app"))), 401);
    assert!(told("missing") && !told("speaks of it is out of date"), "{}", case.server().log());

    // Lists come while the server runs.
    tell(&[&bad, &good], 2200);
    assert_eq!(status(&good), 200, "nothing changes without the signal");
    case.server().signal("HUP");
    poll::until("the new list", || (status(&good) == 401).then_some(()));
    assert_eq!(status(&good_below), 200);
    let hang_up = |told: &str| {
        case.server().signal("HUP");
        poll::until(told, || case.server().log().contains(told).then_some(()));
    };
    std::fs::write(&of_root, "no list").expect("a file of our own");
    hang_up("stay in use");
    assert_eq!([&good, &good_below].map(status), [401, 200]);
    // One that should have been replaced may be one that somebody holds back.
    tell(&[], 2021);
    hang_up("out of date");
    assert_eq!(status(&good), 401);
    assert!(told("speaks of it is out of date"), "{}", case.server().log());
    tell(&[], 2200);
    case.server().signal("HUP");
    poll::until("a list that is good", || (status(&good) == 200).then_some(()));
    assert_eq!(status(&bad), 200);
}

fn a_revoked_certificate_cannot_fill_the_log(case: &Case) {
    let proxy = Ipv4Addr::new(127, 77, 0, 3);
    let root = Authority::new("Root of tests");
    let bad = root.issue(named("app"));
    let list = scratch::directory("lists").join("root.der");
    std::fs::write(&list, root.revoked(&[&bad], 2200).der()).expect("a file of our own");
    let case = case.with_config(&format!(
        "[log]\nformat = 'json'\n[proxy]\ntrusted = ['{proxy}']\n[oauth.mtls]\nproxy_header = 'Client-Cert'\n\
         ca_file = '{}'\ncrl_files = ['{}']\n",
        root.file().display(),
        list.display()
    ));
    let provider = Provider::new(&case);
    let client = service(&provider, "tls_client_auth", json!({"tls_client_auth_subject_dn": "CN=app"}));
    let by_proxy = Client::from_source(case.server().http_address(), proxy);
    let form = [("grant_type", "client_credentials"), ("client_id", client.id.as_str())];
    let shown = format!(":{}:", STANDARD.encode(&bad.chain[0]));
    let since = Instant::now();
    for _ in 0..200 {
        by_proxy.post("/oauth2/token").header("Client-Cert", &shown).form(&form).send().expect(401);
    }
    let line = ("message", "a client's certificate was refused");
    told_or_counted(&case, since, 200, line, "more certificates were refused");
}

/// The exit code of adding a client.
fn add(case: &Case, metadata: &Value) -> Option<i32> {
    let file = scratch::directory("mtls").join("metadata.json");
    std::fs::write(&file, metadata.to_string()).expect("a file of our own");
    case.server().command(&["client", "add", "--metadata", &file.display().to_string()]).status.code()
}

fn userinfo(http: &Client, access: &str) -> u16 {
    http.get("/oauth2/userinfo").header("Authorization", &format!("Bearer {access}")).send().status
}

fn a_bound_token_needs_its_certificate(case: &Case) {
    let case = asking(case, "");
    let provider = Provider::new(&case);
    let (own, other) = (Identity::self_signed(named("app")), Identity::self_signed(named("app")));
    let user = provider.user();
    for format in ["opaque", "jwt"] {
        let client = provider.client(json!({
            "token_endpoint_auth_method": "none", "tls_client_certificate_bound_access_tokens": true,
            "access_token_format": format,
            "grant_types": ["authorization_code", "refresh_token"],
        }));
        let redeem = |http: &Client, granted: &super::provider::Granted| {
            let form = [
                ("grant_type", "authorization_code"),
                ("code", granted.code.as_str()),
                ("redirect_uri", &client.redirect_uri),
                ("code_verifier", &granted.asked.verifier),
                ("client_id", &client.id),
            ];
            http.post("/oauth2/token").form(&form).send()
        };
        let granted = provider.grant(&client, &user);
        for http in [without(&case), case.http()] {
            expect_error(&redeem(&http, &granted), "invalid_request");
        }
        let tokens = redeem(&with(&case, &own), &granted).expect(200).json();
        assert_eq!(tokens["token_type"], "Bearer");
        let access = tokens["access_token"].as_str().expect("an access token");
        let cnf = json!({"x5t#S256": thumbprint(&own)});
        if format == "jwt" {
            assert_eq!(decoded(access).1["cnf"], cnf);
        }
        let reader = provider.service(json!({"scope": "read", "audience": [provider.issuer()]}));
        let told = provider.introspect(&reader, access);
        assert_eq!((&told["active"], &told["cnf"]), (&json!(true), &cnf), "{told}");

        assert_eq!(userinfo(&with(&case, &own), access), 200);
        for http in [with(&case, &other), without(&case), case.http()] {
            assert_eq!(userinfo(&http, access), 401);
        }
        // A public client has nothing else to show: its refresh token is bound too.
        let refresh = |http: &Client, token: &str| {
            let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", &client.id)];
            http.post("/oauth2/token").form(&form).send()
        };
        let token = tokens["refresh_token"].as_str().expect("a refresh token");
        for http in [with(&case, &other), without(&case), case.http()] {
            assert_eq!(refresh(&http, token).status, 400);
        }
        let fresh = refresh(&with(&case, &own), token).expect(200).string("access_token");
        assert_eq!(
            (userinfo(&with(&case, &own), &fresh), userinfo(&with(&case, &other), &fresh)),
            (200, 401)
        );
    }
    // Nobody gets rid of the binding: not by a proof, not by an exchange.
    let keys = json!({"keys": [jwk(&own), jwk(&other)]});
    let client = service(
        &provider,
        "self_signed_tls_client_auth",
        json!({"jwks": keys, "tls_client_certificate_bound_access_tokens": true}),
    );
    let proof = Key::new().proof("POST", &format!("{}/oauth2/token", provider.issuer()), &json!({}));
    let form = [("grant_type", "client_credentials"), ("client_id", client.id.as_str())];
    let asked = with(&case, &own).post("/oauth2/token").header("DPoP", &proof).form(&form).send();
    expect_error(&asked, "invalid_request");
    let token = own_token(&with(&case, &own), &client).expect(200).string("access_token");
    let form = [("token", token.as_str()), ("client_id", &client.id)];
    let told = with(&case, &other).post("/oauth2/introspect").form(&form).send().expect(200).json();
    assert_eq!(told["cnf"], json!({"x5t#S256": thumbprint(&own)}));
    let exchanging = provider.client(json!({
        "token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": keys,
        "tls_client_certificate_bound_access_tokens": true,
        "grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:token-exchange"],
    }));
    let granted = provider.grant(&exchanging, &user);
    let form = [
        ("grant_type", "authorization_code"),
        ("code", granted.code.as_str()),
        ("redirect_uri", &exchanging.redirect_uri),
        ("code_verifier", &granted.asked.verifier),
        ("client_id", &exchanging.id),
    ];
    let subject = with(&case, &own).post("/oauth2/token").form(&form).send().expect(200);
    let subject = subject.string("access_token");
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", subject.as_str()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("client_id", &exchanging.id),
    ];
    let exchange = |identity: &Identity| with(&case, identity).post("/oauth2/token").form(&form).send();
    expect_error(&exchange(&other), "invalid_request");
    exchange(&own).expect(200);
}

/// RFC 9449 and RFC 8705 bind a token by one member of `cnf` each: a certificate says who the client is, a proof what
/// its tokens are bound to, if they are not bound to the certificate.
fn a_client_with_a_certificate_may_bind_its_tokens_to_a_key(case: &Case) {
    let root = Authority::new("Root of tests");
    let case = asking(case, &format!("ca_file = '{}'", root.file().display()));
    let provider = Provider::new(&case);
    let own = root.issue(named("app"));
    let told = case.get("/.well-known/oauth-authorization-server").expect(200).json();
    let endpoint = told["mtls_endpoint_aliases"]["token_endpoint"].as_str().expect("an alias").to_owned();
    let key = Key::new();
    let ask = |client: &RegisteredClient, url: &str| {
        let form = [("grant_type", "client_credentials"), ("client_id", client.id.as_str())];
        let proof = key.proof("POST", url, &json!({}));
        with(&case, &own).post("/oauth2/token").header("DPoP", &proof).form(&form).send()
    };
    for more in [json!({}), json!({"dpop_bound_access_tokens": true})] {
        let mut all = more.clone();
        all["tls_client_auth_subject_dn"] = "CN=app".into();
        let client = service(&provider, "tls_client_auth", all);
        let tokens = ask(&client, &endpoint).expect(200).json();
        assert_eq!(tokens["token_type"], "DPoP");
        let form = [("token", tokens["access_token"].as_str().expect("one")), ("client_id", &client.id)];
        let told = with(&case, &own).post("/oauth2/introspect").form(&form).send().expect(200).json();
        assert_eq!(told["cnf"], json!({"jkt": key.thumbprint()}));
        // The proof is for where it was sent.
        let elsewhere = ask(&client, &format!("{}/oauth2/token", provider.issuer()));
        expect_error(&elsewhere, "invalid_dpop_proof");
        let bare = own_token(&with(&case, &own), &client);
        match more["dpop_bound_access_tokens"] == true {
            true => expect_error(&bare, "invalid_dpop_proof"),
            false => assert_eq!(bare.expect(200).json()["token_type"], "Bearer"),
        }
    }
    let both = json!({"grant_types": ["client_credentials"], "response_types": [],
        "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=app",
        "tls_client_certificate_bound_access_tokens": true, "dpop_bound_access_tokens": true});
    assert_eq!(add(&case, &both), Some(2), "a token is bound to one of them");
}

fn a_proxy_tells_of_certificates_and_nobody_else_does(case: &Case) {
    let proxy = Ipv4Addr::new(127, 77, 0, 1);
    let root = Authority::new("Root of tests");
    let between = root.intermediate("Between");
    let settings = format!(
        "[proxy]\ntrusted = ['{proxy}']\n[oauth.mtls]\nlisten = '127.0.0.1:0'\nproxy_header = 'Client-Cert'\n\
         ca_file = '{}'\n",
        root.file().display()
    );
    let case = case.with_config(&settings);
    let provider = Provider::new(&case);
    let (own, own_of_proxy) = (between.issue(named("app")), root.issue(named("proxy")));
    let client =
        |name: &str| service(&provider, "tls_client_auth", json!({"tls_client_auth_subject_dn": name}));
    let (app, of_proxy) = (client("CN=app"), client("CN=proxy"));
    let item = |der: &Vec<u8>| format!(":{}:", STANDARD.encode(der));
    let (leaf, chain) = (item(&own.chain[0]), item(&own.chain[1]));
    let by_proxy = || Client::from_source(case.server().http_address(), proxy);
    let ask = |http: &Client, client: &RegisteredClient, headers: &[(&str, &str)]| {
        let form = [("grant_type", "client_credentials"), ("client_id", &*client.id)];
        let request = http.post("/oauth2/token");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.form(&form).send().status
    };
    let both: [(&str, &str); 2] = [("Client-Cert", &leaf), ("Client-Cert-Chain", &chain)];
    assert_eq!(ask(&by_proxy(), &app, &both), 200);
    // From anybody else it is nothing.
    assert_eq!(ask(&case.http(), &app, &both), 401);
    assert_eq!(ask(&without(&case), &app, &both), 401);
    assert_eq!(ask(&with(&case, &own_of_proxy), &app, &both), 401);
    // Nor is what the proxy cannot have meant.
    let bare = STANDARD.encode(&own.chain[0]);
    for headers in [
        vec![],
        vec![("Client-Cert", leaf.as_str())],
        vec![("Client-Cert", &leaf), ("Client-Cert", &leaf), ("Client-Cert-Chain", &chain)],
        vec![("Client-Cert", &bare), ("Client-Cert-Chain", &chain)],
        vec![("Client-Cert", "::"), ("Client-Cert-Chain", &chain)],
        vec![("Client-Cert", &leaf), ("Client-Cert-Chain", "x")],
        vec![("X-Client-Cert", &leaf), ("Client-Cert-Chain", &chain)],
    ] {
        assert_eq!(ask(&by_proxy(), &app, &headers), 401, "{headers:?}");
    }
    // The proxy's own certificate is not its client's.
    let connected = Client::from_source(case.server().mtls_address(), proxy).over_tls(own_of_proxy.config());
    assert_eq!(ask(&connected, &of_proxy, &[]), 401);
    assert_eq!(ask(&connected, &app, &both), 200);
    assert_eq!(ask(&with(&case, &own_of_proxy), &of_proxy, &[]), 200);
    // Without the setting nobody's header counts.
    let off = case.with_config(&settings.replace("proxy_header = 'Client-Cert'\n", ""));
    let provider = Provider::new(&off);
    let app = service(&provider, "tls_client_auth", json!({"tls_client_auth_subject_dn": "CN=app"}));
    let by_proxy = Client::from_source(off.server().http_address(), proxy);
    assert_eq!(ask(&by_proxy, &app, &both), 401);
}

fn certificates_are_asked_for_where_they_are_set(case: &Case) {
    let told = |case: &Case| case.get("/.well-known/oauth-authorization-server").expect(200).json();
    let off = told(case);
    assert!(off.get("mtls_endpoint_aliases").is_none());
    assert!(!off["token_endpoint_auth_methods_supported"].to_string().contains("tls"));
    let bound = json!({"redirect_uris": ["https://app.example.com/cb"], "token_endpoint_auth_method": "none",
        "tls_client_certificate_bound_access_tokens": true});
    assert_eq!(add(case, &bound), Some(2), "nobody could show a certificate");

    let root = Authority::new("Root of tests");
    // The main listener speaks TLS and asks nobody: browsers would show a dialogue.
    let files = tls::certificate_for_localhost(&scratch::directory("tls"));
    let settings = format!(
        "[tls]\ncertificate = '{}'\nkey = '{}'\n[oauth.mtls]\nlisten = '127.0.0.1:0'\nca_file = '{}'\n",
        files.certificate.display(),
        files.key.display(),
        root.file().display()
    );
    let on = case.with_own(Server::builder().config(&settings));
    let main = |identity: &Identity| Client::new(on.server().http_address()).over_tls(identity.config());
    let identity = root.issue(named("app"));
    let discovery = main(&identity).get("/.well-known/oauth-authorization-server").send().expect(200).json();
    let alias = format!("https://{}", on.server().mtls_address());
    let aliases = &discovery["mtls_endpoint_aliases"];
    for (name, url) in aliases.as_object().expect("aliases") {
        let path = url.as_str().and_then(|url| url.strip_prefix(&alias)).expect("at the listener");
        assert!(discovery[name].as_str().is_some_and(|main| main.ends_with(path)), "{name}: {url}");
        assert!(![404, 405].contains(&with(&on, &identity).post(path).form(&[]).send().status), "{name}");
    }
    assert_eq!(aliases.as_object().map(serde_json::Map::len), Some(6));
    let methods = discovery["token_endpoint_auth_methods_supported"].to_string();
    assert!(methods.contains("\"tls_client_auth\"") && methods.contains("\"self_signed_tls_client_auth\""));
    assert_eq!(discovery["tls_client_certificate_bound_access_tokens"], true);
    let resource = main(&identity).get("/.well-known/oauth-protected-resource").send().expect(200).json();
    assert_eq!(resource["tls_client_certificate_bound_access_tokens"], true);

    let provider = Provider::new(&on);
    let client = service(&provider, "tls_client_auth", json!({"tls_client_auth_subject_dn": "CN=app"}));
    own_token(&with(&on, &identity), &client).expect(200);
    expect_error(&own_token(&main(&identity), &client), "invalid_client");

    // Without authorities, and with another URL.
    let elsewhere = asking(case, "url = 'https://mtls.example.org/'");
    let discovery = told(&elsewhere);
    assert_eq!(discovery["mtls_endpoint_aliases"]["token_endpoint"], "https://mtls.example.org/oauth2/token");
    let methods = discovery["token_endpoint_auth_methods_supported"].to_string();
    assert!(!methods.contains("\"tls_client_auth\"") && methods.contains("\"self_signed_tls_client_auth\""));
    let by_name = json!({"grant_types": ["client_credentials"], "response_types": [],
        "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=app"});
    assert_eq!(add(&elsewhere, &by_name), Some(2), "there are no authorities");
}
