//! The same calls, whatever they are, get the same answers from the store in one file and from Redis.
//!
//! Times only go forward, and whatever is looked at without a time lives longer than a run: what has expired may be
//! cleaned up sooner by one store than by the other.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use stepgate::engine::ports::{
    AccountWrite, AddressKey, Attempt, Door, EndSessions, NewChange, RequestId, SendBudget, Spend, Store, Subject,
    Tries,
};
use stepgate::identity::{Account, Factor, Method, Session, SessionId};
use stepgate::workflow::{Wizard, WizardId};

use crate::fixtures::*;

#[derive(Debug, Clone)]
enum Call {
    Judge(Judged),
    /// Asks the call before once more, as after a dropped reply.
    Repeat,
    FailAddress(u8),
    Unlock(u8),
    Refund {
        subject: u8,
        sends_ago: usize,
    },
    CreateWizard(u8),
    CommitWizard {
        wizard: u8,
        revision: u64,
    },
    ReplaceSession {
        account: u8,
        session: u8,
        revision: u64,
    },
    EndSession {
        account: u8,
        session: u8,
    },
    EndOthers {
        account: u8,
        session: u8,
    },
    Look {
        account: u8,
        wizard: u8,
        address: u8,
    },
    Wait(u32),
}

#[derive(Debug, Clone)]
struct Judged {
    /// 0 and 1 are accounts, 2 and 3 names.
    subject: u8,
    door: Door,
    right: Option<bool>,
    behind: bool,
    spend: Option<Spend>,
    operation: u8,
    tries: Option<(u8, u32)>,
    write: Written,
}

#[derive(Debug, Clone)]
struct Written {
    account: bool,
    change: bool,
    open: Option<u8>,
    proved: Option<u8>,
    end_but: Option<u8>,
    send: Option<Vec<(u64, u32)>>,
}

fn written() -> impl Strategy<Value = Written> {
    let windows = (0..4_u32, 0..4_u32, 1..5_u32).prop_map(|(a, b, c)| vec![(60, a), (600, b), (3_600, c)]);
    let send = prop_oneof![3 => Just(None), 2 => windows.prop_map(Some)];
    let session = || option::weighted(0.3, 0..3_u8);
    (any::<bool>(), any::<bool>(), session(), session(), option::weighted(0.1, 0..3_u8), send).prop_map(
        |(account, change, open, proved, end_but, send)| Written { account, change, open, proved, end_but, send },
    )
}

fn judged() -> impl Strategy<Value = Judged> {
    let spend = prop_oneof![
        2 => Just(None),
        1 => (0..3_u8, 100..900_u64).prop_map(|(code, keep)| Some(Spend::Code { digest: format!("code{code}"), keep })),
        1 => (0..3_u8, 100..900_u64).prop_map(|(code, keep)| Some(Spend::Token { digest: format!("code{code}"), keep })),
        1 => (100..106_u64).prop_map(|step| Some(Spend::TotpStep(step))),
    ];
    let door = prop_oneof![Just(Door::First), Just(Door::Second)];
    let right = prop_oneof![3 => Just(Some(true)), 3 => Just(Some(false)), 1 => Just(None)];
    let tries = option::of((0..2_u8, 1..5_u32));
    (0..4_u8, door, right, prop::bool::weighted(0.1), spend, 0..3_u8, tries, written()).prop_map(
        |(subject, door, right, behind, spend, operation, tries, write)| Judged {
            subject,
            door,
            right,
            behind,
            spend,
            operation,
            tries,
            write,
        },
    )
}

fn call() -> impl Strategy<Value = Call> {
    let (account, session, wizard) = (0..2_u8, 0..3_u8, 0..2_u8);
    let revision = 0..4_u64;
    prop_oneof![
        10 => judged().prop_map(Call::Judge),
        2 => Just(Call::Repeat),
        2 => (0..2_u8).prop_map(Call::FailAddress),
        1 => account.clone().prop_map(Call::Unlock),
        1 => (0..4_u8, 0..4_usize).prop_map(|(subject, sends_ago)| Call::Refund { subject, sends_ago }),
        1 => wizard.clone().prop_map(Call::CreateWizard),
        2 => (wizard.clone(), revision.clone())
            .prop_map(|(wizard, revision)| Call::CommitWizard { wizard, revision }),
        2 => (account.clone(), session.clone(), revision)
            .prop_map(|(account, session, revision)| Call::ReplaceSession { account, session, revision }),
        1 => (account.clone(), session.clone()).prop_map(|(account, session)| Call::EndSession { account, session }),
        1 => (account.clone(), session).prop_map(|(account, session)| Call::EndOthers { account, session }),
        3 => (account, wizard, 0..2_u8)
            .prop_map(|(account, wizard, address)| Call::Look { account, wizard, address }),
        4 => prop_oneof![1..100_u32, 100..2_000_u32].prop_map(Call::Wait),
    ]
}

