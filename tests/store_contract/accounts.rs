use std::collections::BTreeSet;
use std::sync::Arc;

use stepgate::engine::ports::{AccountWrite, NameTaken, SendBudget, Store, Verdict};
use stepgate::identity::{Account, AccountId, Email, Factor, Username};
use tokio::task::JoinSet;

use crate::fixtures::*;

contract!(
    an_account_is_read_back_with_every_field,
    an_account_that_never_was_is_not_found,
    numbers_grow_and_are_never_used_twice,
    a_name_has_one_account,
    of_twenty_parallel_creations_of_one_name_one_wins,
    a_refused_creation_claims_none_of_its_names,
    a_name_without_an_account_is_taken_over,
    a_replaced_account_moves_to_its_new_names,
    a_replacement_by_the_same_names_keeps_them,
    a_replacement_of_another_revision_writes_nothing,
    a_replacement_by_a_taken_name_writes_nothing,
    of_twenty_parallel_replacements_one_wins,
    of_twenty_parallel_renamings_to_one_name_one_wins,
    a_deleted_account_leaves_nothing,
    deleting_nothing_says_so,
    a_freed_name_may_be_used_again,
    accounts_are_listed_in_order_by_cursor,
);

async fn an_account_is_read_back_with_every_field(store: Arc<dyn Store>) {
    for account in [person("plain"), person_in_full("full")] {
        let names = names_of(&account);
        let created = store.create_account(account.clone(), &names).await.unwrap().unwrap();
        assert_eq!(created, Account { id: created.id, revision: 1, ..account });
        assert_eq!(store.account(created.id).await.unwrap(), Some(created.clone()));
        for name in names {
            assert_eq!(store.account_by_name(&name).await.unwrap(), Some(created.clone()));
        }
    }
}

async fn an_account_that_never_was_is_not_found(store: Arc<dyn Store>) {
    assert_eq!(store.account(AccountId(404)).await.unwrap(), None);
    assert_eq!(store.account_by_name(&name("nobody@example.com")).await.unwrap(), None);
    assert_eq!(store.changes(AccountId(404)).await.unwrap(), []);
    assert_eq!(store.sessions(AccountId(404), at(0)).await.unwrap(), []);
}

async fn numbers_grow_and_are_never_used_twice(store: Arc<dyn Store>) {
    let (first, second) = (registered(&store, "anna").await, registered(&store, "ben").await);
    assert!(AccountId(0) < first.id && first.id < second.id);
    assert!(store.delete_account(second.id, &names_of(&second)).await.unwrap());
    assert!(registered(&store, "ben").await.id > second.id);
}

async fn a_name_has_one_account(store: Arc<dyn Store>) {
    let full = person_in_full("anna");
    let names = names_of(&full);
    store.create_account(full.clone(), &names).await.unwrap().unwrap();
    let same_email = person("anna");
    let refused = store.create_account(same_email.clone(), &names_of(&same_email)).await.unwrap();
    assert_eq!(refused, Err(NameTaken(name("anna@example.com"))));
    let same_username = Account { username: full.username.clone(), ..person("another") };
    let refused = store.create_account(same_username.clone(), &names_of(&same_username)).await.unwrap();
    assert_eq!(refused, Err(NameTaken(name("anna"))));
    assert_eq!(store.accounts(None, 10).await.unwrap().len(), 1);
}

async fn of_twenty_parallel_creations_of_one_name_one_wins(store: Arc<dyn Store>) {
    let mut racing = JoinSet::new();
    for racer in 0..20 {
        // Each has another username, and all have one address.
        let username = Username::parse(&format!("racer{racer}")).unwrap();
        let account = Account { username: Some(username), ..person("anna") };
        let store = Arc::clone(&store);
        racing.spawn(async move { store.create_account(account.clone(), &names_of(&account)).await.unwrap() });
    }
    let (won, lost): (Vec<_>, Vec<_>) = racing.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 19));
    assert!(lost.iter().all(|lost| *lost == Err(NameTaken(name("anna@example.com")))));
    let winner = won.into_iter().next().unwrap().unwrap();
    assert_eq!(store.account_by_name(&name("anna@example.com")).await.unwrap(), Some(winner.clone()));
    assert_eq!(store.accounts(None, 100).await.unwrap(), [winner]);
}

async fn a_refused_creation_claims_none_of_its_names(store: Arc<dyn Store>) {
    let anna = registered(&store, "anna").await;
    let fresh = Username::parse("fresh").unwrap();
    let refused = Account { username: Some(fresh.clone()), ..person("anna") };
    for names in [names_of(&refused), names_of(&refused).into_iter().rev().collect()] {
        let answer = store.create_account(refused.clone(), &names).await.unwrap();
        assert_eq!(answer, Err(NameTaken(name("anna@example.com"))));
    }
    assert_eq!(store.account_by_name(&name("fresh")).await.unwrap(), None);
    let other = Account { username: Some(fresh), ..person("other") };
    let created = store.create_account(other.clone(), &names_of(&other)).await.unwrap().unwrap();
    assert_eq!(store.account_by_name(&name("fresh")).await.unwrap(), Some(created));
    assert_eq!(store.account_by_name(&name("anna@example.com")).await.unwrap(), Some(anna));
}

