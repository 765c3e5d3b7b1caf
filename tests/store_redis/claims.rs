//! What a server leaves behind that stops in the middle of a change of names, and how others get past it.

use std::time::Duration;

use stepgate::engine::ports::{AddressKey, NameTaken, Store, StoreError};
use stepgate::identity::{Account, LoginName};
use stepgate::store::redis::{RedisSettings, RedisStore};

use crate::fixtures::*;
use crate::harness::redis::{Proxy, single};

/// A store that loses its server in mid-call, and another one on the same keys that does not.
struct Pair {
    failing: RedisStore,
    proxy: Proxy,
    sound: RedisStore,
}

impl Pair {
    async fn new() -> Self {
        let proxy = Proxy::before(single().port);
        let settings = RedisSettings { timeout: Duration::from_millis(500), ..settings(&proxy.url()) };
        let failing = RedisStore::open(settings.clone()).await.unwrap();
        failing.health().await.unwrap();
        Pair { failing, proxy, sound: open_beside(&settings, &single().url()).await }
    }

    /// Creates an account and stops after `requests` of the four.
    async fn create(&self, local: &str, requests: usize) -> Vec<LoginName> {
        let account = person(local);
        let names = names_of(&account);
        self.proxy.cut_after(requests);
        let end = self.failing.create_account(account, &names).await;
        assert!(matches!(end, Err(StoreError::Unavailable(_))), "{end:?}");
        names
    }
}

fn born(seconds: i64, local: &str) -> Account {
    Account { created_at: at(seconds), updated_at: at(seconds), ..person(local) }
}

#[tokio::test]
async fn a_name_without_an_account_is_taken_over_after_ten_seconds() {
    let pair = Pair::new().await;
    let names = pair.create("anna", 2).await;
    assert_eq!(pair.sound.account_by_name(&names[0]).await.unwrap(), None);
    let early = pair.sound.create_account(born(9, "anna"), &names).await.unwrap();
    assert_eq!(early, Err(NameTaken(names[0].clone())));
    let created = pair.sound.create_account(born(10, "anna"), &names).await.unwrap().unwrap();
    assert_eq!(pair.sound.account_by_name(&names[0]).await.unwrap().as_ref(), Some(&created));
    assert_eq!(pair.sound.accounts(None, 10).await.unwrap(), [created]);
}

#[tokio::test]
async fn an_account_whose_copies_are_missing_is_found_and_keeps_its_name() {
    let pair = Pair::new().await;
    let names = pair.create("anna", 3).await;
    let late = pair.sound.create_account(born(3_600, "anna"), &names).await.unwrap();
    assert_eq!(late, Err(NameTaken(names[0].clone())));
    let found = pair.sound.account_by_name(&names[0]).await.unwrap();
    assert!(found.is_some());
    let address = AddressKey("192.0.2.1".to_owned());
    for _ in 0..2 {
        let (_, account, _) = pair.sound.open_sign_in(wizard().id, &names[0], &address, at(0)).await.unwrap();
        assert_eq!(account, found);
    }
}

#[tokio::test]
async fn old_names_that_were_not_given_up_find_nobody_and_are_free() {
    let pair = Pair::new().await;
    let account = registered(&pair.failing, "anna").await;
    let next = Account { email: person("beth").email, ..changed(&account) };
    let (old, new) = (names_of(&account), names_of(&next));
    pair.proxy.cut_after(2);
    assert!(pair.failing.replace_account(&next, &old, &new).await.is_err());
    assert_eq!(pair.sound.account_by_name(&new[0]).await.unwrap().as_ref(), Some(&next));
    assert_eq!(pair.sound.account_by_name(&old[0]).await.unwrap(), None);
    let other = pair.sound.create_account(person("anna"), &old).await.unwrap().unwrap();
    assert_eq!(pair.sound.account_by_name(&old[0]).await.unwrap(), Some(other));
    // The same call again finishes the work, and takes nothing from the new owner.
    assert_eq!(pair.sound.replace_account(&next, &old, &new).await.unwrap(), Ok(true));
    assert!(pair.sound.account_by_name(&old[0]).await.unwrap().is_some());
}

#[tokio::test]
async fn the_names_of_a_deleted_account_are_free_at_once() {
    let pair = Pair::new().await;
    let account = registered(&pair.failing, "anna").await;
    let names = names_of(&account);
    pair.proxy.cut_after(1);
    assert!(pair.failing.delete_account(account.id, &names).await.is_err());
    assert_eq!(pair.sound.account_by_name(&names[0]).await.unwrap(), None);
    assert_eq!(pair.sound.accounts(None, 10).await.unwrap(), []);
    let created = registered(&pair.sound, "anna").await;
    assert_eq!(pair.sound.accounts(None, 1).await.unwrap(), [created], "the line that leads nowhere took its place");
}

#[tokio::test]
async fn a_server_that_slept_on_its_claim_does_not_get_the_name() {
    let proxy = Proxy::before(single().port);
    let settings = settings(&proxy.url());
    let sleeping = RedisStore::open(settings.clone()).await.unwrap();
    let sound = open_beside(&settings, &single().url()).await;
    let existing = registered(&sleeping, "carl").await;
    let names = names_of(&person("anna"));
    proxy.hold_after(2);
    let (slept, created) = tokio::join!(sleeping.create_account(person("anna"), &names), async {
        while !proxy.is_holding() {
            tokio::task::yield_now().await;
        }
        let created = sound.create_account(born(10, "anna"), &names).await.unwrap().unwrap();
        proxy.clear();
        created
    });
    assert_eq!(slept.unwrap(), Err(NameTaken(names[0].clone())));
    assert_eq!(sound.account_by_name(&names[0]).await.unwrap().as_ref(), Some(&created));
    assert_eq!(sound.accounts(None, 10).await.unwrap(), [existing.clone(), created]);
    // The same for an account that was to get a further name.
    let (old, wanted) = (names_of(&existing), [names_of(&existing), vec![name("beth@example.com")]].concat());
    proxy.hold_after(1);
    let next = changed(&existing);
    let (slept, beth) = tokio::join!(sleeping.replace_account(&next, &old, &wanted), async {
        while !proxy.is_holding() {
            tokio::task::yield_now().await;
        }
        let beth = sound.create_account(born(10, "beth"), &wanted[1..]).await.unwrap().unwrap();
        proxy.clear();
        beth
    });
    assert_eq!(slept.unwrap(), Err(NameTaken(wanted[1].clone())));
    assert_eq!(sound.account(existing.id).await.unwrap(), Some(existing));
    assert_eq!(sound.account_by_name(&wanted[1]).await.unwrap(), Some(beth));
}

#[tokio::test]
async fn a_failed_replacement_gives_back_what_it_claimed() {
    let store = open(&single().url()).await;
    let account = registered(&store, "anna").await;
    let wanted = name("beth@example.com");
    let late = Account { revision: account.revision + 2, ..account.clone() };
    let names = [names_of(&account), vec![wanted.clone()]].concat();
    assert_eq!(store.replace_account(&late, &names_of(&account), &names).await.unwrap(), Ok(false));
    let other = registered(&store, "beth").await;
    let taken = store.replace_account(&changed(&account), &names_of(&account), &names).await.unwrap();
    assert_eq!(taken, Err(NameTaken(wanted)));
    assert_eq!(store.account_by_name(&names[1]).await.unwrap(), Some(other));
}