/// One store, and what the one who calls it knows.
struct Caller {
    store: Arc<dyn Store>,
    accounts: Vec<Account>,
    seconds: i64,
    requests: u64,
    sends: Vec<DateTime<Utc>>,
    last: Option<Call>,
}

impl Caller {
    async fn new(store: Arc<dyn Store>) -> Self {
        let accounts = vec![registered(&store, "anna").await, registered(&store, "ben").await];
        Caller { store, accounts, seconds: 0, requests: 0, sends: Vec::new(), last: None }
    }

    /// What the store answers, in words.
    async fn call(&mut self, call: &Call) -> String {
        let call = match call {
            Call::Repeat => self.last.clone(),
            call => {
                self.requests += 1;
                Some(call.clone())
            }
        };
        let Some(call) = call else { return String::new() };
        self.last = Some(call.clone());
        self.ask(&call).await
    }

    async fn ask(&mut self, call: &Call) -> String {
        let (request, now) = (RequestId(format!("r{}", self.requests)), at(self.seconds));
        match call {
            Call::Repeat => String::new(),
            Call::Wait(seconds) => {
                self.seconds += i64::from(*seconds);
                String::new()
            }
            Call::Judge(judged) => {
                let attempt = self.attempt(judged, request, now).await;
                let verdict = self.store.judge(&attempt).await.unwrap();
                if attempt.write.send.is_some() {
                    self.sends.push(now);
                }
                format!("{verdict:?}")
            }
            Call::FailAddress(address) => {
                format!("{:?}", self.store.fail_address(&request, &place(*address), &LADDER, now).await.unwrap())
            }
            Call::Unlock(account) => {
                format!("{:?}", self.store.unlock(self.accounts[usize::from(*account)].id).await.unwrap())
            }
            Call::Refund { subject, sends_ago } => {
                let Some(sent_at) = self.sends.iter().rev().nth(*sends_ago) else { return String::new() };
                let budget = SendBudget { channel: Factor::Sms, windows: vec![(60, 1), (600, 2), (3_600, 3)] };
                let refunded = self.store.refund_send(&request, &self.subject(*subject), &budget, *sent_at).await;
                format!("{:?}", refunded.unwrap())
            }
            Call::CreateWizard(number) => {
                // A wizard is created once; whoever names one that exists only looks at it.
                if let Some(wizard) = self.store.wizard(walker(*number)).await.unwrap() {
                    return format!("{wizard:?}");
                }
                let lasting = Wizard { id: walker(*number), expires_at: at(1_000_000), ..wizard_of(now) };
                format!("{:?}", self.store.create_wizard(&lasting).await.unwrap())
            }
            Call::CommitWizard { wizard, revision } => {
                let next = Wizard {
                    id: walker(*wizard),
                    revision: *revision,
                    step: format!("step {}", self.requests),
                    expires_at: at(1_000_000),
                    ..wizard_of(at(0))
                };
                format!("{:?}", self.store.commit_wizard(&request, &next).await.unwrap())
            }
            Call::ReplaceSession { account, session, revision } => {
                let live = vec![format!("digest {}", self.requests)];
                let next = Session { revision: *revision, live, ..self.device(*account, *session) };
                format!("{:?}", self.store.replace_session(&request, &next).await.unwrap())
            }
            Call::EndSession { account, session } => {
                let session = self.device(*account, *session);
                format!("{:?}", self.store.end_session(session.account, &session.id).await.unwrap())
            }
            Call::EndOthers { account, session } => {
                let session = self.device(*account, *session);
                format!("{:?}", self.store.end_other_sessions(session.account, &session.id).await.unwrap())
            }
            Call::Look { account, wizard, address } => self.look(*account, *wizard, *address).await,
        }
    }

