use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_model::ids::MessageId;
use countersign_model::keyring::{MasterKey, Place};
use countersign_model::message::{Channel, Contents, MessageState, Template};
use countersign_model::password::Fault;
use countersign_model::random::Random;
use countersign_model::session::{Session, Token, TokenPurpose};
use countersign_model::time::Clock;
use countersign_store::tokens::{self, Holder, NewToken};
use countersign_store::{Database, Store, outbox};

use super::*;
use crate::hasher::{Hasher, HasherSettings};
use crate::register_account::{RegisterAccount, RegisterAccountError};
use crate::{CoreParts, Settings, Source};

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// A core over a database of its own, which is removed with it.
struct Fixture {
    core: Core,
    folder: PathBuf,
}

impl Fixture {
    async fn new(name: &str) -> Fixture {
        Fixture::with_random(name, Random::System).await
    }

    async fn with_random(name: &str, random: Random) -> Fixture {
        let folder = std::env::temp_dir().join(format!("countersign-admin-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = Store::open(&Database::Sqlite(folder.join("test.db"))).await.unwrap();
        store.migrate(Some(NOW)).await.unwrap();
        let cheap = HasherSettings { memory_kib: 8, iterations: 1, ..HasherSettings::default() };
        let core = Core::open(CoreParts {
            store,
            clock: Clock::fixed(NOW),
            random,
            hasher: Hasher::new(cheap).unwrap(),
            master_key: MasterKey::new([7; 32]),
            settings: Settings::default(),
        });
        Fixture { core: core.await.unwrap(), folder }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn alice(password: Option<&Password>) -> AddAccount<'_> {
    AddAccount {
        username: Some(Identifier::username("Alice", 255).unwrap()),
        email: Some(Identifier::email("alice@example.com").unwrap()),
        first_name: "Alice".to_owned(),
        password,
        ..AddAccount::default()
    }
}

struct StartSession(AccountId, SessionId);

impl Work for StartSession {
    type Output = ();
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let StartSession(account, id) = *self;
        let epoch = accounts::find(tx, account).await?.unwrap().epoch;
        let session = Session { id, account, surface: Surface::Rest, started_at: NOW };
        assert!(sessions::insert(tx, &session, epoch, u32::MAX).await?);
        let token = NewToken {
            digest: Token::presented(&id.to_string()).digest(),
            purpose: TokenPurpose::RestToken,
            issued_at: NOW,
            expires_at: NOW.after(Duration::from_secs(60)),
            client: None,
            facts: None,
        };
        tokens::insert(tx, Holder { account, session: id, epoch }, &token).await
    }
}

#[tokio::test]
async fn an_account_is_found_by_each_of_its_names() {
    let fixture = Fixture::new("find").await;
    let core = &fixture.core;
    let password = Password::new("correct horse battery staple").unwrap();
    let id = core.add_account(alice(Some(&password))).await.unwrap();
    let record = core.find_account(&id.to_string()).await.unwrap();
    assert!(record.has_password && record.profile.username.as_deref() == Some("Alice"));
    assert_eq!(
        record.identifiers,
        [(IdentifierKind::Username, Some(NOW)), (IdentifierKind::Email, Some(NOW))]
    );
    for name in [record.uuid.to_string().as_str(), "aLICE", "Alice@Example.com"] {
        assert_eq!(core.find_account(name).await.as_ref(), Ok(&record), "{name}");
    }
    assert_eq!(core.find_account("bob").await, Err(AdminError::NotFound));
    assert_eq!(core.list_accounts(None, 10).await, Ok(vec![record]));
    assert_eq!(core.list_accounts(Some(id), 10).await, Ok(vec![]));
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let fixture = Fixture::new("refuse").await;
    let core = &fixture.core;
    core.add_account(alice(None)).await.unwrap();
    let second = AddAccount { username: Some(Identifier::username("bob", 255).unwrap()), ..alice(None) };
    assert_eq!(core.add_account(second).await, Err(AdminError::Taken(IdentifierKind::Email)));
    assert_eq!(core.find_account("bob").await, Err(AdminError::NotFound));

    let carol = || AddAccount {
        username: Some(Identifier::username("carol", 255).unwrap()),
        ..AddAccount::default()
    };
    let short = Password::new("short").unwrap();
    let refused = core.add_account(AddAccount { password: Some(&short), ..carol() }).await;
    assert_eq!(refused, Err(AdminError::Password(vec![Fault::TooShort { min: 15 }])));
    let unknown = AddAccount { password_hash: Some("md5$x$y".to_owned()), ..carol() };
    assert_eq!(core.add_account(unknown).await, Err(AdminError::HashUnknown));
    let bcrypt = "$2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".to_owned();
    let id = core.add_account(AddAccount { password_hash: Some(bcrypt), ..carol() }).await.unwrap();
    assert!(core.find_account(&id.to_string()).await.unwrap().has_password);
    assert_eq!(core.list_accounts(None, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn sessions_end_one_by_one_and_with_each_change() {
    let fixture = Fixture::new("sessions").await;
    let core = &fixture.core;
    let id = core.add_account(alice(None)).await.unwrap();
    let start = |number| core.store.write(StartSession(id, SessionId(number)));
    let left = || async { core.list_sessions(id).await.unwrap().len() };

    start(1).await.unwrap();
    start(2).await.unwrap();
    core.end_session(id, SessionId(1)).await.unwrap();
    assert_eq!(core.end_session(id, SessionId(1)).await, Err(AdminError::NotFound));
    assert_eq!(left().await, 1);
    core.end_sessions(id).await.unwrap();
    assert_eq!(left().await, 0);

    start(3).await.unwrap();
    let password = Password::new("correct horse battery staple").unwrap();
    core.set_password(id, &password, Rule::Strict).await.unwrap();
    assert_eq!(left().await, 0);
    assert!(core.find_account("alice").await.unwrap().has_password);

    start(4).await.unwrap();
    core.suspend_account(id).await.unwrap();
    assert_eq!(core.find_account("alice").await.unwrap().standing, Standing::Suspended);
    core.restore_account(id).await.unwrap();
    assert_eq!(core.find_account("alice").await.unwrap().standing, Standing::Active);
    assert_eq!(left().await, 0, "a restored account has no old sessions");
}

#[tokio::test]
async fn a_closed_account_keeps_its_ids_and_nothing_else() {
    let fixture = Fixture::new("close").await;
    let core = &fixture.core;
    let password = Password::new("correct horse battery staple").unwrap();
    let id = core.add_account(alice(Some(&password))).await.unwrap();
    core.close_account(id).await.unwrap();
    let record = core.find_account(&id.to_string()).await.unwrap();
    assert_eq!((record.standing, &record.profile), (Standing::Closed, &Profile::default()));
    assert!(record.identifiers.is_empty() && !record.has_password);
    for again in [
        core.close_account(id).await,
        core.suspend_account(id).await,
        core.restore_account(id).await,
        core.end_sessions(id).await,
        core.set_password(id, &password, Rule::Strict).await,
    ] {
        assert_eq!(again, Err(AdminError::NotFound));
    }
    assert_ne!(core.add_account(alice(None)).await.unwrap(), id, "its names are free");
}

struct Queue(MessageId, Vec<u8>);

impl Work for Queue {
    type Output = ();
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        outbox::insert(tx, self.0, Channel::Email, Template::Login, &self.1, NOW).await
    }
}

#[tokio::test]
async fn a_message_goes_its_way_and_a_broken_one_is_given_up() {
    let fixture = Fixture::new("messages").await;
    let core = &fixture.core;
    let contents = Contents { to: "alice@example.com".to_owned(), code: None, link: None, expires_at: None };
    let sealed = core.keyring.seal(Place::Message, &contents.to_bytes(), &core.random);
    let (good, broken) = (MessageId(1), MessageId(2));
    core.store.write(Queue(good, sealed)).await.unwrap();
    core.store.write(Queue(broken, b"of another key".to_vec())).await.unwrap();

    let lease = |limit| core.lease_messages(&[Channel::Sms, Channel::Email], limit, Duration::from_secs(5));
    let leased = lease(10).await.unwrap();
    assert_eq!(leased.len(), 1);
    assert_eq!((leased[0].id, leased[0].contents.as_ref(), leased[0].attempts), (good, Some(&contents), 1));
    assert_eq!(lease(10).await, Ok(vec![]), "nobody else gets it");
    assert_eq!(core.show_message(broken).await.unwrap().state, MessageState::Dead);

    core.fail_message(good, "busy", Some(Duration::from_secs(30))).await.unwrap();
    core.clock.advance(Duration::from_secs(29));
    assert_eq!(lease(10).await, Ok(vec![]), "not before its next try");
    core.retry_message(good).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), core.wait_for_messages()).await.unwrap();
    assert_eq!(lease(10).await.unwrap().len(), 1);

    core.complete_message(good).await.unwrap();
    assert_eq!(core.show_message(good).await.unwrap().contents, None);
    assert_eq!(core.retry_message(good).await, Err(AdminError::NotFound));
    let mut counts = core.count_messages().await.unwrap();
    counts.sort_by_key(|(state, _)| *state as i64);
    assert_eq!(counts, [(MessageState::Sent, 1), (MessageState::Dead, 1)]);
    assert_eq!(core.purge_messages(Some(Duration::from_secs(60)), None).await, Ok(0));
    assert_eq!(core.purge_messages(None, Some(MessageState::Dead)).await, Ok(1));
    assert_eq!(core.list_messages(None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn sixteen_sweeps_remove_every_expired_token_and_mark_the_clock() {
    let fixture = Fixture::new("sweep").await;
    let core = &fixture.core;
    let id = core.add_account(alice(None)).await.unwrap();
    for number in 1..=20 {
        core.store.write(StartSession(id, SessionId(number))).await.unwrap();
    }
    core.clock.advance(Duration::from_secs(61));
    let mut rows = 0;
    for _ in 0..16 {
        rows += core.sweep().await.unwrap().rows;
    }
    assert_eq!(rows, 20);
    let mark = countersign_store::meta::find(&mut core.store.read().await.unwrap(), "clock").await.unwrap();
    assert_eq!(mark.unwrap(), core.clock.now().micros().to_be_bytes());
    core.check_ready().await.unwrap();
}

/// Whoever asks: it is no busy store, which another try would mend.
#[tokio::test]
async fn a_profile_that_does_not_open_is_a_fault() {
    let fixture = Fixture::new("broken").await;
    let core = &fixture.core;
    let no_profile = core.keyring.seal(Place::Profile, b"no JSON", &core.random);
    for sealed in [&b"no seal"[..], &no_profile] {
        assert_eq!(core.open_profile(sealed), Err(Unavailable::Fault));
    }
    let profile = Profile { first_name: "Bob".to_owned(), ..Profile::default() };
    let sealed = core.seal_profile(&profile).unwrap();
    assert_eq!(core.open_profile(&sealed), Ok(profile));
    let id = core.add_account(alice(None)).await.unwrap();
    let broken =
        ChangeAccount { id, change: Change::Close { empty_profile: no_profile }, now: core.clock.now() };
    assert!(core.store.write(broken).await.unwrap());
    let found = core.find_account(&id.0.to_string()).await;
    assert_eq!(found, Err(AdminError::Unavailable(Unavailable::Fault)));
}

#[tokio::test]
async fn an_id_that_is_drawn_twice_gives_nobody_anothers_account() {
    let Fixture { core, folder: _ } = &Fixture::with_random("twice", Random::seeded(1)).await;
    // What is drawn from here on is the same each time.
    let draw_again = || {
        let Random::Seeded { drawn, rest, .. } = core.random.as_ref() else { unreachable!() };
        drawn.store(1_000_000, Ordering::Relaxed);
        rest.lock().unwrap().clear();
    };
    let password = Password::new("a long enough password").unwrap();
    draw_again();
    let alice = core.add_account(AddAccount { email: None, ..alice(Some(&password)) }).await.unwrap();
    let phc = accounts::find(&mut core.store.read().await.unwrap(), alice).await.unwrap().unwrap().phc;
    draw_again();
    let email = Identifier::email("mallory@example.com").unwrap();
    let request = RegisterAccount {
        username: None,
        email: email.clone(),
        first_name: String::new(),
        last_name: String::new(),
        password: &Password::new("another long password").unwrap(),
        rule: Rule::AuthV1,
        surface: Surface::AuthV1,
        source: Source::Local,
        start_session: false,
    };
    let refused = core.register_account(request).await.unwrap_err();
    assert_eq!(refused, RegisterAccountError::Unavailable(Unavailable::Store));
    let tx = &mut core.store.read().await.unwrap();
    assert!(identifiers::find(tx, &core.keyring.lookup(&email)).await.unwrap().is_none());
    assert_eq!(accounts::find(tx, alice).await.unwrap().unwrap().phc, phc);
}