async fn a_name_without_an_account_is_taken_over(store: Arc<dyn Store>) {
    let first = registered(&store, "anna").await;
    // As if the server had stopped before it came to the names.
    assert!(store.delete_account(first.id, &[]).await.unwrap());
    assert_eq!(store.account_by_name(&names_of(&first)[0]).await.unwrap(), None);
    let second = registered(&store, "anna").await;
    assert_ne!(first.id, second.id);
    assert_eq!(store.account_by_name(&names_of(&first)[0]).await.unwrap(), Some(second));
    let ben = registered(&store, "ben").await;
    let carl = registered(&store, "carl").await;
    assert!(store.delete_account(carl.id, &[]).await.unwrap());
    let next = Account { email: carl.email.clone(), ..changed(&ben) };
    let moved = store.replace_account(&next, &names_of(&ben), &names_of(&next)).await.unwrap();
    assert_eq!(moved, Ok(true));
    assert_eq!(store.account_by_name(&names_of(&carl)[0]).await.unwrap(), Some(next));
}

async fn a_replaced_account_moves_to_its_new_names(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let next = Account { id: account.id, revision: 2, ..person_in_full("anita") };
    let replaced = store.replace_account(&next, &names_of(&account), &names_of(&next)).await.unwrap();
    assert_eq!(replaced, Ok(true));
    assert_eq!(store.account(account.id).await.unwrap(), Some(next.clone()));
    assert_eq!(store.account_by_name(&name("anna@example.com")).await.unwrap(), None);
    for text in ["anita@example.com", "anita"] {
        assert_eq!(store.account_by_name(&name(text)).await.unwrap(), Some(next.clone()), "{text}");
    }
}

async fn a_replacement_by_the_same_names_keeps_them(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let next = changed(&account);
    let names = names_of(&account);
    assert_eq!(store.replace_account(&next, &names, &names).await.unwrap(), Ok(true));
    assert_eq!(store.account_by_name(&names[0]).await.unwrap(), Some(next));
}

async fn a_replacement_of_another_revision_writes_nothing(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let current = change(&store, &account).await;
    for revision in [1, 2, 4] {
        let late = Account { revision, email: Email::parse("late@example.com").unwrap(), ..account.clone() };
        let answer = store.replace_account(&late, &names_of(&account), &names_of(&late)).await.unwrap();
        assert_eq!(answer, Ok(false), "{revision}");
    }
    assert_eq!(store.account(account.id).await.unwrap(), Some(current));
    assert_eq!(store.account_by_name(&name("late@example.com")).await.unwrap(), None);
    // The name that was not moved to is free.
    registered(&store, "late").await;
    assert!(store.account_by_name(&name("anna@example.com")).await.unwrap().is_some());
    let gone = Account { id: AccountId(account.id.0 + 1_000), ..changed(&account) };
    assert_eq!(store.replace_account(&gone, &[], &[name("gone@example.com")]).await.unwrap(), Ok(false));
    assert_eq!(store.account(gone.id).await.unwrap(), None);
}

async fn a_replacement_by_a_taken_name_writes_nothing(store: Arc<dyn Store>) {
    let (anna, ben) = (registered(&store, "anna").await, registered(&store, "ben").await);
    let next =
        Account { email: ben.email.clone(), username: Some(Username::parse("anna2").unwrap()), ..changed(&anna) };
    let answer = store.replace_account(&next, &names_of(&anna), &names_of(&next)).await.unwrap();
    assert_eq!(answer, Err(NameTaken(name("ben@example.com"))));
    assert_eq!(store.account_by_name(&name("anna@example.com")).await.unwrap(), Some(anna));
    assert_eq!(store.account_by_name(&name("ben@example.com")).await.unwrap(), Some(ben));
    assert_eq!(store.account_by_name(&name("anna2")).await.unwrap(), None);
}

async fn of_twenty_parallel_replacements_one_wins(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let mut racing = JoinSet::new();
    for racer in 0..20 {
        let next = Account { groups: [format!("group {racer}")].into(), ..changed(&account) };
        let (store, names) = (Arc::clone(&store), names_of(&account));
        racing.spawn(async move { (store.replace_account(&next, &names, &names).await.unwrap(), next) });
    }
    let won: Vec<_> = racing.join_all().await.into_iter().filter(|(answer, _)| *answer == Ok(true)).collect();
    assert_eq!(won.len(), 1);
    assert_eq!(store.account(account.id).await.unwrap(), Some(won[0].1.clone()));
    // A name is found with the account as it is, or a step behind until it is refreshed.
    assert!(store.account_by_name(&names_of(&account)[0]).await.unwrap().is_some());
}

