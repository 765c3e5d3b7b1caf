//! Accounts, wizards, sessions and attempts to try the stores with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use stepgate::engine::ports::{
    AccountWrite, Attempt, Door, NewChange, RequestId, SendBudget, Spend, Store, Subject, Tries, Verdict,
};
use stepgate::identity::{
    Account, AccountId, Code, Email, EmailFactor, Factor, Factors, Keys, Ladder, Locale, LoginName, Method, NameRules,
    Phone, Recipient, Sealed, Session, SessionId, SmsFactor, SurfaceName, Suspended, TotpFactor, UsedToken, Username,
};
use stepgate::workflow::{Answered, Digest, Fact, Facts, Opens, Outstanding, Pending, Sends, Wizard, WizardId};

/// Three failures within a minute block for ten minutes, then for twenty, forty and at most an hour.
pub const LADDER: Ladder = Ladder { limit: 3, window: 60_000, block: 600_000, longest: 3_600_000 };

/// `seconds` into the test.
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + seconds, 0).expect("a time")
}

pub fn number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// A request that nobody made before.
pub fn request() -> RequestId {
    RequestId(format!("request-{}", number()))
}

pub fn name(text: &str) -> LoginName {
    LoginName::of_typed(text, &NameRules::default())
}

pub fn sealed(text: &str) -> Sealed {
    Keys::from_master([1; 32]).seal(text.as_bytes(), &["test"], [7; 24])
}

