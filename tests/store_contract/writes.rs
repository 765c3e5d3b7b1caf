//! What an accepted attempt changes.

use std::sync::Arc;

use stepgate::engine::ports::{AccountWrite, Change, EndSessions, NewChange, Store, Verdict};
use stepgate::identity::{Account, AccountId, Factor, Method, Session};
use tokio::task::JoinSet;

use crate::fixtures::*;

contract!(
    the_account_is_replaced_in_full,
    a_stale_attempt_is_shown_the_account_and_writes_nothing,
    of_fifty_parallel_changes_on_one_revision_one_is_accepted,
    changes_are_numbered_from_one_in_their_order,
    a_session_is_opened_in_full,
    a_session_that_exists_is_not_opened_again,
    a_proof_is_noted_in_the_session_with_the_time,
    a_proof_in_a_session_that_has_ended_opens_none,
    other_sessions_end_and_the_kept_one_lives,
    all_sessions_end_at_once,
    all_parts_are_written_together,
    what_is_decided_without_an_attempt_is_written_behind_a_block,
    what_is_decided_without_an_attempt_is_decided_on_the_account_as_it_is,
    a_right_password_may_write_nothing,
);

async fn accept(store: &Arc<dyn Store>, account: &Account, write: AccountWrite) {
    assert_eq!(judge(store, writing(write, right(account))).await, Verdict::Accepted);
}

async fn open(store: &Arc<dyn Store>, account: &Account, session: &Session) {
    accept(store, account, AccountWrite { open_session: Some(session.clone()), ..AccountWrite::default() }).await;
}

async fn the_account_is_replaced_in_full(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let next = Account { id: account.id, revision: account.revision + 1, ..person_in_full("anna") };
    accept(&store, &account, AccountWrite { account: Some(next.clone()), ..AccountWrite::default() }).await;
    assert_eq!(store.account(account.id).await.unwrap(), Some(next.clone()));
    // The next decision is made on the new revision.
    assert_eq!(judge(&store, right(&next)).await, Verdict::Accepted);
}

async fn a_stale_attempt_is_shown_the_account_and_writes_nothing(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let next = change(&store, &account).await;
    let session = session(&account);
    let write = AccountWrite {
        account: Some(Account { groups: ["lost".to_owned()].into(), ..changed(&account) }),
        changes: vec![turned_on(Factor::Sms)],
        open_session: Some(session),
        ..AccountWrite::default()
    };
    judge(&store, wrong(&next)).await;
    for attempt in [writing(write.clone(), right(&account)), writing(write, unchecked(&account))] {
        assert_eq!(judge(&store, attempt).await, Verdict::Stale(Box::new(next.clone())));
    }
    assert_eq!(store.account(account.id).await.unwrap(), Some(next.clone()));
    assert_eq!(store.changes(account.id).await.unwrap(), []);
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), []);
    // Neither counted nor cleared.
    assert_eq!(failures(&store, &next, 0).await, 1);
}

async fn of_fifty_parallel_changes_on_one_revision_one_is_accepted(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let mut racing = JoinSet::new();
    for racer in 0..50 {
        let next = Account { groups: [format!("group {racer}")].into(), ..changed(&account) };
        let write = AccountWrite {
            account: Some(next.clone()),
            changes: vec![turned_on(Factor::Email)],
            ..AccountWrite::default()
        };
        let (store, attempt) = (Arc::clone(&store), writing(write, unchecked(&account)));
        racing.spawn(async move { (judge(&store, attempt).await, next) });
    }
    let (won, lost): (Vec<_>, Vec<_>) =
        racing.join_all().await.into_iter().partition(|(verdict, _)| *verdict == Verdict::Accepted);
    assert_eq!((won.len(), lost.len()), (1, 49));
    let winner = &won[0].1;
    assert!(lost.iter().all(|(verdict, _)| *verdict == Verdict::Stale(Box::new(winner.clone()))));
    assert_eq!(store.account(account.id).await.unwrap().as_ref(), Some(winner));
    assert_eq!(store.changes(account.id).await.unwrap().len(), 1);
}

async fn changes_are_numbered_from_one_in_their_order(store: Arc<dyn Store>) {
    let (account, other) = (registered(&store, "anna").await, registered(&store, "ben").await);
    assert_eq!(store.changes(account.id).await.unwrap(), []);
    let mut expected = Vec::new();
    for id in 1..=12_u64 {
        let provider = Factor::ALL[usize::try_from(id % 3).unwrap()];
        // The order is that of writing, whatever the times say.
        let time = at(100 - i64::try_from(id).unwrap());
        let line = NewChange { provider, is_enabled: id % 2 == 0, time };
        accept(&store, &account, AccountWrite { changes: vec![line.clone()], ..AccountWrite::default() }).await;
        expected.push(Change { id, provider, is_enabled: line.is_enabled, time });
    }
    assert_eq!(store.changes(account.id).await.unwrap(), expected);
    assert_eq!(store.changes(other.id).await.unwrap(), []);
}

async fn a_session_is_opened_in_full(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let session = session_in_full(&account);
    open(&store, &account, &session).await;
    let found = store.session(account.id, &session.id, at(0)).await.unwrap();
    assert_eq!(found, Some((account, session)));
}

async fn a_session_that_exists_is_not_opened_again(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let session = session(&account);
    open(&store, &account, &session).await;
    let next = Session { revision: 2, live: vec!["rotated".to_owned()], ..session.clone() };
    assert!(store.replace_session(&request(), &next).await.unwrap());
    open(&store, &account, &session).await;
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), [next]);
}

