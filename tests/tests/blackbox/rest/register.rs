//! `POST /auth/register/`.

use serde_json::{Value, json};

use super::{User, authorized, login, refused, registration};
use crate::case::{Case, on_both_engines, password};

on_both_engines! {
    seed_004_01
    seed_004_02
    seed_004_03
    seed_004_04
    seed_004_05
    seed_004_06
    seed_004_07
    seed_004_08
}

const REQUIRED: &str = "This field is required.";
const DICTIONARY: &str = "Invalid data. Expected a dictionary, but got list.";
const AUTHENTICATED: &str = "This view requires the user to NOT be authenticated.";

/// A registration answers 201 with id, e-mail address and names, and without the password.
fn seed_004_01(case: &Case) {
    let email = case.email();
    let response = case.post("/auth/register/", registration(&email, &password())).expect(201);
    let body = response.json();
    let id = body["id"].as_i64().expect("an integer");
    assert!(id > 0 && id < 1 << 53, "{id}");
    assert_eq!(body, json!({ "id": id, "email": email, "first_name": "Ada", "last_name": "Byron" }));
    assert_eq!(response.header("content-type"), Some("application/json"));
}

/// All missing fields are named at once.
fn seed_004_02(case: &Case) {
    let required = json!([REQUIRED]);
    let all = json!({
        "email": required, "password": required, "first_name": required, "last_name": required
    });
    refused(&case.post("/auth/register/", json!({})), 400, &all);
    for field in ["email", "password", "first_name", "last_name"] {
        let mut body = registration(&case.email(), &password());
        body.as_object_mut().expect("an object").remove(field);
        refused(&case.post("/auth/register/", body), 400, &json!({ field: required }));
    }
}

/// Blank, null, malformed, over-long values and values of another type are refused in the words of the framework.
fn seed_004_03(case: &Case) {
    let with = |field: &str, value: Value| {
        let mut body = registration(&case.email(), &password());
        body[field] = value;
        case.post("/auth/register/", body)
    };
    let says = |field: &str, text: &str| json!({ field: [text] });
    for field in ["email", "password", "first_name", "last_name"] {
        refused(&with(field, json!("")), 400, &says(field, "This field may not be blank."));
        refused(&with(field, Value::Null), 400, &says(field, "This field may not be null."));
        for wrong in [json!(true), json!({}), json!(["a"])] {
            refused(&with(field, wrong), 400, &says(field, "Not a valid string."));
        }
    }
    refused(&with("first_name", json!("   ")), 400, &says("first_name", "This field may not be blank."));
    for bad in ["nobody", "a@", "@b.example", "a@b@c.example", "a b@c.example"] {
        refused(&with("email", json!(bad)), 400, &says("email", "Enter a valid email address."));
    }
    for field in ["first_name", "last_name"] {
        let text = "Ensure this field has no more than 255 characters.";
        refused(&with(field, json!("ä".repeat(256))), 400, &says(field, text));
        with(field, json!("ä".repeat(255))).expect(201);
    }
    let long = with("email", json!(format!("{}@example.com", "a".repeat(300)))).expect(400).json();
    assert!(long["email"][0].is_string(), "{long}");
}

/// A taken e-mail address, in whatever case, is refused with the reason.
fn seed_004_04(case: &Case) {
    let user = User::new(case);
    for email in [user.email.clone(), user.email.to_uppercase()] {
        let response = case.post("/auth/register/", registration(&email, &password()));
        refused(&response, 400, &json!({ "email": ["user with this email already exists."] }));
    }
    login(case, &user.email, &user.password).expect(200);
}

/// A password that is short, common or all digits is refused with every reason in one list.
fn seed_004_05(case: &Case) {
    let short = "This password is too short. It must contain at least 8 characters.";
    let (common, digits) = ("This password is too common.", "This password is entirely numeric.");
    for (password, faults) in [
        ("kW7-xQz", json!([short])),
        ("password", json!([common])),
        ("829174650183", json!([digits])),
        ("12345678", json!([common, digits])),
        ("1234567", json!([short, common, digits])),
    ] {
        let response = case.post("/auth/register/", registration(&case.email(), password));
        refused(&response, 400, &json!({ "password": faults }));
    }
    case.post("/auth/register/", registration(&case.email(), "kW7-xQz8")).expect(201);
}

/// Whoever is signed in may not register; any `Token` credentials are refused, and no account is made.
fn seed_004_06(case: &Case) {
    let user = User::new(case);
    let (email, password) = (case.email(), password());
    for token in [user.token.as_str(), "0123456789abcdef0123456789abcdef01234567"] {
        let request = authorized(case, "POST", "/auth/register/", &format!("Token {token}"));
        let response = request.json(&registration(&email, &password)).send();
        refused(&response, 403, &json!({ "detail": AUTHENTICATED }));
    }
    login(case, &email, &password).expect(400);
    case.post("/auth/register/", registration(&email, &password)).expect(201);
}

/// A body that is no JSON, no object or of an unknown type is refused with the reason.
fn seed_004_07(case: &Case) {
    let post = |kind: &str, body: &str| case.http().post("/auth/register/").body(kind, body).send();
    for bad in ["{", "{\"email\":}", "nonsense", "{\"a\":1}}", "{'a':1}"] {
        let response = post("application/json", bad).expect(400);
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert!(response.string("detail").starts_with("JSON parse error - "), "{}", response.text());
    }
    let list = post("application/json", "[1]");
    refused(&list, 400, &json!({ "non_field_errors": [DICTIONARY] }));
    for kind in ["text/plain", "application/xml", "image/png"] {
        let response = post(kind, "email=a").expect(415);
        assert!(!response.string("detail").is_empty());
        assert_eq!(response.header("content-type"), Some("application/json"));
    }
}

/// Unknown fields and an `id` of the caller's choice are ignored; ids are unique and stay.
fn seed_004_08(case: &Case) {
    let mut body = registration(&case.email(), &password());
    body["id"] = json!(1);
    body["is_staff"] = json!(true);
    let made = case.post("/auth/register/", body).expect(201).json();
    assert_ne!(made["id"], 1);
    assert!(made.get("is_staff").is_none());
    let (one, other) = (User::new(case), User::new(case));
    assert_ne!(one.id, other.id);
    assert_eq!(
        (one.profile(case)["id"].as_i64(), one.profile(case)["id"].as_i64()),
        (Some(one.id), Some(one.id))
    );
}
