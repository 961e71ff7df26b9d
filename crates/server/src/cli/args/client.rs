//! `client`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, Subcommand, ValueHint};
use serde_json::{Map, Value};

use super::{Form, Place};

/// Which client.
#[derive(Debug, Args)]
pub struct WhichClient {
    #[command(flatten)]
    pub place: Place,
    /// Its client id.
    #[arg(value_name = "CLIENT_ID")]
    pub client: String,
    #[command(flatten)]
    pub form: Form,
}

/// `client`.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Add a client; prints its id, and its secret this once.
    ///
    /// The flags have the names of RFC 7591. What is not said has that document's defaults: the code flow
    /// with a secret in the header.
    Add(Box<AddClient>),
    /// List clients.
    List {
        #[command(flatten)]
        place: Place,
        /// At most so many.
        #[arg(long, default_value_t = 1000, value_name = "COUNT")]
        limit: u32,
        /// Those whose ids come after this one.
        #[arg(long, value_name = "CLIENT_ID", default_value = "", hide_default_value = true)]
        after: String,
        #[command(flatten)]
        form: Form,
    },
    /// Show a client's registration, without its secret.
    Show(WhichClient),
    /// Change what is said of a client; the rest stays.
    Update(Box<UpdateClient>),
    /// Stop a client: its tokens do not work either until it is restored.
    Suspend(WhichClient),
    /// Let a suspended client be used again.
    Restore(WhichClient),
    /// Remove a client; everything that was issued to it is dead.
    Remove(WhichClient),
    /// Draw a new secret and print it; the old one works on for a while.
    RotateSecret {
        #[command(flatten)]
        which: WhichClient,
        /// How long the old secret works on.
        #[arg(long, default_value = "24h", value_name = "DURATION")]
        keep: String,
    },
}

/// `client add`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  countersign client add --spa http://localhost:5173/cb\n  \
                        countersign client add --web https://app.example.com/cb --client-name \"App\"\n  \
                        countersign client add --service --scope \"reports\"\n  \
                        countersign client add --metadata client.json --json")]
pub struct AddClient {
    #[command(flatten)]
    pub place: Place,
    /// Its id [default: drawn].
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// A secret of your own, of 32 characters at least, instead of a drawn one.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub client_secret_file: Option<PathBuf>,
    /// An application in the browser: the code flow without a secret.
    #[arg(long, value_name = "REDIRECT_URI", group = "kind")]
    pub spa: Option<String>,
    /// An application on a server: the code flow with a secret.
    #[arg(long, value_name = "REDIRECT_URI", group = "kind")]
    pub web: Option<String>,
    /// An application on a computer or phone: the code flow without a secret.
    #[arg(long, value_name = "REDIRECT_URI", group = "kind")]
    pub native: Option<String>,
    /// A program that acts for itself: client credentials.
    #[arg(long, group = "kind")]
    pub service: bool,
    #[command(flatten)]
    pub said: Said,
    #[command(flatten)]
    pub form: Form,
}

/// `client update`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign client update app --redirect-uri https://app.example.com/cb")]
pub struct UpdateClient {
    #[command(flatten)]
    pub which: WhichClient,
    #[command(flatten)]
    pub said: Said,
}

/// What the flags say about a client, under the names of RFC 7591.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// A file with the whole of it.
    pub file: Option<PathBuf>,
    /// The members that flags name; they win.
    pub members: Map<String, Value>,
    /// `--jwks`: a file, or the set itself.
    pub jwks: Option<String>,
}

/// How a flag becomes a member.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    /// One member for each time that the flag is given.
    List,
    /// Names, parted by spaces.
    Names,
    Number,
    YesNo,
}