async fn of_twenty_parallel_renamings_to_one_name_one_wins(store: Arc<dyn Store>) {
    let mut racing = JoinSet::new();
    for racer in 0..20 {
        let account = registered(&store, &format!("racer{racer}")).await;
        let next = Account { username: Some(Username::parse("prize").unwrap()), ..changed(&account) };
        let store = Arc::clone(&store);
        racing.spawn(async move {
            (store.replace_account(&next, &names_of(&account), &names_of(&next)).await.unwrap(), next)
        });
    }
    let (won, lost): (Vec<_>, Vec<_>) =
        racing.join_all().await.into_iter().partition(|(answer, _)| *answer == Ok(true));
    assert_eq!((won.len(), lost.len()), (1, 19));
    assert!(lost.iter().all(|(answer, _)| *answer == Err(NameTaken(name("prize")))));
    assert_eq!(store.account_by_name(&name("prize")).await.unwrap(), Some(won[0].1.clone()));
}

async fn a_deleted_account_leaves_nothing(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let session = session(&account);
    let write = AccountWrite {
        changes: vec![turned_on(Factor::Sms)],
        open_session: Some(session.clone()),
        send: Some(SendBudget { channel: Factor::Sms, windows: vec![(60, 1)] }),
        ..AccountWrite::default()
    };
    assert_eq!(judge(&store, spending(code("a"), writing(write, right(&account)))).await, Verdict::Accepted);
    judge(&store, guessing_in(wizard_id(), 5, wrong(&account))).await;
    assert!(store.delete_account(account.id, &names_of(&account)).await.unwrap());

    assert_eq!(store.account(account.id).await.unwrap(), None);
    assert_eq!(store.account_by_name(&names_of(&account)[0]).await.unwrap(), None);
    assert_eq!(store.accounts(None, 10).await.unwrap(), []);
    assert_eq!(store.changes(account.id).await.unwrap(), []);
    assert_eq!(store.sessions(account.id, at(0)).await.unwrap(), []);
    assert_eq!(store.session(account.id, &session.id, at(0)).await.unwrap(), None);
    assert!(!store.end_session(account.id, &session.id).await.unwrap());
    assert!(!store.replace_session(&request(), &stepgate::identity::Session { revision: 2, ..session }).await.unwrap());
    let address = stepgate::engine::ports::AddressKey("192.0.2.1".to_owned());
    let open = store.open_sign_in(wizard_id(), &names_of(&account)[0], &address, at(0)).await.unwrap();
    assert_eq!(open, (None, None, None));
    assert_eq!(judge(&store, right(&account)).await, Verdict::Gone);
}

async fn deleting_nothing_says_so(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    assert!(!store.delete_account(AccountId(account.id.0 + 1_000), &names_of(&account)).await.unwrap());
    // Another account's name is not taken from it.
    assert_eq!(store.account_by_name(&names_of(&account)[0]).await.unwrap(), Some(account.clone()));
    assert!(store.delete_account(account.id, &names_of(&account)).await.unwrap());
    assert!(!store.delete_account(account.id, &names_of(&account)).await.unwrap());
}

async fn a_freed_name_may_be_used_again(store: Arc<dyn Store>) {
    let account = registered(&store, "anna").await;
    let next = Account { email: Email::parse("anita@example.com").unwrap(), ..changed(&account) };
    assert_eq!(store.replace_account(&next, &names_of(&account), &names_of(&next)).await.unwrap(), Ok(true));
    let heir = registered(&store, "anna").await;
    assert_eq!(store.account_by_name(&name("anna@example.com")).await.unwrap(), Some(heir));
    assert_eq!(store.account_by_name(&name("anita@example.com")).await.unwrap(), Some(next));
}

async fn accounts_are_listed_in_order_by_cursor(store: Arc<dyn Store>) {
    assert_eq!(store.accounts(None, 10).await.unwrap(), []);
    let mut all = Vec::new();
    for number in 0..12 {
        all.push(registered(&store, &format!("person{number}")).await);
    }
    assert!(store.delete_account(all[3].id, &names_of(&all[3])).await.unwrap());
    all.remove(3);
    assert_eq!(store.accounts(None, 100).await.unwrap(), all);
    assert_eq!(store.accounts(None, 4).await.unwrap(), all[..4]);
    assert_eq!(store.accounts(Some(all[3].id), 4).await.unwrap(), all[4..8]);
    assert_eq!(store.accounts(Some(all[10].id), 4).await.unwrap(), []);
    assert_eq!(store.accounts(Some(AccountId(0)), 0).await.unwrap(), []);
    let (mut seen, mut after) = (BTreeSet::new(), None);
    while let Some(last) = store.accounts(after, 3).await.unwrap().last() {
        for account in store.accounts(after, 3).await.unwrap() {
            assert!(seen.insert(account.id));
        }
        after = Some(last.id);
    }
    assert_eq!(seen.len(), 11);
}
