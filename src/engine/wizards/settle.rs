use crate::engine::ports::{Commit, EventKind, StoreError};
use crate::engine::{Call, Engine, Reason, Refused, Standing};
use crate::workflow::{Fact, Opens, Wizard};

use super::lower::{News, Plan};
use super::open::{Opened, at};
use super::view::Shown;

/// How often a wizard may be changed by others while it is carried through.
const PATIENCE: usize = 5;

/// Whether the plan has changed a factor for good and the wizard, as another step has left it, does not say so. A twin of
/// this very step has.
fn outlives(plan: &Plan, current: &Wizard) -> bool {
    let signs_in = plan.opened.is_some() || plan.wizard.opens == Opens::Nothing;
    !plan.write.changes.is_empty() && !signs_in && plan.wizard.ended && current.step != plan.wizard.step
}

impl Engine {
    /// Commits an accepted plan, then delivers what it promises.
    pub(super) async fn settle(&self, call: &Call, opened: &Opened, mut plan: Plan) -> Result<Standing, Refused> {
        let tokens = plan.opened.as_ref().map(|opening| self.mint(opening, opened)).transpose()?.flatten();
        let shown = Shown { tokens, success: plan.success.take(), device: plan.device.take() };
        let standing = self.standing(&plan.wizard, &opened.workflow, shown)?;
        self.remember(call, &mut plan.wizard, &Ok(standing.clone()))?;
        let commit = self.write(opened, &plan.wizard);
        let outcome = match &plan.write.account {
            // The copies by name are mended beside the commit, not after it.
            Some(account) => tokio::join!(commit, self.copy_names(account)).0?,
            None => commit.await?,
        };
        match outcome {
            Commit::Done => {
                self.tell_news(call, opened, &mut plan);
                self.deliver(call, opened, plan, standing).await
            }
            Commit::Lost(current) => {
                // The account was changed all the same.
                if plan.write.account.is_some() {
                    plan.news.events.retain(|event| !event.is(EventKind::SignedIn));
                    self.tell_news(call, opened, &mut plan);
                }
                let current = current.map(|wizard| *wizard);
                if let Some(current) = current.clone().filter(|current| outlives(&plan, current)) {
                    return self.carry_through(&plan, current, standing).await;
                }
                self.lost(call, opened, &plan, current).await
            }
        }
    }

    /// Writes the wizard as it shall be. One that nobody has been told of is written only if it waits for something that
    /// can be brought there: an end, or an enrolment, is not.
    async fn write(&self, opened: &Opened, next: &Wizard) -> Result<Commit, StoreError> {
        let waits = !next.ended && !next.facts.holds(Fact::MustEnrol);
        match opened.stored {
            true => self.store.commit_wizard(&self.request(), next).await,
            false if waits => self.store.create_wizard(next).await.map(|()| Commit::Done),
            false => Ok(Commit::Done),
        }
    }

    /// What has come about is noted, and its owner told.
    fn tell_news(&self, call: &Call, opened: &Opened, plan: &mut Plan) {
        let News { events, notices } = std::mem::take(&mut plan.news);
        let Some(account) = plan.write.account.as_ref().or(opened.account.as_ref()) else { return };
        let session = opened.wizard.session.as_ref();
        for event in events {
            let event = event.to(account.id).in_call(call).wizard(opened.wizard.id);
            self.note(session.map_or(event.clone(), |session| event.session(session)));
        }
        for notice in notices {
            self.tell_owner(account, notice);
        }
    }

    /// A factor that was turned on or off is so, whatever came between: the wizard says it too, and so does the answer.
    async fn carry_through(&self, plan: &Plan, mut current: Wizard, standing: Standing) -> Result<Standing, Refused> {
        for _ in 0..PATIENCE {
            let next = Wizard { revision: current.revision + 1, ..plan.wizard.clone() };
            match self.store.commit_wizard(&self.request(), &next).await? {
                Commit::Lost(Some(now)) if outlives(plan, &now) => current = *now,
                Commit::Done | Commit::Lost(_) => break,
            }
        }
        Ok(standing)
    }

    /// Another step came first. If it was this very request, sent twice, both hear the same answer.
    async fn lost(
        &self,
        call: &Call,
        opened: &Opened,
        plan: &Plan,
        current: Option<Wizard>,
    ) -> Result<Standing, Refused> {
        self.give_back(opened, plan).await;
        if let Some(current) = &current
            && let Some(answer) = self.replay(call, current)?
        {
            return answer;
        }
        if let (Some(opening), Some(account)) = (&plan.opened, &opened.account) {
            let taken = current.as_ref().is_some_and(|current| current.session.as_ref() == Some(&opening.session.id));
            if !taken {
                self.store.end_session(account.id, &opening.session.id).await?;
            }
        }
        match current {
            Some(current) => Err(at(Refused::new(Reason::WizardChanged), &current, &opened.workflow)),
            None => Err(Refused::new(Reason::WizardNotFound)),
        }
    }
}
