//! Stores, accounts, wizards and attempts to try them with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use stepgate::engine::ports::{
    AccountWrite, Actor, Attempt, Door, Event, EventKind, RequestId, Store, Subject, Verdict,
};
use stepgate::identity::{
    Account, AccountId, Email, Factors, Ladder, Locale, LoginName, NameRules, Session, SessionId,
};
use stepgate::store::redis::{RedisAddress, RedisSettings, RedisStore};
use stepgate::workflow::{Digest, Facts, Pending, Sends, Wizard, WizardId};

use crate::harness::redis::prefix;

pub const LADDER: Ladder = Ladder { limit: 5, window: 60_000, block: 600_000, longest: 3_600_000 };

/// A store with keys of its own, that gives each call long enough for a busy machine.
pub fn settings(url: &str) -> RedisSettings {
    let timeout = Duration::from_secs(10);
    let connect_timeout = Duration::from_secs(2);
    let address = RedisAddress::parse(url).unwrap();
    RedisSettings { prefix: prefix(), timeout, connect_timeout, ..RedisSettings::new(address) }
}

pub async fn open(url: &str) -> RedisStore {
    RedisStore::open(settings(url)).await.unwrap()
}

/// The same keys, reached another way.
pub async fn open_beside(other: &RedisSettings, url: &str) -> RedisStore {
    let address = RedisAddress::parse(url).unwrap();
    RedisStore::open(RedisSettings { address, ..other.clone() }).await.unwrap()
}

fn number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

pub fn request() -> RequestId {
    RequestId(format!("request {}", number()))
}

/// `seconds` into the test.
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap()
}

pub fn name(text: &str) -> LoginName {
    LoginName::of_typed(text, &NameRules::default())
}

pub fn names_of(account: &Account) -> Vec<LoginName> {
    account.login_names(&NameRules::default())
}

/// An account that is not in a store yet.
pub fn person(local: &str) -> Account {
    Account {
        id: AccountId(0),
        revision: 0,
        email: Email::parse(&format!("{local}@example.com")).unwrap(),
        username: None,
        phone: None,
        locale: Locale::En,
        groups: BTreeSet::new(),
        permissions: BTreeSet::new(),
        password_hash: None,
        factors: Factors::default(),
        epoch: 0,
        factors_since: None,
        stood_in: None,
        recovery: None,
        enrolling: None,
        order: None,
        suspended: None,
        devices: Vec::new(),
        external_id: None,
        imported: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub async fn registered(store: &RedisStore, local: &str) -> Account {
    let account = person(local);
    let names = names_of(&account);
    store.create_account(account, &names).await.unwrap().unwrap()
}

pub fn changed(account: &Account) -> Account {
    Account { revision: account.revision + 1, ..account.clone() }
}

pub fn wizard() -> Wizard {
    Wizard {
        id: WizardId::from_bytes(u128::from(number()).to_be_bytes()),
        revision: 1,
        workflow: "signin".to_owned(),
        digest: Digest::of("a file"),
        step: "login".to_owned(),
        ended: false,
        facts: Facts::none(),
        created_at: at(0),
        expires_at: at(900),
        key: "digest of a key".to_owned(),
        account: None,
        session: None,
        pending: Pending::default(),
        sends: Sends::default(),
        client_kind: None,
        challenge: None,
        chosen: false,
        surface: Default::default(),
        opens: Default::default(),
        answered: None,
    }
}

pub fn stepped(wizard: &Wizard, step: &str) -> Wizard {
    Wizard { revision: wizard.revision + 1, step: step.to_owned(), ..wizard.clone() }
}

pub fn session(account: &Account) -> Session {
    Session {
        id: SessionId::from_bytes(u128::from(number()).to_be_bytes()),
        account: account.id,
        revision: 1,
        created_at: at(0),
        refreshed_at: at(0),
        expires_at: at(3_600),
        client: None,
        address: None,
        factor: None,
        live: vec!["digest".to_owned()],
        used: vec![],
    }
}

pub fn event(id: &str) -> Event {
    Event {
        id: id.to_owned(),
        time: at(0),
        kind: EventKind::SignedIn,
        account: None,
        actor: Actor::Person,
        request_id: None,
        address: None,
        client: None,
        session: None,
        wizard: None,
        method: None,
        details: BTreeMap::new(),
    }
}

/// A right code at the second door.
pub fn right(account: &Account) -> Attempt {
    Attempt {
        request: request(),
        now: at(0),
        subject: Subject::Account(account.id),
        revision: Some(account.revision),
        door: Door::Second,
        ladder: LADDER,
        right: Some(true),
        spend: None,
        operation: format!("operation {}", number()),
        tries: None,
        write: AccountWrite::default(),
    }
}

pub fn wrong(account: &Account) -> Attempt {
    Attempt { right: Some(false), ..right(account) }
}

pub fn counted(left: u32) -> Verdict {
    Verdict::Wrong { left, blocked_until: None, exhausted: false }
}