    async fn look(&self, account: u8, wizard: u8, address: u8) -> String {
        let (store, now) = (&self.store, at(self.seconds));
        let own = &self.accounts[usize::from(account)];
        let current = store.account(own.id).await.unwrap().unwrap();
        store.refresh_names(&current, &names_of(own)).await.unwrap();
        let open = store.open_sign_in(walker(wizard), &names_of(own)[0], &place(address), now).await.unwrap();
        let sessions = store.sessions(own.id, now).await.unwrap();
        let one = store.session(own.id, &self.device(account, 0).id, now).await.unwrap();
        let changes = store.changes(own.id).await.unwrap();
        let locks = store.locks(own.id, now).await.unwrap();
        format!("{current:?} {open:?} {sessions:?} {one:?} {changes:?} {locks:?}")
    }

    async fn attempt(&self, judged: &Judged, request: RequestId, now: DateTime<Utc>) -> Attempt {
        let tries = judged.tries.map(|(wizard, limit)| Tries { wizard: walker(wizard), limit, keep: 1_500 });
        let attempt = Attempt {
            request,
            now,
            subject: self.subject(judged.subject),
            revision: None,
            door: judged.door,
            ladder: LADDER,
            right: judged.right,
            spend: judged.spend.clone(),
            operation: format!("operation {}", judged.operation),
            tries,
            write: AccountWrite::default(),
        };
        let Some(own) = self.accounts.get(usize::from(judged.subject)) else {
            // A name has neither an authenticator app nor a record.
            let spend = attempt.spend.clone().filter(|spend| matches!(spend, Spend::Code { .. } | Spend::Token { .. }));
            let write = AccountWrite { send: self.budget(judged), ..AccountWrite::default() };
            return Attempt { spend, write, ..attempt };
        };
        let account = self.store.account(own.id).await.unwrap().unwrap();
        let revision = Some(account.revision - u64::from(judged.behind));
        Attempt { revision, write: self.write(judged, &account, now), ..attempt }
    }

    fn subject(&self, number: u8) -> Subject {
        match self.accounts.get(usize::from(number)) {
            Some(account) => Subject::Account(account.id),
            None => Subject::Name(format!("digest {number}")),
        }
    }

    fn budget(&self, judged: &Judged) -> Option<SendBudget> {
        judged.write.send.clone().map(|windows| SendBudget { channel: Factor::Sms, windows })
    }

    fn write(&self, judged: &Judged, account: &Account, now: DateTime<Utc>) -> AccountWrite {
        let (write, own) = (&judged.write, judged.subject);
        AccountWrite {
            account: write.account.then(|| changed(account)),
            changes: write
                .change
                .then_some(NewChange { provider: Factor::Sms, is_enabled: judged.behind, time: now })
                .into_iter()
                .collect(),
            open_session: write.open.map(|number| Session { created_at: now, ..self.device(own, number) }),
            proved: write.proved.map(|number| (self.device(own, number).id, Method::Email)),
            end_sessions: write.end_but.map(|number| EndSessions::AllBut(self.device(own, number).id)),
            send: self.budget(judged),
        }
    }

    fn device(&self, account: u8, number: u8) -> Session {
        let account = &self.accounts[usize::from(account)];
        Session { id: SessionId::from_bytes([number; 16]), expires_at: at(1_000_000), ..session(account) }
    }
}

fn walker(number: u8) -> WizardId {
    WizardId::from_bytes([number; 16])
}

fn wizard_of(created_at: DateTime<Utc>) -> Wizard {
    Wizard { created_at, ..wizard() }
}

fn place(number: u8) -> AddressKey {
    AddressKey(format!("192.0.2.{number}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_file_and_redis_answer_alike(calls in vec(call(), 1..80)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let (file, redis) = (crate::stores::embedded().await, crate::stores::redis().await);
            let (mut one, mut other) = (Caller::new(file.store()).await, Caller::new(redis.store()).await);
            for (place, call) in calls.iter().enumerate() {
                let (answer, also) = (one.call(call).await, other.call(call).await);
                prop_assert_eq!(answer, also, "call {} was {:?}", place, call);
            }
            Ok(())
        })?;
    }
}