/// An account that is not in a store yet.
pub fn person(local: &str) -> Account {
    Account {
        id: AccountId(0),
        revision: 0,
        email: Email::parse(&format!("{local}@example.com")).expect("an address"),
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

/// An account with every field set.
pub fn person_in_full(local: &str) -> Account {
    let phone = Phone::parse("+420601123456").expect("a phone");
    Account {
        username: Some(Username::parse(local).expect("a user name")),
        phone: Some(phone.clone()),
        locale: Locale::PtBr,
        groups: ["staff".to_owned(), "ops \"quoted\" \u{e9}\n".to_owned()].into(),
        permissions: ["read".to_owned(), "write".to_owned()].into(),
        password_hash: Some("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned()),
        factors: Factors {
            google: Some(TotpFactor {
                secret: sealed("seed"),
                since: at(1) + TimeDelta::milliseconds(5),
                scheme: None,
            }),
            sms: Some(SmsFactor { phone, since: at(2) }),
            email: Some(EmailFactor::since(at(3))),
        },
        suspended: Some(Suspended {
            factors: Factors { email: Some(EmailFactor::since(at(4))), ..Factors::default() },
            recovery: None,
        }),
        created_at: at(-5) + TimeDelta::nanoseconds(123_456_789),
        ..person(local)
    }
}

pub fn names_of(account: &Account) -> Vec<LoginName> {
    account.login_names(&NameRules::default())
}

/// An account that is in the store.
pub async fn registered(store: &Arc<dyn Store>, local: &str) -> Account {
    let account = person(local);
    let names = names_of(&account);
    store.create_account(account, &names).await.expect("an answer").expect("a free name")
}

/// The account a revision later.
pub fn changed(account: &Account) -> Account {
    Account {
        revision: account.revision + 1,
        updated_at: account.updated_at + TimeDelta::seconds(1),
        ..account.clone()
    }
}

pub fn wizard_id() -> WizardId {
    WizardId::from_bytes(u128::from(number()).to_be_bytes())
}

/// A new wizard that lives for a quarter of an hour.
pub fn wizard() -> Wizard {
    Wizard {
        id: wizard_id(),
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
        chosen: true,
        surface: Default::default(),
        opens: Default::default(),
        answered: None,
    }
}

/// A wizard with every field set.
pub fn wizard_in_full() -> Wizard {
    let keys = Keys::from_master([1; 32]);
    let digest = Code::parse("012345", 6).expect("a code").digest(&keys, "wizard", "sms");
    let outstanding =
        Outstanding { recipient: Recipient::NewPhone, digest, sent_at: at(1), expires_at: at(301), unconfirmed: true };
    Wizard {
        facts: Facts::of(&[Fact::PasswordVerified, Fact::FactorChanged]),
        account: Some(Account { id: AccountId(7), revision: 3, ..person_in_full("wanda") }),
        session: Some(SessionId::from_bytes([9; 16])),
        pending: Pending {
            secret: Some(sealed("new seed")),
            phone: Some(Phone::parse("+420601123457").expect("a phone")),
        },
        sends: Sends {
            count: 2,
            outstanding: Some(outstanding),
            not_before: BTreeMap::from([(Recipient::Phone, at(30)), (Recipient::Email, at(60))]),
        },
        client_kind: Some("phone app".to_owned()),
        surface: SurfaceName::Navixy,
        opens: Opens::Panel,
        answered: Some(Answered { key: "k".to_owned(), request: "r".to_owned(), answer: sealed("answer") }),
        ended: true,
        ..wizard()
    }
}

/// The wizard one step on.
pub fn stepped(wizard: &Wizard, step: &str) -> Wizard {
    Wizard { revision: wizard.revision + 1, step: step.to_owned(), ..wizard.clone() }
}

/// A new session of the account that lives for an hour.
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

/// A session with every field set.
pub fn session_in_full(account: &Account) -> Session {
    Session {
        client: Some("Mozilla/5.0 (\"odd\" \\ \u{fc})".to_owned()),
        address: Some("2001:db8::1".to_owned()),
        factor: Some((Method::Sms, at(2))),
        live: vec!["one".to_owned(), "two".to_owned()],
        used: vec![UsedToken { digest: "zero".to_owned(), at: at(1) }],
        ..session(account)
    }
}

/// A right code at the second door, which spends nothing and writes nothing.
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
        operation: format!("operation-{}", number()),
        tries: None,
        write: AccountWrite::default(),
    }
}

pub fn wrong(account: &Account) -> Attempt {
    Attempt { right: Some(false), ..right(account) }
}

/// The same on a name, by its digest, in place of the account.
pub fn on_name(digest: &str, attempt: Attempt) -> Attempt {
    Attempt { subject: Subject::Name(digest.to_owned()), revision: None, ..attempt }
}

/// Nothing is checked: a code is only sent.
pub fn unchecked(account: &Account) -> Attempt {
    Attempt { right: None, ..right(account) }
}

pub fn at_door(door: Door, attempt: Attempt) -> Attempt {
    Attempt { door, ..attempt }
}

pub fn later(seconds: i64, attempt: Attempt) -> Attempt {
    Attempt { now: at(seconds), ..attempt }
}

pub fn writing(write: AccountWrite, attempt: Attempt) -> Attempt {
    Attempt { write, ..attempt }
}

pub fn sending(now: i64, account: &Account, budget: &SendBudget) -> Attempt {
    let write = AccountWrite { send: Some(budget.clone()), ..AccountWrite::default() };
    later(now, writing(write, unchecked(account)))
}

pub fn spending(spend: Spend, attempt: Attempt) -> Attempt {
    Attempt { spend: Some(spend), ..attempt }
}

pub fn guessing_in(wizard: WizardId, limit: u32, attempt: Attempt) -> Attempt {
    Attempt { tries: Some(Tries { wizard, limit, keep: 1_200 }), ..attempt }
}

/// The same step of the same wizard, asked for by another request.
pub fn again(attempt: &Attempt) -> Attempt {
    Attempt { request: request(), ..attempt.clone() }
}

/// A sent code that is remembered for ten minutes.
pub fn code(digest: &str) -> Spend {
    Spend::Code { digest: digest.to_owned(), keep: 600 }
}

pub fn budget(channel: Factor, windows: &[(u64, u32)]) -> SendBudget {
    SendBudget { channel, windows: windows.to_vec() }
}

pub fn over(until: i64) -> Verdict {
    Verdict::OverBudget { until: at(until) }
}

/// A failure that leaves so many before the block.
pub fn counted(left: u32) -> Verdict {
    Verdict::Wrong { left, blocked_until: None, exhausted: false }
}

pub fn began_block(until: i64) -> Verdict {
    Verdict::Wrong { left: 0, blocked_until: Some(at(until)), exhausted: false }
}

pub fn turned_on(factor: Factor) -> NewChange {
    NewChange { provider: factor, is_enabled: true, time: at(5) }
}

pub async fn judge(store: &Arc<dyn Store>, attempt: Attempt) -> Verdict {
    store.judge(&attempt).await.expect("a verdict")
}

/// Fails at the second door until it is blocked, at the beginning of time; the end of the block.
pub async fn block(store: &Arc<dyn Store>, account: &Account) -> DateTime<Utc> {
    for left in [2, 1] {
        assert_eq!(judge(store, wrong(account)).await, Verdict::Wrong { left, blocked_until: None, exhausted: false });
    }
    let until = at(600);
    let last = Verdict::Wrong { left: 0, blocked_until: Some(until), exhausted: false };
    assert_eq!(judge(store, wrong(account)).await, last);
    until
}

/// Changes the account through an accepted attempt, so that decisions made on it as it was are stale.
pub async fn change(store: &Arc<dyn Store>, account: &Account) -> Account {
    let next = changed(account);
    let write = AccountWrite { account: Some(next.clone()), ..AccountWrite::default() };
    assert_eq!(judge(store, writing(write, unchecked(account))).await, Verdict::Accepted);
    next
}

/// Failures counted at the second door so far, found out by counting one more (so it is to be asked once).
pub async fn failures(store: &Arc<dyn Store>, account: &Account, now: i64) -> u32 {
    match judge(store, later(now, wrong(account))).await {
        Verdict::Wrong { left, .. } => LADDER.limit - left - 1,
        other => panic!("the door is not open: {other:?}"),
    }
}