/// Flag, member, kind, what the help says.
type Row = (&'static str, &'static str, Kind, &'static str);

const FLAGS: &[Row] = &[
    ("redirect-uri", "redirect_uris", Kind::List, "Where it may be answered; repeat for more"),
    ("grant-type", "grant_types", Kind::List, "How it comes by tokens; repeat for more"),
    ("response-type", "response_types", Kind::List, "`code`"),
    ("response-mode", "response_modes", Kind::List, "How it may be answered; repeat for more"),
    (
        "token-endpoint-auth-method",
        "token_endpoint_auth_method",
        Kind::Text,
        "How it shows who it is: none, client_secret_basic, client_secret_post, private_key_jwt, tls_client_auth \
         or self_signed_tls_client_auth",
    ),
    (
        "token-endpoint-auth-signing-alg",
        "token_endpoint_auth_signing_alg",
        Kind::Text,
        "What its assertions are signed with",
    ),
    ("scope", "scope", Kind::Names, "What it may ask for, such as \"openid profile\""),
    ("client-name", "client_name", Kind::Text, "What people know it as"),
    ("client-uri", "client_uri", Kind::Text, "Its home page"),
    ("logo-uri", "logo_uri", Kind::Text, "Its picture"),
    ("tos-uri", "tos_uri", Kind::Text, "Its terms of service"),
    ("policy-uri", "policy_uri", Kind::Text, "Its privacy policy"),
    ("contact", "contacts", Kind::List, "Who answers for it; repeat for more"),
    ("jwks-uri", "jwks_uri", Kind::Text, "Where its public keys are"),
    ("software-id", "software_id", Kind::Text, "What it is made of"),
    ("software-version", "software_version", Kind::Text, "Its version"),
    ("application-type", "application_type", Kind::Text, "`web` or `native`"),
    (
        "post-logout-redirect-uri",
        "post_logout_redirect_uris",
        Kind::List,
        "Where people may go after a log-out; repeat for more",
    ),
    ("backchannel-logout-uri", "backchannel_logout_uri", Kind::Text, "Where it hears of log-outs"),
    (
        "backchannel-logout-session-required",
        "backchannel_logout_session_required",
        Kind::YesNo,
        "It needs the session's id in that",
    ),
    ("initiate-login-uri", "initiate_login_uri", Kind::Text, "Where a sign-in can be begun from elsewhere"),
    ("sector-identifier-uri", "sector_identifier_uri", Kind::Text, "Whose pairwise subjects it shares"),
    ("subject-type", "subject_type", Kind::Text, "`public` or `pairwise`"),
    (
        "id-token-signed-response-alg",
        "id_token_signed_response_alg",
        Kind::Text,
        "ES256 (the default), RS256 or EdDSA",
    ),
    ("userinfo-signed-response-alg", "userinfo_signed_response_alg", Kind::Text, "Sign userinfo"),
    (
        "introspection-signed-response-alg",
        "introspection_signed_response_alg",
        Kind::Text,
        "Sign introspection",
    ),
    (
        "authorization-signed-response-alg",
        "authorization_signed_response_alg",
        Kind::Text,
        "What JARM signs with",
    ),
    (
        "request-object-signing-alg",
        "request_object_signing_alg",
        Kind::Text,
        "What its request objects are signed with",
    ),
    (
        "require-signed-request-object",
        "require_signed_request_object",
        Kind::YesNo,
        "Refuse requests that are not signed",
    ),
    (
        "require-pushed-authorization-requests",
        "require_pushed_authorization_requests",
        Kind::YesNo,
        "Refuse requests that were not pushed",
    ),
    ("dpop-bound-access-tokens", "dpop_bound_access_tokens", Kind::YesNo, "Refuse tokens without DPoP"),
    (
        "tls-client-auth-subject-dn",
        "tls_client_auth_subject_dn",
        Kind::Text,
        "The name in its certificate, such as \"CN=app,C=DE\"",
    ),
    ("tls-client-auth-san-dns", "tls_client_auth_san_dns", Kind::Text, "The host in its certificate"),
    ("tls-client-auth-san-uri", "tls_client_auth_san_uri", Kind::Text, "The URI in its certificate"),
    ("tls-client-auth-san-ip", "tls_client_auth_san_ip", Kind::Text, "The IP address in its certificate"),
    ("tls-client-auth-san-email", "tls_client_auth_san_email", Kind::Text, "The e-mail in its certificate"),
    (
        "tls-client-certificate-bound-access-tokens",
        "tls_client_certificate_bound_access_tokens",
        Kind::YesNo,
        "Bind its tokens to its certificate",
    ),
    ("default-max-age", "default_max_age", Kind::Number, "How many seconds ago a sign-in may be"),
    ("require-auth-time", "require_auth_time", Kind::YesNo, "Always say when somebody signed in"),
    ("default-acr-value", "default_acr_values", Kind::List, "How people must sign in; repeat for more"),
    (
        "authorization-details-type",
        "authorization_details_types",
        Kind::List,
        "What RAR may ask for; repeat for more",
    ),
    ("require-pkce", "require_pkce", Kind::YesNo, "Demand PKCE (the default)"),
    ("access-token-format", "access_token_format", Kind::Text, "`opaque` or `jwt`"),
    ("audience", "audience", Kind::List, "A resource that it may ask for; repeat for more"),
    ("group", "groups", Kind::List, "Only this group may sign in; repeat for more"),
    ("first-party", "first_party", Kind::YesNo, "Ask nobody for consent"),
    (
        "introspect-documents",
        "introspect_documents",
        Kind::YesNo,
        "It may introspect the tokens of the other surfaces",
    ),
    ("access-token-lifetime", "access_token_lifetime", Kind::Number, "Seconds"),
    ("refresh-token-lifetime", "refresh_token_lifetime", Kind::Number, "Seconds"),
    ("allowed-origin", "allowed_origins", Kind::List, "Another origin of its scripts; repeat for more"),
    (
        "kept-member",
        "kept_members",
        Kind::List,
        "A member that stays as it is, whatever the client says of itself; repeat for more",
    ),
];

/// The arguments, where `--require-pkce true` stands for `--require-pkce=true`: without the value the flag says yes, so a
/// word behind it is not its value by itself.
pub fn joined(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let is_yes_no = |argument: &OsString| {
        let name = argument.to_str().and_then(|text| text.strip_prefix("--"));
        FLAGS.iter().any(|(flag, _, kind, _)| matches!(kind, Kind::YesNo) && Some(*flag) == name)
    };
    let mut joined: Vec<OsString> = Vec::new();
    for argument in arguments {
        match joined.last_mut() {
            Some(last) if is_yes_no(last) && (argument == "true" || argument == "false") => {
                last.push("=");
                last.push(argument);
            }
            Some(_) | None => joined.push(argument),
        }
    }
    joined
}

fn flag((name, member, kind, help): &Row) -> Arg {
    let arg = Arg::new(*member).long(*name).help(*help).help_heading("Metadata");
    // The members' own names, which are plural, are understood too.
    let arg = match *name {
        "redirect-uri" => arg.alias("redirect-uris"),
        "grant-type" => arg.alias("grant-types"),
        "response-type" => arg.alias("response-types"),
        "post-logout-redirect-uri" => arg.alias("post-logout-redirect-uris"),
        "contact" => arg.alias("contacts"),
        _ => arg,
    };
    match kind {
        Kind::Text => arg.value_name("VALUE"),
        Kind::List | Kind::Names => arg.value_name("VALUE").action(ArgAction::Append),
        Kind::Number => arg.value_name("NUMBER").value_parser(clap::value_parser!(u64)),
        Kind::YesNo => arg
            .value_name("true|false")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_parser(clap::value_parser!(bool)),
    }
}

fn value(matches: &ArgMatches, (_, member, kind, _): &Row) -> Option<Value> {
    let texts = || matches.get_many::<String>(member).map(|all| all.cloned().collect::<Vec<String>>());
    match kind {
        Kind::Text => matches.get_one::<String>(member).map(|text| Value::from(text.as_str())),
        Kind::List => texts().map(Value::from),
        Kind::Names => texts().map(|all| Value::from(all.join(" "))),
        Kind::Number => matches.get_one::<u64>(member).map(|number| Value::from(*number)),
        Kind::YesNo => matches.get_one::<bool>(member).map(|yes| Value::from(*yes)),
    }
}

impl FromArgMatches for Said {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Said, clap::Error> {
        let members = FLAGS.iter().filter_map(|row| Some((row.1.to_owned(), value(matches, row)?)));
        Ok(Said {
            file: matches.get_one::<PathBuf>("metadata").cloned(),
            members: members.collect(),
            jwks: matches.get_one::<String>("jwks").cloned(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Said::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Said {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("metadata")
            .long("metadata")
            .value_name("FILE")
            .value_hint(ValueHint::FilePath)
            .value_parser(clap::value_parser!(PathBuf))
            .help("JSON with all of these under the names of RFC 7591; `-` reads the standard input")
            .help_heading("Metadata");
        let jwks = Arg::new("jwks")
            .long("jwks")
            .value_name("FILE|JSON")
            .help("Its public keys: a set, or the file that holds it")
            .help_heading("Metadata");
        command.arg(file).args(FLAGS.iter().map(flag)).arg(jwks)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Said::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use countersign_model::oauth::Metadata;

    use super::*;

    #[test]
    fn a_word_behind_a_yes_or_no_is_its_value_if_it_can_be() {
        let all = |line: &str| -> Vec<String> {
            let joined = joined(line.split(' ').map(OsString::from));
            joined.into_iter().map(|argument| argument.into_string().unwrap()).collect()
        };
        assert_eq!(
            all("client add --require-pkce false --web u"),
            ["client", "add", "--require-pkce=false", "--web", "u"]
        );
        assert_eq!(all("client update --first-party app"), ["client", "update", "--first-party", "app"]);
        assert_eq!(all("client add --client-name true"), ["client", "add", "--client-name", "true"]);
    }

    #[test]
    fn every_member_of_metadata_has_a_flag() {
        let mut flags: Vec<&str> = FLAGS.iter().map(|(_, member, ..)| *member).chain(["jwks"]).collect();
        let mut members = Metadata::members().to_vec();
        flags.sort_unstable();
        members.sort_unstable();
        assert_eq!(flags, members);
    }
}
