use chrono::{DateTime, Utc};

use crate::engine::ports::StoreError;
use crate::identity::{Account, AccountId, LoginName};

use super::call::{Call, Script};
use super::keys::name_digest;
use super::record::{self, damaged, millis, to_json};
use super::{RedisStore, call::Reply};

/// Milliseconds after which a claim that was not made good may be questioned: far longer than making it good takes.
const PATIENCE: u64 = 10_000;
/// How long a lost claim is remembered, in milliseconds: a server that was suspended that long would come too late.
const LOST: u64 = 86_400_000;

/// Claiming names for an account, as one call does it.
pub(super) struct Claim<'a> {
    pub(super) account: AccountId,
    /// The name of the claim.
    pub(super) id: String,
    pub(super) at: DateTime<Utc>,
    pub(super) names: &'a [LoginName],
}

/// How claiming ended.
pub(super) enum Claimed {
    /// All names are the account's. These were not before.
    All(Vec<LoginName>),
    /// This one is another's. Nothing is left claimed.
    Taken(LoginName),
}

/// Who a name belongs to, as another one who asked for it is told.
struct Holder<'a> {
    account: AccountId,
    claimed_at: u64,
    claim: &'a str,
    filled: bool,
}

impl RedisStore {
    /// Claims all names or none. A crash in between leaves claims that anybody may question after ten seconds.
    pub(super) async fn claim(&self, claim: &Claim<'_>) -> Result<Claimed, StoreError> {
        let calls: Vec<Call> = claim.names.iter().map(|name| self.claim_call(claim, name, None)).collect();
        let replies = self.link.flight_of(&calls).await?;
        let (mut fresh, mut taken) = (vec![], None);
        for (name, reply) in claim.names.iter().zip(replies) {
            match self.settle(claim, name, reply).await? {
                Some(true) => fresh.push(name.clone()),
                Some(false) => {}
                None => taken = taken.or_else(|| Some(name.clone())),
            }
        }
        match taken {
            None => Ok(Claimed::All(fresh)),
            Some(name) => {
                self.release(claim.account, &fresh, Some(&claim.id)).await?;
                Ok(Claimed::Taken(name))
            }
        }
    }

    /// `Some(true)`: newly claimed; `Some(false)`: the account's already; `None`: another's.
    async fn settle(&self, claim: &Claim<'_>, name: &LoginName, reply: Reply) -> Result<Option<bool>, StoreError> {
        let answer = reply.text()?;
        let Some(holder) = read_claim(&answer)? else { return Ok(Some(answer == "claimed")) };
        let age = millis(claim.at).saturating_sub(holder.claimed_at);
        if !holder.filled && age < PATIENCE {
            return Ok(None);
        }
        // The claim is old, or the account has left its copy here: does it hold the name? If not, it never will by
        // that claim, and the name is free.
        let check = Call::script(Script::CheckHolder, self.keys.account(holder.account))
            .arg(name_digest(name))
            .arg(holder.claim)
            .arg(LOST);
        if self.link.call(check).await?.text()? == "holds" {
            return Ok(None);
        }
        let take = self.claim_call(claim, name, Some(holder.account));
        let answer = self.link.call(take).await?.text()?;
        Ok(read_claim(&answer)?.is_none().then_some(answer == "claimed"))
    }

    fn claim_call(&self, claim: &Claim<'_>, name: &LoginName, from: Option<AccountId>) -> Call {
        Call::script(Script::ClaimName, self.keys.name(name))
            .arg(claim.account.0)
            .arg(millis(claim.at))
            .arg(&claim.id)
            .arg(from.map(|id| id.to_string()).unwrap_or_default())
    }

    /// Gives names up that are the account's; with `claim`, only those that nobody has claimed for it since.
    pub(super) async fn release(
        &self,
        account: AccountId,
        names: &[LoginName],
        claim: Option<&str>,
    ) -> Result<(), StoreError> {
        let release = |name| {
            let call = Call::script(Script::ReleaseName, self.keys.name(name));
            call.arg(account.0).arg(claim.unwrap_or_default())
        };
        let calls: Vec<Call> = names.iter().map(release).collect();
        self.send_all(&calls).await
    }

    pub(super) async fn refresh_names(&self, account: &Account, names: &[LoginName]) -> Result<(), StoreError> {
        let document = to_json(account)?;
        let fill = |name| {
            Call::script(Script::FillName, self.keys.name(name))
                .arg(account.id.0)
                .arg(millis(account.updated_at))
                .arg("-")
                .arg(account.revision)
                .arg(&document)
        };
        let calls: Vec<Call> = names.iter().map(fill).collect();
        self.send_all(&calls).await
    }

    pub(super) async fn send_all(&self, calls: &[Call]) -> Result<(), StoreError> {
        if calls.is_empty() { Ok(()) } else { self.link.flight_of(calls).await.map(drop) }
    }

    pub(super) fn get_name(&self, name: &LoginName) -> Call {
        Call::command("GET").arg(self.keys.name(name))
    }

    /// The account in a name's record; a claim that was never filled is looked up at the account, and filled.
    pub(super) async fn named_account(&self, name: &LoginName, record: &str) -> Result<Option<Account>, StoreError> {
        let (holder, document) = read_name(record)?;
        if !document.is_empty() {
            return record::from_json("the copy of an account", document).map(Some);
        }
        let account = self.holder(name, holder).await?;
        if let Some(account) = &account {
            self.refresh_names(account, std::slice::from_ref(name)).await?;
        }
        Ok(account)
    }

    /// The account itself, if it says that it has this name.
    pub(super) async fn holder(&self, name: &LoginName, id: AccountId) -> Result<Option<Account>, StoreError> {
        match self.link.call(self.get_account(id)).await?.optional_text()? {
            Some(record) if record::has_name(&record, name) => record::read_account(&record).map(Some),
            _ => Ok(None),
        }
    }
}

/// Who has the name that was claimed; `None` when the claim went through.
fn read_claim(answer: &str) -> Result<Option<Holder<'_>>, StoreError> {
    if answer == "claimed" || answer == "ours" {
        return Ok(None);
    }
    let fields: Vec<&str> = answer.split('|').collect();
    let ["held", account, at, claim, revision] = fields[..] else { return Err(damaged("the answer to a claim")) };
    let holder = account.parse().ok().zip(at.parse().ok()).map(|(account, claimed_at)| Holder {
        account,
        claimed_at,
        claim,
        filled: revision != "0",
    });
    holder.map(Some).ok_or_else(|| damaged("the answer to a claim"))
}

/// The account that a name's record belongs to, and the copy of it, which may be empty.
pub(super) fn read_name(record: &str) -> Result<(AccountId, &str), StoreError> {
    let mut parts = record.splitn(5, ' ');
    let id = parts.next().and_then(|id| id.parse().ok());
    id.zip(parts.nth(3)).ok_or_else(|| damaged("a name"))
}
