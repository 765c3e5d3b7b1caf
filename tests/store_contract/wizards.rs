use std::sync::Arc;

use stepgate::engine::ports::{AddressKey, Commit, Store};
use stepgate::workflow::Wizard;
use tokio::task::JoinSet;

use crate::fixtures::*;

contract!(
    a_new_wizard_is_read_back_with_every_field,
    a_wizard_that_never_was_is_not_found,
    the_next_revision_replaces_the_one_before,
    any_other_revision_loses_and_is_shown_the_wizard,
    a_wizard_that_is_gone_cannot_be_committed,
    of_fifty_concurrent_commits_one_is_done,
    a_repeated_commit_is_done_and_has_no_second_effect,
    a_sign_in_is_opened_with_all_three_parts,
    each_part_of_a_sign_in_may_be_missing,
    an_account_is_found_by_its_refreshed_copy,
);

async fn a_new_wizard_is_read_back_with_every_field(store: Arc<dyn Store>) {
    for wizard in [wizard(), wizard_in_full()] {
        store.create_wizard(&wizard).await.unwrap();
        assert_eq!(store.wizard(wizard.id).await.unwrap(), Some(wizard));
    }
}

async fn a_wizard_that_never_was_is_not_found(store: Arc<dyn Store>) {
    assert_eq!(store.wizard(wizard_id()).await.unwrap(), None);
}

async fn the_next_revision_replaces_the_one_before(store: Arc<dyn Store>) {
    let first = wizard();
    store.create_wizard(&first).await.unwrap();
    let second = Wizard { revision: 2, id: first.id, ..wizard_in_full() };
    assert_eq!(store.commit_wizard(&request(), &second).await.unwrap(), Commit::Done);
    assert_eq!(store.wizard(first.id).await.unwrap(), Some(second.clone()));
    let third = stepped(&second, "end");
    assert_eq!(store.commit_wizard(&request(), &third).await.unwrap(), Commit::Done);
    assert_eq!(store.wizard(first.id).await.unwrap(), Some(third));
}

async fn any_other_revision_loses_and_is_shown_the_wizard(store: Arc<dyn Store>) {
    let first = wizard();
    store.create_wizard(&first).await.unwrap();
    let second = stepped(&first, "2fa");
    assert_eq!(store.commit_wizard(&request(), &second).await.unwrap(), Commit::Done);
    for revision in [0, 1, 2, 4, 100] {
        let other = Wizard { revision, step: "elsewhere".to_owned(), ..second.clone() };
        let lost = Commit::Lost(Some(Box::new(second.clone())));
        assert_eq!(store.commit_wizard(&request(), &other).await.unwrap(), lost, "{revision}");
    }
    assert_eq!(store.wizard(first.id).await.unwrap(), Some(second));
}

async fn a_wizard_that_is_gone_cannot_be_committed(store: Arc<dyn Store>) {
    let next = stepped(&wizard(), "2fa");
    assert_eq!(store.commit_wizard(&request(), &next).await.unwrap(), Commit::Lost(None));
    assert_eq!(store.wizard(next.id).await.unwrap(), None);
}

async fn of_fifty_concurrent_commits_one_is_done(store: Arc<dyn Store>) {
    let first = wizard();
    store.create_wizard(&first).await.unwrap();
    let mut racing = JoinSet::new();
    for racer in 0..50 {
        let (store, next) = (Arc::clone(&store), stepped(&first, &format!("step {racer}")));
        racing.spawn(async move { (store.commit_wizard(&request(), &next).await.unwrap(), next) });
    }
    let ends = racing.join_all().await;
    let winners: Vec<&Wizard> =
        ends.iter().filter(|(commit, _)| *commit == Commit::Done).map(|(_, wizard)| wizard).collect();
    assert_eq!(winners.len(), 1);
    for (commit, _) in ends.iter().filter(|(commit, _)| *commit != Commit::Done) {
        assert_eq!(*commit, Commit::Lost(Some(Box::new(winners[0].clone()))));
    }
    assert_eq!(store.wizard(first.id).await.unwrap().as_ref(), Some(winners[0]));
}

async fn a_repeated_commit_is_done_and_has_no_second_effect(store: Arc<dyn Store>) {
    let first = wizard();
    store.create_wizard(&first).await.unwrap();
    let (second, asked) = (stepped(&first, "2fa"), request());
    for _ in 0..2 {
        assert_eq!(store.commit_wizard(&asked, &second).await.unwrap(), Commit::Done);
    }
    let third = stepped(&second, "end");
    assert_eq!(store.commit_wizard(&request(), &third).await.unwrap(), Commit::Done);
    // The repeat comes late, when the next step is already in.
    assert_eq!(store.commit_wizard(&asked, &second).await.unwrap(), Commit::Done);
    assert_eq!(store.wizard(first.id).await.unwrap(), Some(third));
}

async fn a_sign_in_is_opened_with_all_three_parts(store: Arc<dyn Store>) {
    let (wizard, account) = (wizard(), registered(&store, "anna").await);
    store.create_wizard(&wizard).await.unwrap();
    let address = AddressKey("192.0.2.1".to_owned());
    for _ in 0..3 {
        store.fail_address(&request(), &address, &LADDER, at(0)).await.unwrap();
    }
    let name = names_of(&account).remove(0);
    let found = store.open_sign_in(wizard.id, &name, &address, at(599)).await.unwrap();
    assert_eq!(found, (Some(wizard.clone()), Some(account.clone()), Some(at(600))));
    let found = store.open_sign_in(wizard.id, &name, &address, at(600)).await.unwrap();
    assert_eq!(found, (Some(wizard.clone()), Some(account.clone()), None));
}

async fn each_part_of_a_sign_in_may_be_missing(store: Arc<dyn Store>) {
    let (wizard, account) = (wizard(), registered(&store, "anna").await);
    store.create_wizard(&wizard).await.unwrap();
    let (known, nobody) = (names_of(&account)[0].clone(), name("nobody@example.com"));
    let address = AddressKey("192.0.2.1".to_owned());
    let found = store.open_sign_in(wizard_id(), &known, &address, at(0)).await.unwrap();
    assert_eq!(found, (None, Some(account), None));
    let found = store.open_sign_in(wizard.id, &nobody, &address, at(0)).await.unwrap();
    assert_eq!(found, (Some(wizard), None, None));
    let found = store.open_sign_in(wizard_id(), &nobody, &address, at(0)).await.unwrap();
    assert_eq!(found, (None, None, None));
}

async fn an_account_is_found_by_its_refreshed_copy(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let next = change(&store, &account).await;
    let names = names_of(&account);
    store.refresh_names(&next, &names).await.unwrap();
    let address = AddressKey("192.0.2.1".to_owned());
    let (_, found, _) = store.open_sign_in(wizard_id(), &names[0], &address, at(0)).await.unwrap();
    assert_eq!(found, Some(next));
}
