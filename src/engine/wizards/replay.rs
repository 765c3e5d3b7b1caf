use subtle::ConstantTimeEq;

use crate::engine::{Call, Engine, Reason, Refused, Standing};
use crate::workflow::{Answered, Wizard};

use super::open::{Opened, at};

type Answer = Result<Standing, Refused>;

impl Engine {
    /// The answer that was already given under the call's `Idempotency-Key`.
    ///
    /// # Errors
    /// When the key was used for another request.
    pub(super) fn replay(&self, call: &Call, wizard: &Wizard) -> Result<Option<Answer>, Refused> {
        let (Some(idempotency), Some(answered)) = (&call.idempotency, &wizard.answered) else { return Ok(None) };
        let same = |stored: &str, asked: &str| bool::from(stored.as_bytes().ct_eq(asked.as_bytes()));
        if !same(&answered.key, &self.keys.mac("idempotency-key", &[&idempotency.key])) {
            return Ok(None);
        }
        if !same(&answered.request, &self.keys.mac("idempotency-request", &[&idempotency.request])) {
            return Err(Refused::new(Reason::IdempotencyKeyReused));
        }
        let id = wizard.id.to_string();
        let answer = self.keys.open(&answered.answer, &[&id, "answer"]).ok();
        let answer = answer.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        match answer {
            Some(answer) => Ok(Some(answer)),
            None => {
                tracing::error!(wizard = %id, "a kept answer cannot be opened");
                Err(Refused::new(Reason::Internal))
            }
        }
    }

    /// Keeps the answer with the wizard, sealed, so that both are committed at once.
    pub(super) fn remember(&self, call: &Call, next: &mut Wizard, answer: &Answer) -> Result<(), Refused> {
        next.answered = None;
        let Some(idempotency) = &call.idempotency else { return Ok(()) };
        let plain = serde_json::to_vec(answer).map_err(|error| {
            tracing::error!(%error, "an answer cannot be kept");
            Refused::new(Reason::Internal)
        })?;
        next.answered = Some(Answered {
            key: self.keys.mac("idempotency-key", &[&idempotency.key]),
            request: self.keys.mac("idempotency-request", &[&idempotency.request]),
            answer: self.keys.seal(&plain, &[&next.id.to_string(), "answer"], self.entropy.bytes()),
        });
        Ok(())
    }

    /// Keeps a refusal too, so that a wrong guess asked twice is counted once. What may change by itself (a store that
    /// was away, a full queue, a lost race) is not kept.
    pub(super) async fn remember_refusal(&self, call: &Call, opened: &Opened, refused: &Refused) {
        let passing = matches!(
            refused.reason,
            Reason::Unavailable
                | Reason::Overloaded
                | Reason::WizardChanged
                | Reason::WizardNotFound
                | Reason::IdempotencyKeyReused
                | Reason::DeliveryFailed
                | Reason::Internal
        );
        if call.idempotency.is_none() || passing {
            return;
        }
        let mut next = opened.wizard.clone();
        next.revision += 1;
        let answer = Err(at(refused.clone(), &opened.wizard, &opened.workflow));
        if self.remember(call, &mut next, &answer).is_err() {
            return;
        }
        if let Err(error) = self.store.commit_wizard(&self.request(), &next).await {
            tracing::warn!(%error, wizard = %next.id, "a refusal could not be kept for its Idempotency-Key");
        }
    }
}
