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
        if !same(&answered.key, &self.key_digest(call, &idempotency.key)) {
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
            key: self.key_digest(call, &idempotency.key),
            request: self.keys.mac("idempotency-request", &[&idempotency.request]),
            answer: self.keys.seal(&plain, &[&next.id.to_string(), "answer"], self.entropy.bytes()),
        });
        Ok(())
    }

    /// An answer belongs to whoever showed the wizard key when it was given, or showed none then.
    fn key_digest(&self, call: &Call, key: &str) -> String {
        let shown = call.wizard_key.as_ref().map_or("", |shown| shown.expose());
        self.keys.mac("idempotency-key", &[key, shown])
    }

    /// Lets go of a kept answer whose key was shown with another request. Whoever could try one request after the other
    /// against it would be guessing without being counted.
    pub(super) async fn forget_answer(&self, opened: &Opened) {
        let mut next = opened.wizard.clone();
        next.revision += 1;
        next.answered = None;
        if let Err(error) = self.store.commit_wizard(&self.request(), &next).await {
            tracing::warn!(%error, wizard = %next.id, "a kept answer could not be dropped");
        }
    }

    /// Keeps a refusal too, if it was counted, so that a wrong guess asked twice is counted once. No other is kept: it
    /// costs nothing to find out again, and must not take the place of an answer that somebody still waits for.
    pub(super) async fn remember_refusal(&self, call: &Call, opened: &Opened, refused: &Refused) {
        if call.idempotency.is_none() || refused.attempts_left.is_none() {
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