async fn a_proof_is_noted_in_the_session_with_the_time(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let session = session(&account);
    open(&store, &account, &session).await;
    let write = AccountWrite { proved: Some((session.id.clone(), Factor::Google.into())), ..AccountWrite::default() };
    assert_eq!(judge(&store, later(30, writing(write, right(&account)))).await, Verdict::Accepted);
    let (_, found) = store.session(account.id, &session.id, at(30)).await.unwrap().unwrap();
    assert_eq!(found, Session { factor: Some((Method::Google, at(30))), revision: 2, ..session.clone() });
    // A change that was decided on the session as it was before is refused, so the proof is not lost.
    let late = Session { revision: 2, ..session };
    assert!(!store.replace_session(&request(), &late).await.unwrap());
    // The session goes on with the proof in it.
    let next = Session { revision: 3, live: vec!["rotated".to_owned()], ..found };
    assert!(store.replace_session(&request(), &next).await.unwrap());
    assert_eq!(store.sessions(account.id, at(30)).await.unwrap(), [next]);
}

async fn a_proof_in_a_session_that_has_ended_opens_none(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let session = session(&account);
    let write = AccountWrite { proved: Some((session.id, Factor::Google.into())), ..AccountWrite::default() };
    accept(&store, &account, write).await;
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), []);
}

async fn other_sessions_end_and_the_kept_one_lives(store: Arc<dyn Store>) {
    let (account, other) = (registered(&store, "anna").await, registered(&store, "ben").await);
    let mine = [session(&account), session(&account), session(&account)];
    let theirs = session(&other);
    for session in &mine {
        open(&store, &account, session).await;
    }
    open(&store, &other, &theirs).await;
    let write = AccountWrite { end_sessions: Some(EndSessions::AllBut(mine[1].id.clone())), ..AccountWrite::default() };
    accept(&store, &account, write).await;
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), [mine[1].clone()]);
    assert_eq!(store.sessions(other.id, at(0)).await.unwrap(), [theirs]);
    assert_eq!(store.session(account.id, &mine[0].id, at(0)).await.unwrap(), None);
}

async fn all_sessions_end_at_once(store: Arc<dyn Store>) {
    let (account, other) = (registered(&store, "anna").await, registered(&store, "ben").await);
    let theirs = session(&other);
    for session in [session(&account), session(&account)] {
        open(&store, &account, &session).await;
    }
    open(&store, &other, &theirs).await;
    let write = AccountWrite { end_sessions: Some(EndSessions::All), ..AccountWrite::default() };
    accept(&store, &account, write.clone()).await;
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), []);
    assert_eq!(store.sessions(other.id, at(0)).await.unwrap(), [theirs]);
    // One that is opened by the same attempt is over as well; without any there is nothing to end.
    accept(&store, &account, AccountWrite { open_session: Some(session(&account)), ..write.clone() }).await;
    accept(&store, &account, write).await;
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), []);
}

async fn what_is_decided_without_an_attempt_is_written_behind_a_block(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    open(&store, &account, &session(&account)).await;
    let until = block(&store, &account).await;
    let next = changed(&account);
    let write = AccountWrite {
        account: Some(next.clone()),
        changes: vec![turned_on(Factor::Sms)],
        end_sessions: Some(EndSessions::All),
        ..AccountWrite::default()
    };
    let asked = request();
    for _ in 0..3 {
        let written = store.write_account(&asked, account.id, account.revision, &write, at(1)).await;
        assert_eq!(written.unwrap(), Verdict::Accepted);
    }
    assert_eq!(store.account(account.id).await.unwrap(), Some(next.clone()));
    assert_eq!(store.account_by_name(&names_of(&account)[0]).await.unwrap(), Some(next.clone()));
    assert_eq!(store.sessions(account.id, at(1)).await.unwrap(), []);
    assert_eq!(store.changes(account.id).await.unwrap().len(), 1);
    // The block is as it was.
    assert_eq!(judge(&store, later(599, right(&next))).await, Verdict::Blocked { until });
}

async fn what_is_decided_without_an_attempt_is_decided_on_the_account_as_it_is(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let now = change(&store, &account).await;
    let write = AccountWrite {
        account: Some(Account { groups: ["lost".to_owned()].into(), ..changed(&account) }),
        changes: vec![turned_on(Factor::Sms)],
        ..AccountWrite::default()
    };
    let written = async |id, revision| store.write_account(&request(), id, revision, &write, at(1)).await.unwrap();
    assert_eq!(written(account.id, account.revision).await, Verdict::Stale(Box::new(now.clone())));
    assert_eq!(written(AccountId(account.id.0 + 1_000), 1).await, Verdict::Gone);
    assert_eq!(store.account(account.id).await.unwrap(), Some(now));
    assert_eq!(store.changes(account.id).await.unwrap(), []);
}

async fn all_parts_are_written_together(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let (old, new) = (session(&account), session(&account));
    open(&store, &account, &old).await;
    let next = changed(&account);
    let write = AccountWrite {
        account: Some(next.clone()),
        changes: vec![turned_on(Factor::Sms)],
        open_session: Some(new.clone()),
        proved: Some((new.id.clone(), Factor::Sms.into())),
        end_sessions: Some(EndSessions::AllBut(new.id.clone())),
        send: None,
    };
    accept(&store, &account, write).await;
    let proved = Session { factor: Some((Method::Sms, at(0))), revision: 2, ..new };
    assert_eq!(store.account(account.id).await.unwrap(), Some(next));
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), [proved]);
    let line = Change { id: 1, provider: Factor::Sms, is_enabled: true, time: at(5) };
    assert_eq!(store.changes(account.id).await.unwrap(), [line]);
}

async fn a_right_password_may_write_nothing(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    accept(&store, &account, AccountWrite::default()).await;
    assert_eq!(store.account(account.id).await.unwrap(), Some(account.clone()));
    assert_eq!(store.changes(account.id).await.unwrap(), []);
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), []);
}
