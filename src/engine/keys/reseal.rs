use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};

use super::{KeyTrouble, PATIENCE};
use crate::engine::Engine;
use crate::identity::{Account, AccountId, KeyError, TotpFactor};

/// Accounts that are read at a time, and of these how many are written at a time.
const PAGE: usize = 200;
const AT_ONCE: usize = 16;

/// How far a re-sealing is. Accounts that are enrolled meanwhile come on top.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

/// What became of one account.
enum Moved {
    /// There was nothing to do, or somebody else did it.
    Already,
    From(String),
    /// Its secret cannot be opened, so it stays as it is.
    Stuck(u64),
}

impl Engine {
    /// How many accounts are sealed under each key. Reads every account.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn sealed_accounts(&self) -> Result<BTreeMap<String, u64>, KeyTrouble> {
        let (mut after, mut counts) = (None, BTreeMap::new());
        loop {
            let page = self.store.accounts(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(counts) };
            after = Some(last.id);
            for key in page.iter().filter_map(sealed_under) {
                *counts.entry(key.to_owned()).or_default() += 1;
            }
        }
    }

    /// Seals every account's secret anew that is not under the current key, and looks again until there is none: an
    /// instance that has not heard of the key may have sealed one meanwhile. Then notes in the ring that the older keys
    /// are empty. Can be cut short at any point, and begun again.
    pub(super) async fn reseal(&self, watch: &(dyn Fn(Progress) + Sync)) -> Result<u64, KeyTrouble> {
        let (mut progress, mut moved, mut stuck) = (Progress::default(), Vec::new(), Vec::new());
        let looked: Vec<String> = loop {
            let ring = self.keys.ring();
            let counts = self.sealed_accounts().await?;
            let left: u64 = counts.iter().filter(|(id, _)| **id != ring.current.id).map(|(_, count)| count).sum();
            if left <= stuck.len() as u64 {
                break ring.retiring.iter().map(|key| key.id.clone()).collect();
            }
            progress.total = progress.done + left;
            watch(progress);
            stuck = self.reseal_all(&mut progress, &mut moved, watch).await?;
        };
        if !stuck.is_empty() {
            return Err(KeyTrouble::Unopened(stuck));
        }
        self.change_ring(|ring| {
            ring.emptied(&looked, &moved, self.clock.now());
            Ok(())
        })
        .await?;
        Ok(progress.done)
    }

    /// Once through all accounts; the numbers of those that cannot be opened.
    async fn reseal_all(
        &self,
        progress: &mut Progress,
        moved: &mut Vec<String>,
        watch: &(dyn Fn(Progress) + Sync),
    ) -> Result<Vec<u64>, KeyTrouble> {
        let (mut after, mut stuck) = (None::<AccountId>, Vec::new());
        loop {
            let page = self.store.accounts(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(stuck) };
            after = Some(last.id);
            let mut writes = stream::iter(page).map(|account| self.reseal_account(account)).buffer_unordered(AT_ONCE);
            while let Some(outcome) = writes.next().await {
                match outcome? {
                    Moved::Already => continue,
                    Moved::Stuck(account) => stuck.push(account),
                    Moved::From(key) => {
                        progress.done += 1;
                        progress.total = progress.total.max(progress.done);
                        if !moved.contains(&key) {
                            moved.push(key);
                        }
                    }
                }
            }
            watch(*progress);
        }
    }

    async fn reseal_account(&self, mut account: Account) -> Result<Moved, KeyTrouble> {
        for _ in 0..PATIENCE {
            let Some(factor) = account.authenticator() else { return Ok(Moved::Already) };
            let Some(key) = factor.secret.key_id().map(str::to_owned) else { return Ok(Moved::Stuck(account.id.0)) };
            if key == self.keys.ring().current.id {
                return Ok(Moved::Already);
            }
            let context = TotpFactor::context(account.id);
            let context = [context[0].as_str(), context[1].as_str()];
            let mut opened = self.keys.open(&factor.secret, &context);
            if matches!(opened, Err(KeyError::UnknownKey(_))) {
                self.ring_in_store().await?;
                opened = self.keys.open(&factor.secret, &context);
            }
            let Ok(plain) = opened else { return Ok(Moved::Stuck(account.id.0)) };
            let secret = self.keys.seal(&plain, &context, self.entropy.bytes());
            let mut next = account.clone();
            next.revision += 1;
            if let Some(factor) = next.authenticator_mut() {
                factor.secret = secret;
            }
            let names = account.login_names(&self.policy.names);
            if self.store.replace_account(&next, &names, &names).await?.unwrap_or(false) {
                return Ok(Moved::From(key));
            }
            match self.store.account(account.id).await? {
                Some(newer) => account = newer,
                None => return Ok(Moved::Already),
            }
        }
        // Somebody is at this account all the time. The next look finds it.
        Ok(Moved::Already)
    }
}

fn sealed_under(account: &Account) -> Option<&str> {
    account.authenticator().map(|factor| factor.secret.key_id().unwrap_or_default())
}
