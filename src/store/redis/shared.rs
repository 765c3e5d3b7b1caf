use crate::engine::ports::{Change, NewChange, StoreError};
use crate::identity::{AccountId, Sealed};
use crate::workflow::Digest;

use super::call::{Call, Script};
use super::{RedisStore, record};

impl RedisStore {
    pub(super) async fn changes(&self, account: AccountId) -> Result<Vec<Change>, StoreError> {
        let call = Call::command("LRANGE").arg(self.keys.changes(account)).arg(0).arg(-1);
        let lines = self.link.call(call).await?.texts()?;
        let numbered = (1..).zip(&lines).map(|(id, line)| {
            let NewChange { provider, is_enabled, time } = record::from_json("a change", line)?;
            Ok(Change { id, provider, is_enabled, time })
        });
        numbered.collect()
    }

    pub(super) async fn publish(&self, digest: &Digest, source: &str) -> Result<(), StoreError> {
        self.link.call(Call::command("SET").arg(self.keys.workflow(digest)).arg(source)).await.map(drop)
    }

    pub(super) async fn published(&self, digest: &Digest) -> Result<Option<String>, StoreError> {
        self.link.call(Call::command("GET").arg(self.keys.workflow(digest))).await?.optional_text()
    }

    pub(super) async fn keep(&self, name: &str, value: &Sealed) -> Result<Sealed, StoreError> {
        let call = Call::command("SET").arg(self.keys.kept(name)).arg(record::to_json(value)?).arg("NX").arg("GET");
        // What was there before; a repeat finds its own value, which is the answer as well.
        match self.link.call(call).await?.optional_text()? {
            Some(kept) => record::from_json("a kept secret", &kept),
            None => Ok(value.clone()),
        }
    }

    pub(super) async fn kept(&self, name: &str) -> Result<Option<Sealed>, StoreError> {
        let kept = self.link.call(Call::command("GET").arg(self.keys.kept(name))).await?.optional_text()?;
        kept.map(|text| record::from_json("a kept secret", &text)).transpose()
    }

    /// Nothing is kept as an empty text, so that stands for nothing.
    pub(super) async fn swap_kept(&self, name: &str, old: Option<&Sealed>, new: &Sealed) -> Result<bool, StoreError> {
        let old = old.map(record::to_json).transpose()?.unwrap_or_default();
        let call = Call::script(Script::SwapKept, self.keys.kept(name)).arg(old).arg(record::to_json(new)?);
        Ok(self.link.call(call).await?.text()? == "done")
    }
}
