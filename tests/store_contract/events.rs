//! The one stream of what has happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use stepgate::engine::ports::{Actor, Event, EventKind, EventRange, Store, StoredEvent};
use stepgate::identity::{AccountId, Method, SessionId};
use tokio::task::JoinSet;

use crate::fixtures::*;
use crate::stores::EVENTS;

contract!(
    an_event_is_kept_in_full,
    events_are_read_either_way_a_page_at_a_time,
    a_batch_is_added_once_and_an_empty_one_not_at_all,
    of_parallel_batches_each_stays_together,
    nothing_lies_beyond_a_cursor_that_cannot_be_one,
    the_oldest_go_when_there_are_too_many,
    an_account_that_is_deleted_leaves_its_events,
    events_are_added_behind_the_answer,
);

fn event(id: &str) -> Event {
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

fn numbered(numbers: impl IntoIterator<Item = usize>) -> Vec<Event> {
    numbers.into_iter().map(|number| event(&number.to_string())).collect()
}

async fn add(store: &Arc<dyn Store>, events: &[Event]) {
    store.append_events(&request(), events).await.unwrap();
}

async fn read(store: &Arc<dyn Store>, beyond: Option<&str>, newest_first: bool, limit: usize) -> Vec<StoredEvent> {
    let range = EventRange { beyond: beyond.map(str::to_owned), newest_first, limit };
    store.events(&range).await.unwrap()
}

fn ids(stored: &[StoredEvent]) -> Vec<&str> {
    stored.iter().map(|stored| stored.event.id.as_str()).collect()
}

async fn an_event_is_kept_in_full(store: Arc<dyn Store>) {
    let full = Event {
        account: Some(AccountId(7)),
        actor: Actor::Operator,
        request_id: Some("request \"quoted\"".to_owned()),
        address: Some("2001:db8::1".to_owned()),
        client: Some("Mozilla/5.0 (\"odd\" \\ \u{fc}\n)".to_owned()),
        session: Some(SessionId::from_bytes([9; 16])),
        wizard: Some(wizard_id()),
        method: Some(Method::Recovery),
        details: BTreeMap::from([("left".to_owned(), "3".to_owned())]),
        kind: EventKind::RecoveryCodeUsed,
        ..event("full")
    };
    add(&store, &[full.clone(), event("bare")]).await;
    let stored: Vec<Event> = read(&store, None, false, 10).await.into_iter().map(|stored| stored.event).collect();
    assert_eq!(stored, [full, event("bare")]);
}

async fn events_are_read_either_way_a_page_at_a_time(store: Arc<dyn Store>) {
    assert_eq!(read(&store, None, false, 10).await, []);
    assert_eq!(read(&store, None, true, 10).await, []);
    add(&store, &numbered(1..=4)).await;
    add(&store, &numbered(5..=7)).await;
    for (newest_first, pages) in [
        (false, [vec!["1", "2", "3"], vec!["4", "5", "6"], vec!["7"], vec![]]),
        (true, [vec!["7", "6", "5"], vec!["4", "3", "2"], vec!["1"], vec![]]),
    ] {
        let mut beyond: Option<String> = None;
        for expected in pages {
            let page = read(&store, beyond.as_deref(), newest_first, 3).await;
            assert_eq!(ids(&page), expected);
            beyond = page.last().map(|last| last.cursor.clone()).or(beyond);
        }
    }
    assert_eq!(read(&store, None, false, 0).await, []);
    // The end of the stream is a place to wait at.
    let end = read(&store, None, true, 1).await.remove(0).cursor;
    add(&store, &numbered(8..=8)).await;
    assert_eq!(ids(&read(&store, Some(&end), false, 10).await), ["8"]);
}

async fn a_batch_is_added_once_and_an_empty_one_not_at_all(store: Arc<dyn Store>) {
    let asked = request();
    for _ in 0..3 {
        store.append_events(&asked, &numbered(1..=2)).await.unwrap();
    }
    store.append_events(&request(), &[]).await.unwrap();
    assert_eq!(ids(&read(&store, None, false, 10).await), ["1", "2"]);
}

async fn of_parallel_batches_each_stays_together(store: Arc<dyn Store>) {
    let mut racing = JoinSet::new();
    for racer in 0..20 {
        let store = Arc::clone(&store);
        racing.spawn(async move { add(&store, &numbered(racer * 10..racer * 10 + 5)).await });
    }
    racing.join_all().await;
    let stored = read(&store, None, false, 1_000).await;
    assert_eq!(stored.len(), 100);
    assert!(stored.is_sorted_by(|one, other| one.cursor != other.cursor));
    for batch in ids(&stored).chunks(5) {
        let first: usize = batch[0].parse().unwrap();
        let expected: Vec<String> = (first..first + 5).map(|number| number.to_string()).collect();
        assert_eq!(batch, expected);
    }
}

async fn nothing_lies_beyond_a_cursor_that_cannot_be_one(store: Arc<dyn Store>) {
    add(&store, &numbered(1..=2)).await;
    let long = "9".repeat(1_000);
    for cursor in ["", "-", "+", "$", "(", "x", "1-x", "-1", "1 2", "\u{661}", "\0", "*", long.as_str()] {
        for newest_first in [false, true] {
            assert_eq!(read(&store, Some(cursor), newest_first, 10).await, [], "{cursor:?}");
        }
    }
    // The ends of either kind of cursor.
    for (cursor, newest_first) in [
        ("0-0", true),
        ("18446744073709551615-18446744073709551615", false),
        ("00000000000000000000", true),
        ("99999999999999999999", false),
    ] {
        assert_eq!(read(&store, Some(cursor), newest_first, 10).await, [], "{cursor}");
    }
}

async fn the_oldest_go_when_there_are_too_many(store: Arc<dyn Store>) {
    let kept = usize::try_from(EVENTS).unwrap();
    for batch in 0..20 {
        add(&store, &numbered(batch * 50..batch * 50 + 50)).await;
    }
    let stored = read(&store, None, false, 10_000).await;
    // Redis lets go of a hundred at a time.
    assert!((kept..=kept + 100).contains(&stored.len()), "{} are kept", stored.len());
    let expected: Vec<String> = (1_000 - stored.len()..1_000).map(|number| number.to_string()).collect();
    assert_eq!(ids(&stored), expected);
}

async fn an_account_that_is_deleted_leaves_its_events(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let event = Event { account: Some(account.id), ..event("one") };
    add(&store, std::slice::from_ref(&event)).await;
    assert!(store.delete_account(account.id, &names_of(&account)).await.unwrap());
    assert_eq!(read(&store, None, false, 10).await[0].event, event);
}

async fn events_are_added_behind_the_answer(store: Arc<dyn Store>) {
    add(&store, &numbered(0..1)).await;
    let before = store.round_trips();
    add(&store, &numbered(1..5)).await;
    assert_eq!(store.round_trips(), before);
    read(&store, None, true, 10).await;
    assert_eq!(store.round_trips(), before + 1);
}
