use std::sync::Arc;

use crate::engine::ports::{RequestId, StoreError};
use crate::identity::MfaOrders;

use super::attempts::REMEMBER;
use super::call::{Call, Reply, Script};
use super::keys::request;
use super::{RedisStore, record};

impl RedisStore {
    /// Sends calls that read, and with them one that reads the orders: no further round trip, and whoever decides upon
    /// what was read knows what was ordered before.
    pub(super) async fn reading<const N: usize>(&self, calls: [Call; N]) -> Result<[Reply; N], StoreError> {
        let replies = self.reading_all(calls.into()).await?;
        replies.try_into().map_err(|_| record::damaged("a row of replies"))
    }

    pub(super) async fn reading_all(&self, mut calls: Vec<Call>) -> Result<Vec<Reply>, StoreError> {
        calls.push(Call::command("GET").arg(self.keys.orders()));
        let mut replies = self.link.flight_of(&calls).await?;
        if let Some(orders) = replies.pop().map(Reply::optional_text).transpose()?.flatten() {
            self.heard.learn(orders.as_bytes(), |_| record::read_orders(&orders))?;
        }
        Ok(replies)
    }

    pub(super) fn orders(&self) -> Arc<MfaOrders> {
        self.heard.orders()
    }

    pub(super) async fn change_orders(
        &self,
        id: &RequestId,
        before: u64,
        next: &MfaOrders,
    ) -> Result<bool, StoreError> {
        let new = record::orders(next)?;
        let call =
            Call::script(Script::ChangeOrders, self.keys.orders()).arg(request(id)).arg(REMEMBER).arg(before).arg(&new);
        let answer = self.link.call(call).await?.text()?;
        match answer.split_once('|') {
            None if answer == "done" => self.heard.learn(new.as_bytes(), |_| Ok(next.clone())).map(|()| true),
            Some(("other", "")) => {
                self.heard.relearn(b"", MfaOrders::default());
                Ok(false)
            }
            Some(("other", kept)) => {
                self.heard.relearn(kept.as_bytes(), record::read_orders(kept)?);
                Ok(false)
            }
            _ => Err(record::damaged("the answer to an order")),
        }
    }
}
