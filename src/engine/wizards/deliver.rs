use std::sync::Arc;

use crate::engine::ports::{Commit, Message, SendFailure};
use crate::engine::{Call, Engine, Reason, Refused, Standing};
use crate::workflow::{Purpose, Wizard};

use super::lower::Plan;
use super::open::{Opened, at};
use super::view::Shown;

impl Engine {
    /// Sends what the committed step has promised. What no provider took costs no cooldown and no budget.
    pub(super) async fn deliver(
        &self,
        call: &Call,
        opened: &Opened,
        plan: Plan,
        standing: Standing,
    ) -> Result<Standing, Refused> {
        let Some(message) = &plan.message else { return Ok(standing) };
        if opened.workflow.purpose == Purpose::Recover {
            // Behind the answer: how long it takes would tell that an account has the address.
            self.send_by_and_by(message.clone());
            return Ok(standing);
        }
        match self.courier.send(message).await {
            Ok(receipt) => {
                tracing::info!(wizard = %plan.wizard.id, provider = receipt.provider, message = message.id, "code sent");
                Ok(standing)
            }
            Err(SendFailure::Unknown) => self.unconfirmed(call, opened, &plan).await,
            Err(SendFailure::Refused) => Err(self.unsent(call, opened, &plan).await?),
        }
    }

    fn send_by_and_by(&self, message: Message) {
        let courier = Arc::clone(&self.courier);
        self.errands.run("a code", async move {
            if let Err(error) = courier.send(&message).await {
                tracing::warn!(%error, message = message.id, "a code to get back in with was not sent");
            }
        });
    }

    /// Nobody knows whether the code will arrive: it stays valid, the receipt says so, and another may be asked for at
    /// once. Never sent again by itself.
    async fn unconfirmed(&self, call: &Call, opened: &Opened, plan: &Plan) -> Result<Standing, Refused> {
        let mut next = free_cooldown(&plan.wizard);
        if let Some(outstanding) = &mut next.sends.outstanding {
            outstanding.unconfirmed = true;
        }
        let standing = self.standing(&next, &opened.workflow, Shown::default())?;
        self.remember(call, &mut next, &Ok(standing.clone()))?;
        self.amend(&next).await;
        Ok(standing)
    }

    /// Nothing went out: the code is dropped, the budget given back.
    async fn unsent(&self, call: &Call, opened: &Opened, plan: &Plan) -> Result<Refused, Refused> {
        let mut next = free_cooldown(&plan.wizard);
        next.sends.outstanding = None;
        next.sends.count = next.sends.count.saturating_sub(1);
        let refused = at(Refused::new(Reason::DeliveryFailed), &next, &opened.workflow);
        self.remember(call, &mut next, &Err(refused.clone()))?;
        self.amend(&next).await;
        self.give_back(opened, plan).await;
        Ok(refused)
    }

    /// Gives the account back the send that was counted for this plan, if one was: nothing went out.
    pub(super) async fn give_back(&self, opened: &Opened, plan: &Plan) {
        let (Some(budget), Some(subject)) = (&plan.write.send, self.subject(&plan.wizard)) else { return };
        let refunded = self.store.refund_send(&self.request(), &subject, budget, opened.now).await;
        if let Err(error) = refunded {
            tracing::warn!(%error, ?subject, "a send that did not happen could not be given back");
        }
    }

    /// Writes what delivery has taught. When a next step came first, or the store is away, the person waits out a
    /// cooldown; nothing worse.
    async fn amend(&self, next: &Wizard) {
        match self.store.commit_wizard(&self.request(), next).await {
            Ok(Commit::Done | Commit::Lost(_)) => {}
            Err(error) => tracing::warn!(%error, wizard = %next.id, "a failed delivery could not be noted"),
        }
    }
}

fn free_cooldown(wizard: &Wizard) -> Wizard {
    let mut next = wizard.clone();
    next.revision += 1;
    if let Some(outstanding) = &next.sends.outstanding {
        next.sends.not_before.remove(&outstanding.recipient);
    }
    next
}
