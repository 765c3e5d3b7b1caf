use std::sync::Arc;

use stepgate::engine::ports::{AccountWrite, Store, Verdict};
use stepgate::identity::{Account, Session};
use tokio::task::JoinSet;

use crate::fixtures::*;

contract!(
    a_session_lives_until_its_time_whoever_has_cleaned_up,
    a_session_comes_with_the_account_as_it_is,
    a_session_belongs_to_its_account,
    living_sessions_are_listed_oldest_first,
    the_next_revision_of_a_session_replaces_it,
    any_other_revision_of_a_session_is_refused,
    of_fifty_parallel_rotations_one_is_in,
    a_repeated_replacement_is_in_and_has_no_second_effect,
    an_ended_session_stays_ended,
    other_sessions_are_ended,
);

async fn opened(store: &Arc<dyn Store>, account: &Account, session: Session) -> Session {
    let write = AccountWrite { open_session: Some(session.clone()), ..AccountWrite::default() };
    assert_eq!(judge(store, writing(write, unchecked(account))).await, Verdict::Accepted);
    session
}

fn rotated(session: &Session) -> Session {
    let live = vec![format!("digest {}", number())];
    Session { revision: session.revision + 1, refreshed_at: at(10), live, ..session.clone() }
}

async fn a_session_lives_until_its_time_whoever_has_cleaned_up(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let session = opened(&store, &account, session(&account)).await;
    let found = store.session(account.id, &session.id, at(3_599)).await.unwrap();
    assert_eq!(found, Some((account.clone(), session.clone())));
    assert_eq!(store.session(account.id, &session.id, at(3_600)).await.unwrap(), None);
    assert_eq!(store.sessions(account.id, at(3_600)).await.unwrap(), []);
    assert_eq!(store.sessions(account.id, at(3_599)).await.unwrap(), [session]);
}

async fn a_session_comes_with_the_account_as_it_is(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let session = opened(&store, &account, session(&account)).await;
    let next = change(&store, &account).await;
    let found = store.session(account.id, &session.id, at(0)).await.unwrap();
    assert_eq!(found, Some((next, session)));
}

async fn a_session_belongs_to_its_account(store: Arc<dyn Store>) {
    let (anna, ben) = (registered(&store, "anna").await, registered(&store, "ben").await);
    let session = opened(&store, &anna, session(&anna)).await;
    assert_eq!(store.session(ben.id, &session.id, at(0)).await.unwrap(), None);
    assert!(!store.end_session(ben.id, &session.id).await.unwrap());
    assert!(!store.replace_session(&request(), &Session { account: ben.id, ..rotated(&session) }).await.unwrap());
    assert_eq!(store.sessions(ben.id, at(0)).await.unwrap(), []);
    assert_eq!(store.sessions(anna.id, at(0)).await.unwrap(), [session]);
}

async fn living_sessions_are_listed_oldest_first(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let mut all = Vec::new();
    for (created, expires) in [(30, 4_000), (10, 5_000), (20, 100), (40, 3_000), (0, 6_000)] {
        let session = Session { created_at: at(created), expires_at: at(expires), ..session(&account) };
        all.push(opened(&store, &account, session).await);
    }
    all.sort_by_key(|session| session.created_at);
    assert_eq!(store.sessions(account.id, at(50)).await.unwrap(), all);
    all.retain(|session| session.is_live(at(3_000)));
    assert_eq!(all.len(), 3);
    assert_eq!(store.sessions(account.id, at(3_000)).await.unwrap(), all);
}

async fn the_next_revision_of_a_session_replaces_it(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let session = opened(&store, &account, session(&account)).await;
    let second = Session { id: session.id.clone(), revision: 2, ..session_in_full(&account) };
    assert!(store.replace_session(&request(), &second).await.unwrap());
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), std::slice::from_ref(&second));
    let third = Session { expires_at: at(9_000), ..rotated(&second) };
    assert!(store.replace_session(&request(), &third).await.unwrap());
    assert_eq!(store.session(account.id, &session.id, at(8_999)).await.unwrap(), Some((account, third)));
}

async fn any_other_revision_of_a_session_is_refused(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let session = opened(&store, &account, session(&account)).await;
    let second = rotated(&session);
    assert!(store.replace_session(&request(), &second).await.unwrap());
    for revision in [0, 1, 2, 4] {
        let other = Session { revision, ..rotated(&session) };
        assert!(!store.replace_session(&request(), &other).await.unwrap(), "{revision}");
    }
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), [second]);
}

async fn of_fifty_parallel_rotations_one_is_in(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let session = opened(&store, &account, session(&account)).await;
    let mut racing = JoinSet::new();
    for _ in 0..50 {
        let (store, next) = (Arc::clone(&store), rotated(&session));
        racing.spawn(async move { (store.replace_session(&request(), &next).await.unwrap(), next) });
    }
    let won: Vec<Session> =
        racing.join_all().await.into_iter().filter(|(is_in, _)| *is_in).map(|(_, next)| next).collect();
    assert_eq!(won.len(), 1);
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), won);
}

async fn a_repeated_replacement_is_in_and_has_no_second_effect(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let session = opened(&store, &account, session(&account)).await;
    let (second, asked) = (rotated(&session), request());
    for _ in 0..2 {
        assert!(store.replace_session(&asked, &second).await.unwrap());
    }
    let third = rotated(&second);
    assert!(store.replace_session(&request(), &third).await.unwrap());
    assert!(store.replace_session(&asked, &second).await.unwrap());
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), [third]);
}

async fn an_ended_session_stays_ended(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let session = opened(&store, &account, session(&account)).await;
    let other = opened(&store, &account, crate::fixtures::session(&account)).await;
    assert!(store.end_session(account.id, &session.id).await.unwrap());
    assert!(!store.end_session(account.id, &session.id).await.unwrap());
    assert_eq!(store.session(account.id, &session.id, at(0)).await.unwrap(), None);
    assert!(!store.replace_session(&request(), &rotated(&session)).await.unwrap());
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), [other]);
}

async fn other_sessions_are_ended(store: Arc<dyn Store>) {
    let (account, ben) = (registered(&store, "anna").await, registered(&store, "ben").await);
    let mut mine = Vec::new();
    for _ in 0..4 {
        mine.push(opened(&store, &account, session(&account)).await);
    }
    let theirs = opened(&store, &ben, session(&ben)).await;
    for _ in 0..2 {
        store.end_other_sessions(account.id, &mine[2].id).await.unwrap();
        assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), [mine[2].clone()]);
    }
    assert_eq!(store.sessions(ben.id, at(0)).await.unwrap(), [theirs]);
    // One that is not there keeps nothing.
    store.end_other_sessions(account.id, &mine[0].id).await.unwrap();
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), []);
}
